// One cell as training shows it: GatherArguments in engine/backend.h says what is done and in which order.
#pragma once

#include <cstddef>
#include <vector>

#include "../engine/backend.h"

namespace deepyeast {

// Memory for one cell at a time.
class Perturbation {
 public:
  // All but the mixing of two cells: the network's input of `cell` of the batch, [size, size, channels].
  void perturb(const GatherArguments& arguments, std::size_t cell, float* target);

 private:
  using Plane = std::vector<float>;

  void move(const GatherArguments& arguments, std::size_t cell, int channel);
  void resample(const CellPerturbation& cell);
  void smooth(Plane& plane, float deviation, bool torus);
  void draw_noise(const RandomStream& stream, std::size_t cell, int channel, int channels);

  int size_ = 0;
  Plane plane_, other_, noise_, correlated_, padded_, weights_;
  std::vector<std::uint32_t> words_;
};

}  // namespace deepyeast
