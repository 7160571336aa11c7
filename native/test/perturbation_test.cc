// Cells as training shows them: what is drawn, and what it does to a cell, against the reference.
#include "../engine/perturbation.h"

#include <algorithm>
#include <cmath>

#include "../cuda/kernels/perturbation.h"
#include "../engine/network.h"
#include "backends.h"
#include "reference.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

Perturbations everything() {
  Perturbations ranges;
  ranges.zoom = {0.8, 1.4};
  ranges.shift = 2.5;
  ranges.gain = {0.5, 1.5};
  ranges.offset = {-20, 30};
  ranges.gamma = {0.7, 1.5};
  ranges.blur = {0, 1.2};
  ranges.light_gradient = {0, 0.3};
  ranges.white_noise = {0, 12};
  ranges.correlated_noise = {0, 12};
  ranges.noise_length = {0.4, 1.3};
  ranges.mixup = 0.4;
  return ranges;
}

// A batch of random bytes, with all that a gather of it needs.
struct Batch {
  Batch(int batch, int size, int channels, const Perturbations& ranges, std::uint64_t seed, std::uint32_t iteration)
      : white(white_noise(seed, iteration)), correlated(correlated_noise(seed, iteration)) {
    Values random(seed);
    const std::size_t values = static_cast<std::size_t>(size) * size * channels;
    images = random.bytes(batch * values);
    mean = random.uniform(values, 0, 255);
    for (int cell = 0; cell < batch; ++cell) codes.push_back(static_cast<std::uint8_t>(cell % 8));
    drawn = draw_perturbations(ranges, seed, iteration, batch, channels);
    arguments = {batch, size, channels, images.data(), codes.data(), nullptr, 0.01f, drawn.data(), &white, &correlated};
  }
  std::vector<float> gathered(Backend& backend) {
    Device device_mean(backend, mean);
    GatherArguments on_device = arguments;
    on_device.mean = device_mean;
    Activations output(backend, images.size());
    backend.gather(on_device, output);
    return output.values();
  }

  RandomStream white, correlated;
  std::vector<std::uint8_t> images, codes;
  std::vector<float> mean;
  std::vector<CellPerturbation> drawn;
  GatherArguments arguments{};
};

TEST(perturbed_cells_match_the_reference) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const int size : {2, 5, 16}) {
      for (const int channels : {1, 2, 3}) {
        for (const int count : {1, 2, 9}) {
          Batch batch(count, size, channels, everything(), static_cast<std::uint64_t>(size), 3);
          expect_close(batch.gathered(backend), reference::perturbed(batch.arguments, to_double(batch.mean)), 2e-5, name);
        }
      }
    }
  });
}

// Each change by itself, so that none hides behind another.
TEST(each_perturbation_matches_the_reference) {
  std::vector<Perturbations> each(9);
  const Perturbations all = everything();
  each[0].zoom = all.zoom;
  each[1].shift = all.shift;
  each[2].gain = all.gain;
  each[3].offset = all.offset;
  each[4].gamma = all.gamma;
  each[5].blur = all.blur;
  each[6].light_gradient = all.light_gradient;
  each[7].white_noise = all.white_noise;
  each[8].correlated_noise = all.correlated_noise;
  for_each_backend([&](Backend& backend, const std::string& name) {
    for (std::size_t i = 0; i < each.size(); ++i) {
      Batch batch(4, 16, 2, each[i], 40 + i, 7);
      const std::vector<double> expected = reference::perturbed(batch.arguments, to_double(batch.mean));
      const std::vector<float> measured = batch.gathered(backend);
      expect_close(measured, expected, 2e-5, name + ", perturbation " + std::to_string(i));
      Batch plain(4, 16, 2, Perturbations{}, 40 + i, 7);
      expect(measured != plain.gathered(backend), "perturbation " + std::to_string(i) + " changes cells");
    }
  });
}

TEST(perturbations_that_change_nothing_change_nothing) {
  for_each_backend([](Backend& backend, const std::string& name) {
    Batch batch(5, 8, 2, Perturbations{}, 2, 1);
    const std::vector<float> perturbed = batch.gathered(backend);
    batch.arguments.perturbations = nullptr;
    expect_close(perturbed, to_double(batch.gathered(backend)), 1e-6, name);
  });
}

