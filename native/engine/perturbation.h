// How cells are shown in training otherwise than they are: the ranges of a recipe, and what is drawn from them for each cell
// of a mini-batch. GatherArguments in backend.h says what the numbers do to a cell.
//
// Streams of Purpose::augmentation (system/random.h), all with the mini-batch's iteration:
//  0  the eight flips and quarter turns; element: cell in batch
//  1  what is drawn for a cell;          element: 128 * cell in batch + number of the draw
//  2  white noise;                       element: value of the batch, [batch, size, size, channels]
//  3  correlated noise, likewise
//  4  mixing of two cells;               element: 128 * pair + number of the draw
#pragma once

#include <cstdint>
#include <vector>

#include "../system/random.h"
#include "shapes.h"

namespace deepyeast {

struct Range {
  double least, most;
  bool operator==(const Range& other) const { return least == other.least && most == other.most; }
};

// Zoom, gain and gamma are drawn uniformly on a logarithmic scale, the others on a linear one. Whatever a channel has is
// drawn for each channel on its own. As they stand here, they change nothing.
struct Perturbations {
  Range zoom = {1, 1};
  double shift = 0;                 // in pixels, to either side, in x and in y
  Range gain = {1, 1};
  Range offset = {0, 0};            // in grey levels
  Range gamma = {1, 1};
  Range blur = {0, 0};              // in pixels
  Range light_gradient = {0, 0};    // relative; its direction is any
  Range white_noise = {0, 0};       // in grey levels
  Range correlated_noise = {0, 0};
  Range noise_length = {0, 0};      // in pixels
  double mixup = 0;                 // the weight of the other cell is drawn from Beta(mixup, mixup), cut at 1/2; 0: none

  bool any() const { return !(*this == Perturbations{}); }
  bool operator==(const Perturbations& other) const;
};

// Of each cell of a mini-batch.
std::vector<CellPerturbation> draw_perturbations(const Perturbations& perturbations, std::uint64_t seed,
                                                 std::uint32_t iteration, int batch, int channels);

RandomStream augmentation_codes(std::uint64_t seed, std::uint32_t iteration);
RandomStream white_noise(std::uint64_t seed, std::uint32_t iteration);
RandomStream correlated_noise(std::uint64_t seed, std::uint32_t iteration);

}  // namespace deepyeast
