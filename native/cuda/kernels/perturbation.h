// Cells as training shows them, step by step as GatherArguments in engine/backend.h says. One thread a value of the batch,
// [batch, size, size, channels]; between steps values lie in scratch memory.
#pragma once

#include "step.h"

namespace deepyeast::cuda {

// Where the images of a batch and what was drawn for them are.
struct PerturbedImages {
  int size, channels;
  const std::uint8_t* images;
  const std::uint8_t* augmentation;       // null: none
  const CellPerturbation* perturbations;
  const IterationBlock* block;            // not null: all three are its

  // A value of the batch.
  struct Value {
    Index cell;
    int y, x, channel;
  };
  DEEPYEAST_DEVICE Value value(Index i) const {
    const Index pixel = i / channels, area = static_cast<Index>(size) * size, cell = pixel / area, place = pixel - cell * area;
    return {cell, static_cast<int>(place / size), static_cast<int>(place % size), static_cast<int>(i - pixel * channels)};
  }
  DEEPYEAST_DEVICE Index index(const Value& value) const {
    return ((value.cell * size + value.y) * size + value.x) * channels + value.channel;
  }
  DEEPYEAST_DEVICE const CellPerturbation& drawn(Index cell) const {
    return (block != nullptr ? block->perturbations : perturbations)[cell];
  }
  // The byte of a value after its flips and turns.
  DEEPYEAST_DEVICE int level(const Value& value) const {
    const std::uint8_t* source = block != nullptr ? block->images : images;
    const std::uint32_t* rows = block != nullptr ? block->rows : nullptr;
    const std::uint8_t* codes = block != nullptr ? block->augmentation : augmentation;
    const int code = codes != nullptr ? codes[value.cell] : 0;
    int row = code & 4 ? value.x : value.y, column = code & 4 ? value.y : value.x;
    if (code & 2) row = size - 1 - row;
    if (code & 1) column = size - 1 - column;
    const Index image = rows != nullptr ? static_cast<Index>(rows[value.cell]) : value.cell;
    return source[((image * size + row) * size + column) * channels + value.channel];
  }
};

// What each of the 256 grey levels of a cell's channel becomes: [batch, channels, 256].
struct PerturbationCurves {
  Index count;
  PerturbedImages images;
  float* curves;

  DEEPYEAST_DEVICE void operator()(Index i) const {
    const Index channel = i / 256;
    const ChannelPerturbation& drawn = images.drawn(channel / images.channels).channels[channel % images.channels];
    curves[i] = drawn.offset + drawn.gain * 255.0f * powf(static_cast<float>(i % 256) / 255.0f, drawn.gamma);
  }
};

// Keys' cubic convolution, a = -1/2: the four pixels around a place along one axis, with their weights.
struct CubicPlace {
  int pixels[4];
  float weights[4];

  DEEPYEAST_DEVICE CubicPlace(int i, int size, float zoom, float shift) {
    const float middle = 0.5f * static_cast<float>(size - 1), last = static_cast<float>(size - 1);
    const float at = (static_cast<float>(i) - middle) / zoom + middle - shift;
    const float below = floorf(at), t = at - below;
    for (int k = 0; k < 4; ++k) {
      const float pixel = below + static_cast<float>(k - 1);
      pixels[k] = static_cast<int>(pixel < 0.0f ? 0.0f : pixel > last ? last : pixel);
    }
    weights[0] = ((-0.5f * t + 1.0f) * t - 0.5f) * t;
    weights[1] = (1.5f * t - 2.5f) * t * t + 1.0f;
    weights[2] = ((-1.5f * t + 2.0f) * t + 0.5f) * t;
    weights[3] = (0.5f * t - 0.5f) * t * t;
  }
};

struct ResampledImages {
  Index count;
  PerturbedImages images;
  const float* curves;
  float* output;

