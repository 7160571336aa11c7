// Cells as training shows them. Each channel is a plane of its own here, so that loops run along rows.
#include "perturbation.h"

#include <algorithm>
#include <cmath>

namespace deepyeast {
namespace {

// Keys' cubic convolution with a = -1/2: the weights of the pixels -1, 0, 1, 2 for a place that lies `t` after pixel 0.
struct CubicWeights {
  explicit CubicWeights(float t)
      : values{((-0.5f * t + 1.0f) * t - 0.5f) * t, (1.5f * t - 2.5f) * t * t + 1.0f, ((-1.5f * t + 2.0f) * t + 0.5f) * t,
               (0.5f * t - 0.5f) * t * t} {}
  float values[4];
};

// Where the value of an output pixel lies in the image, along one axis.
struct Place {
  int pixels[4];
  float weights[4];
};

std::vector<Place> places_of(int size, float zoom, float shift) {
  std::vector<Place> places(static_cast<std::size_t>(size));
  const float middle = 0.5f * static_cast<float>(size - 1);
  for (int i = 0; i < size; ++i) {
    const float at = (static_cast<float>(i) - middle) / zoom + middle - shift;
    const float below = std::floor(at);
    const CubicWeights cubic(at - below);
    for (int k = 0; k < 4; ++k) {
      // Clamped as floats: far outside of the image the number may not fit an int.
      places[i].pixels[k] = static_cast<int>(std::min(std::max(below + static_cast<float>(k - 1), 0.0f),
                                                      static_cast<float>(size - 1)));
      places[i].weights[k] = cubic.values[k];
    }
  }
  return places;
}

float noise_of(std::uint32_t word) {
  const std::uint32_t sum = (word & 255u) + ((word >> 8) & 255u) + ((word >> 16) & 255u) + (word >> 24);
  return (static_cast<float>(sum) - kNoiseMiddle) / kNoiseDeviation;
}

}  // namespace

// The channel of the cell, moved by its code and through its curve, to plane_.
void Perturbation::move(const GatherArguments& arguments, std::size_t cell, int channel) {
  const std::ptrdiff_t size = arguments.size, channels = arguments.channels;
  const int code = arguments.augmentation != nullptr ? arguments.augmentation[cell] : 0;
  const bool mirror_x = code & 1, mirror_y = code & 2, transpose = code & 4;
  const ChannelPerturbation& drawn = arguments.perturbations[cell].channels[channel];
  float curve[256];
  for (int level = 0; level < 256; ++level) {
    curve[level] = drawn.offset + drawn.gain * 255.0f * std::pow(static_cast<float>(level) / 255.0f, drawn.gamma);
  }
  const std::uint8_t* image = arguments.images + static_cast<std::ptrdiff_t>(cell) * size * size * channels + channel;
  for (std::ptrdiff_t y = 0; y < size; ++y) {
    for (std::ptrdiff_t x = 0; x < size; ++x) {
      const std::ptrdiff_t row = transpose ? x : y, column = transpose ? y : x;
      plane_[y * size + x] =
          curve[image[((mirror_y ? size - 1 - row : row) * size + (mirror_x ? size - 1 - column : column)) * channels]];
    }
  }
}

void Perturbation::resample(const CellPerturbation& cell) {
  if (cell.zoom == 1.0f && cell.shift_x == 0.0f && cell.shift_y == 0.0f) return;
  const std::ptrdiff_t size = size_;
  const std::vector<Place> columns = places_of(size_, cell.zoom, cell.shift_x);
  const std::vector<Place> rows = places_of(size_, cell.zoom, cell.shift_y);
  for (std::ptrdiff_t y = 0; y < size; ++y) {
    const float* row = plane_.data() + y * size;
    for (std::ptrdiff_t x = 0; x < size; ++x) {
      const Place& place = columns[x];
      other_[y * size + x] = place.weights[0] * row[place.pixels[0]] + place.weights[1] * row[place.pixels[1]] +
                             place.weights[2] * row[place.pixels[2]] + place.weights[3] * row[place.pixels[3]];
    }
  }
  for (std::ptrdiff_t y = 0; y < size; ++y) {
    const Place& place = rows[y];
    const float* row[4];
    for (int k = 0; k < 4; ++k) row[k] = other_.data() + place.pixels[k] * size;
    for (std::ptrdiff_t x = 0; x < size; ++x) {
      plane_[y * size + x] = place.weights[0] * row[0][x] + place.weights[1] * row[1][x] + place.weights[2] * row[2][x] +
                             place.weights[3] * row[3][x];
    }
  }
}

// Convolves with a normalized Gaussian, row by row and then column by column. torus: the plane's edges meet, and the result
// is brought to the variance that independent values had before.
void Perturbation::smooth(Plane& plane, float deviation, bool torus) {
  if (!(deviation > 0.0f)) return;
  const int size = size_, radius = static_cast<int>(std::ceil(3.0f * deviation)), taps = 2 * radius + 1;
  weights_.resize(static_cast<std::size_t>(taps));
  float sum = 0, squares = 0;
  for (int k = 0; k < taps; ++k) {
    const float distance = static_cast<float>(k - radius) / deviation;
    weights_[k] = std::exp(-0.5f * distance * distance);
    sum += weights_[k];
  }
  for (float& weight : weights_) {
    weight /= sum;
    squares += weight * weight;
  }
  if (torus) {
    for (float& weight : weights_) weight /= std::sqrt(squares);
  }
  const auto inside = [&](int place) {
    return torus ? ((place % size) + size) % size : std::min(std::max(place, 0), size - 1);
  };
  padded_.resize(static_cast<std::size_t>(size + 2 * radius));
  for (int y = 0; y < size; ++y) {
    const float* row = plane.data() + static_cast<std::ptrdiff_t>(y) * size;
    float* target = other_.data() + static_cast<std::ptrdiff_t>(y) * size;
    for (int x = -radius; x < size + radius; ++x) padded_[x + radius] = row[inside(x)];
    std::fill(target, target + size, 0.0f);
    for (int k = 0; k < taps; ++k) {
      const float weight = weights_[k];
      const float* source = padded_.data() + k;
      for (int x = 0; x < size; ++x) target[x] += weight * source[x];
    }
  }
  for (int y = 0; y < size; ++y) {
    float* target = plane.data() + static_cast<std::ptrdiff_t>(y) * size;
    std::fill(target, target + size, 0.0f);
    for (int k = 0; k < taps; ++k) {
      const float weight = weights_[k];
      const float* source = other_.data() + static_cast<std::ptrdiff_t>(inside(y + k - radius)) * size;
      for (int x = 0; x < size; ++x) target[x] += weight * source[x];
    }
  }
}

// Noise of variance 1 for the channel of the cell, to noise_.
void Perturbation::draw_noise(const RandomStream& stream, std::size_t cell, int channel, int channels) {
  const std::size_t values = noise_.size() * static_cast<std::size_t>(channels);
  words_.resize(values);
  stream.words(static_cast<std::uint64_t>(cell) * values, values, words_.data());
  for (std::size_t i = 0; i < noise_.size(); ++i) noise_[i] = noise_of(words_[i * channels + channel]);
}

void Perturbation::perturb(const GatherArguments& arguments, std::size_t cell, float* target) {
  const std::size_t channels = static_cast<std::size_t>(arguments.channels);
  const CellPerturbation& drawn = arguments.perturbations[cell];
  size_ = arguments.size;
  const std::size_t pixels = static_cast<std::size_t>(size_) * size_;
  for (Plane* plane : {&plane_, &other_, &noise_, &correlated_}) plane->resize(pixels);
  for (int channel = 0; channel < arguments.channels; ++channel) {
    const ChannelPerturbation& of = drawn.channels[channel];
    move(arguments, cell, channel);
    resample(drawn);
    smooth(plane_, of.blur, false);
    std::fill(correlated_.begin(), correlated_.end(), 0.0f);
    if (of.correlated_noise > 0.0f) {
      draw_noise(*arguments.correlated_noise, cell, channel, arguments.channels);
      smooth(noise_, drawn.noise_length, true);
      for (std::size_t i = 0; i < pixels; ++i) correlated_[i] = of.correlated_noise * noise_[i];
    }
    std::fill(noise_.begin(), noise_.end(), 0.0f);
    if (of.white_noise > 0.0f) draw_noise(*arguments.white_noise, cell, channel, arguments.channels);
    for (int y = 0; y < size_; ++y) {
      const float vertical = 1.0f + of.gradient_y * (static_cast<float>(2 * y - size_ + 1) / static_cast<float>(size_));
      for (int x = 0; x < size_; ++x) {
        const std::size_t i = static_cast<std::size_t>(y) * size_ + x, place = i * channels + channel;
        const float light = vertical + of.gradient_x * (static_cast<float>(2 * x - size_ + 1) / static_cast<float>(size_));
        const float value = plane_[i] * light + of.white_noise * noise_[i] + correlated_[i];
        target[place] = (std::min(std::max(value, 0.0f), 255.0f) - arguments.mean[place]) * arguments.scale;
      }
    }
  }
}

}  // namespace deepyeast