TEST(perturbed_cells_do_not_depend_on_the_number_of_threads) {
  for (const InstructionSet set : available_instruction_sets()) {
    Batch batch(13, 24, 2, everything(), 5, 6);
    const std::vector<float> alone = batch.gathered(*make_backend(set, 1));
    for (const int threads : {2, 3, 5})
      expect_same(batch.gathered(*make_backend(set, threads)), alone, std::to_string(threads) + " threads");
  }
}

// The numbers of a cell are those of its seed, iteration and place, whatever else is in the batch.
TEST(draws_belong_to_seed_iteration_and_place) {
  const auto numbers = [](const CellPerturbation& cell) {
    const ChannelPerturbation& c = cell.channels[1];
    return std::vector<float>{cell.zoom, cell.shift_x, cell.shift_y, cell.noise_length, c.gain,        c.offset,
                              c.gamma,   c.blur,       c.gradient_x, c.gradient_y,      c.white_noise, c.correlated_noise};
  };
  const std::vector<CellPerturbation> few = draw_perturbations(everything(), 1, 2, 3, 2),
                                      many = draw_perturbations(everything(), 1, 2, 300, 2);
  expect(numbers(few[2]) == numbers(many[2]), "the batch does not matter");
  expect(numbers(many[1]) != numbers(many[0]), "cells differ");
  expect(numbers(draw_perturbations(everything(), 2, 2, 1, 2)[0]) != numbers(many[0]), "seeds differ");
  expect(numbers(draw_perturbations(everything(), 1, 3, 1, 2)[0]) != numbers(many[0]), "iterations differ");
  expect(few[2].partner == 0, "the last cell of an odd batch has no partner");
  for (std::size_t i = 0; i < many.size(); i += 2)
    expect(many[i].partner == many[i + 1].partner && many[i].partner <= 0.5f, "a pair shares a weight of at most a half");
}

// From the least to the greatest of a range, and evenly: linear or logarithmic.
TEST(draws_fill_their_ranges) {
  const int cells = 20000;
  const Perturbations ranges = everything();
  const std::vector<CellPerturbation> drawn = draw_perturbations(ranges, 11, 0, cells, 2);
  const auto check = [&](const std::string& what, const Range& range, bool logarithmic, auto value_of) {
    double least = 1e9, most = -1e9, sum = 0;
    for (const CellPerturbation& cell : drawn) {
      const double value = value_of(cell);
      least = std::min(least, value);
      most = std::max(most, value);
      sum += logarithmic ? std::log(value) : value;
    }
    const double a = logarithmic ? std::log(range.least) : range.least, b = logarithmic ? std::log(range.most) : range.most;
    const double span = range.most - range.least;
    expect(least >= range.least - 1e-6 && most <= range.most + 1e-6, what + " stays in its range");
    expect(least < range.least + span / 100 && most > range.most - span / 100, what + " fills its range");
    // The mean of n uniform numbers lies within five of its standard deviations, (b - a) / sqrt(12 n).
    expect(std::abs(sum / cells - (a + b) / 2) < 5 * (b - a) / std::sqrt(12.0 * cells), what + " is even");
  };
  check("zoom", ranges.zoom, true, [](const CellPerturbation& cell) { return cell.zoom; });
  check("shift", {-2.5, 2.5}, false, [](const CellPerturbation& cell) { return cell.shift_y; });
  check("gain", ranges.gain, true, [](const CellPerturbation& cell) { return cell.channels[0].gain; });
  check("offset", ranges.offset, false, [](const CellPerturbation& cell) { return cell.channels[1].offset; });
  check("gamma", ranges.gamma, true, [](const CellPerturbation& cell) { return cell.channels[1].gamma; });
  check("blur", ranges.blur, false, [](const CellPerturbation& cell) { return cell.channels[0].blur; });
  check("white noise", ranges.white_noise, false, [](const CellPerturbation& cell) { return cell.channels[1].white_noise; });
  check("noise length", ranges.noise_length, false, [](const CellPerturbation& cell) { return cell.noise_length; });
}

// E[min(w, 1 - w)] of a Beta(1, 1) variate, which is uniform, is 1/4; of a Beta(2, 2) 5/16.
TEST(weights_of_mixing_are_of_a_beta_distribution) {
  for (const auto& [alpha, expected] : {std::pair<double, double>{1, 0.25}, {2, 0.3125}}) {
    Perturbations ranges;
    ranges.mixup = alpha;
    double sum = 0;
    const int pairs = 20000;
    for (const CellPerturbation& cell : draw_perturbations(ranges, 3, 1, 2 * pairs, 1)) sum += cell.partner;
    expect(std::abs(sum / (2 * pairs) - expected) < 0.005, "mean weight for " + std::to_string(alpha));
  }
}