  DEEPYEAST_DEVICE void operator()(Index i) const {
    PerturbedImages::Value value = images.value(i);
    const CellPerturbation& drawn = images.drawn(value.cell);
    const float* curve = curves + (value.cell * images.channels + value.channel) * 256;
    if (drawn.zoom == 1.0f && drawn.shift_x == 0.0f && drawn.shift_y == 0.0f) {
      output[i] = curve[images.level(value)];
      return;
    }
    const CubicPlace column(value.x, images.size, drawn.zoom, drawn.shift_x);
    const CubicPlace row(value.y, images.size, drawn.zoom, drawn.shift_y);
    float sum = 0;
    for (int k = 0; k < 4; ++k) {
      float line = 0;
      value.y = row.pixels[k];
      for (int l = 0; l < 4; ++l) {
        value.x = column.pixels[l];
        line += column.weights[l] * curve[images.level(value)];
      }
      sum += row.weights[k] * line;
    }
    output[i] = sum;
  }
};

// Noise of variance 1, before it is smoothed.
DEEPYEAST_DEVICE float noise_of(std::uint32_t word) {
  const std::uint32_t sum = (word & 255u) + ((word >> 8) & 255u) + ((word >> 16) & 255u) + (word >> 24);
  return (static_cast<float>(sum) - kNoiseMiddle) / kNoiseDeviation;
}

// The stream of the block's iteration, where there is one.
DEEPYEAST_DEVICE Stream stream_in(const IterationBlock* block, Stream stream) {
  if (block != nullptr) stream.iteration = block->iteration;
  return stream;
}

struct NoiseField {
  Index count;
  PerturbedImages images;
  Stream stream;
  float* output;

  DEEPYEAST_DEVICE void operator()(Index i) const {
    const PerturbedImages::Value value = images.value(i);
    const bool wanted = images.drawn(value.cell).channels[value.channel].correlated_noise > 0.0f;
    output[i] = wanted ? noise_of(stream_in(images.block, stream).word(static_cast<std::uint64_t>(i))) : 0.0f;
  }
};

// Gaussian convolution along x or along y: the blur, or of noise on the torus and brought back to its variance.
struct SmoothedLines {
  Index count;
  PerturbedImages images;
  const float* input;
  float* output;
  bool along_x, of_noise;

  DEEPYEAST_DEVICE void operator()(Index i) const {
    PerturbedImages::Value value = images.value(i);
    const CellPerturbation& drawn = images.drawn(value.cell);
    const ChannelPerturbation& channel = drawn.channels[value.channel];
    const float deviation = !of_noise ? channel.blur : channel.correlated_noise > 0.0f ? drawn.noise_length : 0.0f;
    if (!(deviation > 0.0f)) {
      output[i] = input[i];
      return;
    }
    const int radius = static_cast<int>(ceilf(3.0f * deviation)), size = images.size;
    int& place = along_x ? value.x : value.y;
    const int middle = place;
    float sum = 0, weights = 0, squares = 0;
    for (int k = -radius; k <= radius; ++k) {
      const float distance = static_cast<float>(k) / deviation, weight = expf(-0.5f * distance * distance);
      weights += weight;
      squares += weight * weight;
      const int at = middle + k;
      place = of_noise ? ((at % size) + size) % size : at < 0 ? 0 : at >= size ? size - 1 : at;
      sum += weight * input[images.index(value)];
    }
    output[i] = sum / (of_noise ? sqrtf(squares) : weights);
  }
};

// The light's gradient, both kinds of noise, cut to 0..255; the network's input.
struct LitImages {
  Index count;
  PerturbedImages images;
  const float* light;
  const float* correlated;
  Stream white;
  const float* mean;
  float scale;
  float* output;

  DEEPYEAST_DEVICE void operator()(Index i) const {
    const PerturbedImages::Value value = images.value(i);
    const ChannelPerturbation& drawn = images.drawn(value.cell).channels[value.channel];
    const int size = images.size;
    const float x = static_cast<float>(2 * value.x - size + 1) / static_cast<float>(size);
    const float y = static_cast<float>(2 * value.y - size + 1) / static_cast<float>(size);
    float level = light[i] * (1.0f + drawn.gradient_x * x + drawn.gradient_y * y) + drawn.correlated_noise * correlated[i];
    if (drawn.white_noise > 0.0f)
      level += drawn.white_noise * noise_of(stream_in(images.block, white).word(static_cast<std::uint64_t>(i)));
    level = level < 0.0f ? 0.0f : level > 255.0f ? 255.0f : level;
    const Index place = i - value.cell * (static_cast<Index>(size) * size * images.channels);
    output[i] = (level - mean[place]) * scale;
  }
};

template <typename Type>
struct MixedImages {
  Index count;
  PerturbedImages images;
  Index batch;
  const float* input;
  Type* output;

  DEEPYEAST_DEVICE void operator()(Index i) const {
    const Index values = static_cast<Index>(images.size) * images.size * images.channels;
    const Index cell = i / values, other = cell ^ 1;
    const float partner = other < batch ? images.drawn(cell).partner : 0.0f;
    const float own = input[i];
    output[i] = from_float<Type>(partner > 0.0f ? (1.0f - partner) * own + partner * input[i + (other - cell) * values] : own);
  }
};

}  // namespace deepyeast::cuda
