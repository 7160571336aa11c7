#include "reference.h"

#include <algorithm>
#include <cmath>

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

}  // namespace deepyeast::test::reference
