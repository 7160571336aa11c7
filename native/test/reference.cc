#include "reference.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace deepyeast::test::reference {

namespace {

// Calls visit(output index of (n, y, x), input index of the pixel under the tap, tap) for every output pixel and every tap
// that lies inside the image.
template <typename Visit>
void for_each_tap(const ConvolutionShape& s, const Visit& visit) {
  for (int n = 0; n < s.batch; ++n)
    for (int y = 0; y < s.height; ++y)
      for (int x = 0; x < s.width; ++x)
        for (int dy = -1; dy <= 1; ++dy)
          for (int dx = -1; dx <= 1; ++dx) {
            if (y + dy < 0 || y + dy >= s.height || x + dx < 0 || x + dx >= s.width) continue;
            const std::size_t out = (static_cast<std::size_t>(n) * s.height + y) * s.width + x;
            const std::size_t in = (static_cast<std::size_t>(n) * s.height + y + dy) * s.width + x + dx;
            visit(out, in, (dy + 1) * 3 + dx + 1);
          }
}

std::size_t pixels(const ConvolutionShape& s) { return static_cast<std::size_t>(s.batch) * s.height * s.width; }
std::size_t weight_index(const ConvolutionShape& s, int k, int tap, int c) {
  return (static_cast<std::size_t>(k) * 9 + tap) * s.input_channels + c;
}
std::size_t weight_count(const ConvolutionShape& s) {
  return static_cast<std::size_t>(9) * s.input_channels * s.output_channels;
}

}  // namespace

Array convolution(const ConvolutionShape& s, const Array& input, const Array& weights) {
  Array output(pixels(s) * s.output_channels);
  for_each_tap(s, [&](std::size_t out, std::size_t in, int tap) {
    for (int k = 0; k < s.output_channels; ++k)
      for (int c = 0; c < s.input_channels; ++c)
        output[out * s.output_channels + k] += input[in * s.input_channels + c] * weights[weight_index(s, k, tap, c)];
  });
  return output;
}

Array convolution_input_gradient(const ConvolutionShape& s, const Array& weights, const Array& output_gradient) {
  Array gradient(pixels(s) * s.input_channels);
  for_each_tap(s, [&](std::size_t out, std::size_t in, int tap) {
    for (int k = 0; k < s.output_channels; ++k)
      for (int c = 0; c < s.input_channels; ++c)
        gradient[in * s.input_channels + c] +=
            output_gradient[out * s.output_channels + k] * weights[weight_index(s, k, tap, c)];
  });
  return gradient;
}

Array convolution_weight_gradient(const ConvolutionShape& s, const Array& input, const Array& output_gradient) {
  Array gradient(weight_count(s));
  for_each_tap(s, [&](std::size_t out, std::size_t in, int tap) {
    for (int k = 0; k < s.output_channels; ++k)
      for (int c = 0; c < s.input_channels; ++c)
        gradient[weight_index(s, k, tap, c)] +=
            output_gradient[out * s.output_channels + k] * input[in * s.input_channels + c];
  });
  return gradient;
}

Array dense(const DenseShape& s, const Array& input, const Array& weights, const Array* bias) {
  Array output(static_cast<std::size_t>(s.batch) * s.outputs);
  for (int n = 0; n < s.batch; ++n)
    for (int k = 0; k < s.outputs; ++k) {
      double sum = bias != nullptr ? (*bias)[k] : 0;
      for (int i = 0; i < s.inputs; ++i)
        sum += input[static_cast<std::size_t>(n) * s.inputs + i] * weights[static_cast<std::size_t>(k) * s.inputs + i];
      output[static_cast<std::size_t>(n) * s.outputs + k] = sum;
    }
  return output;
}

Array dense_input_gradient(const DenseShape& s, const Array& weights, const Array& output_gradient) {
  Array gradient(static_cast<std::size_t>(s.batch) * s.inputs);
  for (int n = 0; n < s.batch; ++n)
    for (int k = 0; k < s.outputs; ++k)
      for (int i = 0; i < s.inputs; ++i)
        gradient[static_cast<std::size_t>(n) * s.inputs + i] +=
            output_gradient[static_cast<std::size_t>(n) * s.outputs + k] *
            weights[static_cast<std::size_t>(k) * s.inputs + i];
  return gradient;
}

