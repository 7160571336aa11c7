// A network's parameters, running statistics, momentum and input transform, in the memory of its backend.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "topology.h"

namespace deepyeast {

class Parameters {
 public:
  // Draws the weights from the seed, Glorot-normal; draw_weights false: all parameters are 0, for a network whose tensors
  // are set next.
  Parameters(const Topology& topology, const std::vector<Layer>& layers, std::uint64_t seed, Backend& backend,
             bool draw_weights);

  const ParameterLayout& layout() const { return layout_; }

  // Tensors by name: parameters, statistics, "mean_image", "velocity/NAME", the momentum of a trainable tensor, and
  // "average/NAME", the average of a parameter or the statistics that belong to the averages.
  // Throws Error("invalid-argument") for a name that none has, and for values of another number.
  std::vector<float> tensor(const std::string& name);
  void set_tensor(const std::string& name, const float* values, std::size_t count);
  // The same from values that `read` puts in place, piece by piece, perhaps from several threads at once.
  using TensorReader = std::function<void(std::size_t first, std::size_t count, float* target)>;
  void fill_tensor(const std::string& name, const TensorReader& read);

  // mean [size, size, channels]; the input is (pixel - mean) * scale.
  void set_input_transform(const float* mean, float scale);
  const float* mean() { return mean_->data(); }
  float scale() const { return scale_; }

  // On the device.
  float* at(const std::string& name);
  float* trainable() { return parameters_->data(); }  // laid out as layout() says
  float* velocity();                                  // likewise; zeros before the first training step
  // Moves the averages of all parameters towards the parameters: average += share * (parameter - average). They begin with
  // share 1, before which they are zeros.
  void average(float share);
  // Exchanges parameters and running statistics with their averages. Addresses change.
  void swap_average();
  // Of a trainable tensor in these two, in floats.
  std::size_t offset(const std::string& name);

  // Rises with every change of the values: whoever keeps what was computed from them (transformed weights, folded
  // normalizations) compares. Never 0.
  std::uint64_t version() const { return version_; }
  void mark_changed() { ++version_; }

 private:
  void draw(std::uint64_t seed, const std::vector<Layer>& layers);
  float* find(const std::string& name, std::size_t* count);
  void require_average();

  Backend& backend_;
  const std::size_t image_values_;
  const ParameterLayout layout_;
  std::map<std::string, std::size_t> specification_by_name_;
  std::unique_ptr<Buffer> parameters_, statistics_, velocity_, average_, average_statistics_, mean_;
  float scale_ = 1.0f;
  std::uint64_t version_ = 1;
};

}  // namespace deepyeast