// On a flat image, between 0 and 255 so that nothing is cut: the deviation is as asked, and neighbours agree as they do
// after a Gaussian of that width, exp(-1 / (4 sigma^2)).
TEST(noise_has_the_variance_and_the_correlation_that_were_asked_for) {
  const int size = 64, cells = 40;
  for (const double length : {0.0, 1.0}) {
    Perturbations ranges;
    if (length > 0) {
      ranges.correlated_noise = {10, 10};
      ranges.noise_length = {length, length};
    } else {
      ranges.white_noise = {10, 10};
    }
    Batch batch(cells, size, 1, ranges, 8, 2);
    std::fill(batch.images.begin(), batch.images.end(), std::uint8_t{128});
    std::fill(batch.mean.begin(), batch.mean.end(), 128.0f);
    batch.arguments.scale = 1;
    const std::vector<float> noise = batch.gathered(*make_backend(available_instruction_sets().front(), 2));
    double square = 0, product = 0, pairs = 0;
    for (std::size_t i = 0; i < noise.size(); ++i) {
      square += noise[i] * noise[i];
      if (i % size + 1 == static_cast<std::size_t>(size)) continue;
      product += noise[i] * noise[i + 1];
      pairs += 1;
    }
    const double variance = square / static_cast<double>(noise.size());
    expect(std::abs(variance - 100) < 3, "variance " + std::to_string(variance));
    const double expected = length > 0 ? std::exp(-1 / (4 * length * length)) : 0;
    const double correlation = product / pairs / variance;
    expect(std::abs(correlation - expected) < 0.02, "correlation " + std::to_string(correlation));
  }
}

// The device's kernels, thread by thread on the host.
template <typename Body>
void run(const Body& body) {
  for (cuda::Index i = 0; i < body.count; ++i) body(i);
}

TEST(cuda_perturbation_matches_the_reference) {
  for (const int size : {2, 5, 16}) {
    for (const int channels : {1, 2, 3}) {
      const int count = 7;
      Batch batch(count, size, channels, everything(), static_cast<std::uint64_t>(size), 9);
      // The rows of a batch, from images in another order; the noise's iteration is the block's.
      const std::size_t values = static_cast<std::size_t>(size) * size * channels;
      std::vector<std::uint32_t> rows;
      std::vector<std::uint8_t> held(batch.images.size());
      for (std::uint32_t i = 0; i < count; ++i) {
        rows.push_back((i + 3) % count);
        std::copy_n(batch.images.begin() + i * values, values, held.begin() + rows.back() * values);
      }
      const cuda::IterationBlock block{held.data(), rows.data(), batch.codes.data(), 9, 0, batch.drawn.data(), nullptr};
      const cuda::PerturbedImages images{size, channels, nullptr, nullptr, nullptr, &block};
      const auto stream = [](const RandomStream& of) {
        return cuda::Stream{{of.key()[0], of.key()[1]}, of.stream(), 12345, of.purpose()};
      };
      const cuda::Index n = static_cast<cuda::Index>(batch.images.size());
      std::vector<float> curves(static_cast<std::size_t>(count) * channels * 256), light(n), between(n), noise(n), result(n),
          output(n);
      run(cuda::PerturbationCurves{static_cast<cuda::Index>(curves.size()), images, curves.data()});
      run(cuda::ResampledImages{n, images, curves.data(), light.data()});
      run(cuda::SmoothedLines{n, images, light.data(), between.data(), true, false});
      run(cuda::SmoothedLines{n, images, between.data(), light.data(), false, false});
      run(cuda::NoiseField{n, images, stream(batch.correlated), noise.data()});
      run(cuda::SmoothedLines{n, images, noise.data(), between.data(), true, true});
      run(cuda::SmoothedLines{n, images, between.data(), noise.data(), false, true});
      run(cuda::LitImages{n, images, light.data(), noise.data(), stream(batch.white), batch.mean.data(), batch.arguments.scale,
                          result.data()});
      run(cuda::MixedImages<float>{n, images, count, result.data(), output.data()});
      expect_close(output, reference::perturbed(batch.arguments, to_double(batch.mean)), 2e-5, "cuda");
    }
  }
}

}  // namespace