Array dense_weight_gradient(const DenseShape& s, const Array& input, const Array& output_gradient) {
  Array gradient(static_cast<std::size_t>(s.outputs) * s.inputs);
  for (int n = 0; n < s.batch; ++n)
    for (int k = 0; k < s.outputs; ++k)
      for (int i = 0; i < s.inputs; ++i)
        gradient[static_cast<std::size_t>(k) * s.inputs + i] +=
            output_gradient[static_cast<std::size_t>(n) * s.outputs + k] *
            input[static_cast<std::size_t>(n) * s.inputs + i];
  return gradient;
}

Statistics statistics(const Array& values, int channels) {
  const std::size_t size = static_cast<std::size_t>(channels), count = values.size() / size;
  Statistics result{Array(size), Array(size)};
  for (std::size_t i = 0; i < values.size(); ++i) result.mean[i % size] += values[i] / static_cast<double>(count);
  for (std::size_t i = 0; i < values.size(); ++i)
    result.variance[i % size] += std::pow(values[i] - result.mean[i % size], 2) / static_cast<double>(count);
  return result;
}

Array epilogue(int batch, int height, int width, int channels, const Array& values, const Array& scale,
               const Array& shift, bool relu, bool pool) {
  Array all(values);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(channels);
    all[i] = all[i] * (scale.empty() ? 1 : scale[c]) + (shift.empty() ? 0 : shift[c]);
    if (relu) all[i] = std::max(all[i], 0.0);
  }
  if (!pool) return all;
  Array pooled;
  for (int n = 0; n < batch; ++n)
    for (int y = 0; y < height; y += 2)
      for (int x = 0; x < width; x += 2)
        for (int c = 0; c < channels; ++c) {
          const auto at = [&](int dy, int dx) {
            return all[((static_cast<std::size_t>(n) * height + y + dy) * width + x + dx) * channels + c];
          };
          pooled.push_back(std::max({at(0, 0), at(0, 1), at(1, 0), at(1, 1)}));
        }
  return pooled;
}

Normalization normalization(const NormalizationShape& s, const Array& input, const Array& gamma, const Array& beta,
                            const Array& kept, const Array& output_gradient) {
  const std::size_t channels = static_cast<std::size_t>(s.channels);
  const double count = static_cast<double>(input.size() / channels);
  const Statistics moments = statistics(input, s.channels);
  Array deviation(channels), standard(input.size()), activated(input.size());
  for (std::size_t c = 0; c < channels; ++c) deviation[c] = std::sqrt(moments.variance[c] + s.epsilon);
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::size_t c = i % channels;
    standard[i] = (input[i] - moments.mean[c]) / deviation[c];
    activated[i] = std::max(0.0, standard[i] * gamma[c] + beta[c]);
  }

  Normalization result;
  // z: the gradient before ReLU.
  Array z(input.size());
  if (s.pool) {
    for (int n = 0; n < s.batch; ++n)
      for (int y = 0; y < s.height; y += 2)
        for (int x = 0; x < s.width; x += 2)
          for (std::size_t c = 0; c < channels; ++c) {
            std::size_t best = 0;
            for (int place = 0; place < 4; ++place) {
              const std::size_t i =
                  ((static_cast<std::size_t>(n) * s.height + y + place / 2) * s.width + x + place % 2) * channels + c;
              if (place == 0 || activated[i] > activated[best]) best = i;
            }
            if (activated[best] > 0) z[best] = output_gradient[result.output.size()];
            result.output.push_back(activated[best]);
          }
  } else {
    result.output.resize(input.size());
    for (std::size_t i = 0; i < input.size(); ++i) {
      const double factor = kept.empty() ? 1 : kept[i];
      result.output[i] = activated[i] * factor;
      if (activated[i] > 0) z[i] = output_gradient[i] * factor;
    }
  }

  result.gamma_gradient.resize(channels);
  result.beta_gradient.resize(channels);
  for (std::size_t i = 0; i < input.size(); ++i) {
    result.gamma_gradient[i % channels] += z[i] * standard[i];
    result.beta_gradient[i % channels] += z[i];
  }
  result.input_gradient.resize(input.size());
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::size_t c = i % channels;
    result.input_gradient[i] = gamma[c] / deviation[c] *
                               (z[i] - result.beta_gradient[c] / count -
                                standard[i] * result.gamma_gradient[c] / count);
  }
  return result;
}

namespace {

using Field = std::function<double(int y, int x)>;

int clamped(int place, int size) { return std::min(std::max(place, 0), size - 1); }

// Keys' kernel of cubic convolution with a = -1/2, as his equation 15 has it.
double cubic(double distance) {
  const double s = std::abs(distance);
  if (s < 1) return 1.5 * s * s * s - 2.5 * s * s + 1;
  if (s < 2) return -0.5 * s * s * s + 2.5 * s * s - 4 * s + 2;
  return 0;
}

double interpolated(const Field& field, int size, double y, double x) {
  double sum = 0;
  const int row = static_cast<int>(std::floor(y)), column = static_cast<int>(std::floor(x));
  for (int j = row - 1; j <= row + 2; ++j)
    for (int i = column - 1; i <= column + 2; ++i)
      sum += cubic(y - j) * cubic(x - i) * field(clamped(j, size), clamped(i, size));
  return sum;
}

// The Gaussian's convolution at a place; unit_variance: on the torus, divided by the root of the sum of squared weights.
double smoothed(const Field& field, int size, double deviation, bool unit_variance, int y, int x) {
  if (deviation == 0) return field(y, x);
  const int radius = static_cast<int>(std::ceil(3 * deviation));
  double sum = 0, weights = 0, squares = 0;
  for (int j = -radius; j <= radius; ++j) {
    for (int i = -radius; i <= radius; ++i) {
      const double weight = std::exp(-(i * i + j * j) / (2 * deviation * deviation));
      const int wrapped_y = (y + j + 64 * size) % size, wrapped_x = (x + i + 64 * size) % size;
      sum += weight * (unit_variance ? field(wrapped_y, wrapped_x) : field(clamped(y + j, size), clamped(x + i, size)));
      weights += weight;
      squares += weight * weight;
    }
  }
  return sum / (unit_variance ? std::sqrt(squares) : weights);
}

double variate(std::uint32_t word) {
  double sum = 0;
  for (int byte = 0; byte < 4; ++byte) sum += (word >> (8 * byte)) & 255;
  return (sum - 510) / std::sqrt(4 * (256.0 * 256.0 - 1) / 12);
}

}  // namespace

Array perturbed(const GatherArguments& a, const Array& mean) {
  const int size = a.size, channels = a.channels, values = size * size * channels;
  Array result;
  for (int cell = 0; cell < a.batch; ++cell) {
    const CellPerturbation& drawn = a.perturbations[cell];
    Array input(static_cast<std::size_t>(values));
    for (int c = 0; c < channels; ++c) {
      const ChannelPerturbation& channel = drawn.channels[c];
      const auto place = [&](int y, int x) { return (y * size + x) * channels + c; };
      const Field bytes = [&](int y, int x) {
        const int code = a.augmentation != nullptr ? a.augmentation[cell] : 0;
        if (code & 4) std::swap(y, x);
        if (code & 2) y = size - 1 - y;
        if (code & 1) x = size - 1 - x;
        const double level = a.images[cell * values + place(y, x)];
        return channel.offset + channel.gain * 255 * std::pow(level / 255, static_cast<double>(channel.gamma));
      };
      const double middle = (size - 1) / 2.0;
      const auto table = [&](const Field& field) {
        Array plane;
        for (int y = 0; y < size; ++y)
          for (int x = 0; x < size; ++x) plane.push_back(field(y, x));
        return plane;
      };
      const Array moved = table([&](int y, int x) {
        return interpolated(bytes, size, (y - middle) / drawn.zoom + middle - drawn.shift_y,
                            (x - middle) / drawn.zoom + middle - drawn.shift_x);
      });
      const Field light = [&](int y, int x) { return moved[static_cast<std::size_t>(y * size + x)]; };
      const auto noise = [&](const RandomStream& stream) -> Field {
        return [&, stream](int y, int x) { return variate(stream.word(cell * values + place(y, x))); };
      };
      const Field white = noise(*a.white_noise), correlated = noise(*a.correlated_noise);
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          const double gradient = 1 + channel.gradient_x * (2.0 * x - size + 1) / size +
                                  channel.gradient_y * (2.0 * y - size + 1) / size;
          const double level = smoothed(light, size, channel.blur, false, y, x) * gradient +
                               channel.white_noise * white(y, x) +
                               channel.correlated_noise * smoothed(correlated, size, drawn.noise_length, true, y, x);
          input[place(y, x)] = (std::min(std::max(level, 0.0), 255.0) - mean[place(y, x)]) * a.scale;
        }
      }
    }
    result.insert(result.end(), input.begin(), input.end());
  }
  const Array alone = result;
  for (int cell = 0; cell < a.batch; ++cell) {
    const double partner = a.perturbations[cell].partner;
    const int other = cell % 2 == 0 ? cell + 1 : cell - 1;
    if (other >= a.batch) continue;
    for (int i = 0; i < values; ++i)
      result[cell * values + i] = (1 - partner) * alone[cell * values + i] + partner * alone[other * values + i];
  }
  return result;
}

}  // namespace deepyeast::test::reference
