// The CUDA kernels' own code, run thread by thread on the host, against the reference: index arithmetic, order of sums and
// formulas are those of the device; races and launches are not tested here.
#include <algorithm>
#include <cmath>

#include "../cuda/kernels/direct_convolution.h"
#include "../cuda/kernels/normalization.h"
#include "../cuda/kernels/step.h"
#include "backends.h"
#include "reference.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::cuda;
using namespace deepyeast::test;

// --- running a kernel ---

template <typename Body>
void run_threads(const Body& body) {
  // One block more than needed would be cut off by the launcher's check of body.count.
  for (Index i = 0; i < body.count; ++i) body(i);
}

// Backwards, so that nothing can depend on an order that the device does not give.
template <typename Body>
void run_blocks(const Body& body) {
  for (Index block = body.blocks() - 1; block >= 0; --block)
    for (int thread = block_threads - 1; thread >= 0; --thread) body(block, thread);
}

// Shared memory of exactly the size that is asked for, filled with what is not a number; one step past its end is kept and
// checked.
template <typename Body>
void run_stages(const Body& body, std::size_t shared_bytes) {
  std::vector<double> shared(shared_bytes / sizeof(double) + 2);
  const double guard = 123456789.0;
  for (Index block = body.blocks() - 1; block >= 0; --block) {
    std::fill(shared.begin(), shared.end(), std::nan(""));
    shared.back() = guard;
    for (int thread = block_threads - 1; thread >= 0; --thread) body.first(block, thread, shared.data());
    for (int thread = block_threads - 1; thread >= 0; --thread) body.second(block, thread, shared.data());
    expect(shared.back() == guard, "shared memory was overrun");
  }
}

// --- values of either type ---

template <typename Type>
std::vector<Type> typed(const std::vector<float>& values) {
  std::vector<Type> result;
  for (const float value : values) result.push_back(from_float<Type>(value));
  return result;
}
template <typename Type>
std::vector<float> floats(const std::vector<Type>& values) {
  std::vector<float> result;
  for (const Type value : values) result.push_back(to_float(value));
  return result;
}
// What the type makes of values.
template <typename Type>
std::vector<float> rounded(const std::vector<float>& values) {
  return floats(typed<Type>(values));
}
template <typename Type>
std::vector<Type> unwritten(std::size_t count) {
  return typed<Type>(std::vector<float>(count, std::nanf("")));
}

template <typename Type>
double allowed(double float32) {
  return sizeof(Type) == 2 ? 5e-3 : float32;
}

TEST(cuda_bfloat16_rounds_to_nearest_even) {
  expect(from_float<BFloat16>(1.0f).bits == 0x3f80, "one");
  expect(from_float<BFloat16>(1.00390625f).bits == 0x3f80, "a tie goes to the even lower one");
  expect(from_float<BFloat16>(1.01171875f).bits == 0x3f82, "a tie goes to the even upper one");
  expect(from_float<BFloat16>(1.005f).bits == 0x3f81, "above a tie");
  expect(std::isnan(to_float(from_float<BFloat16>(std::nanf("")))), "not a number");
  expect(std::isinf(to_float(from_float<BFloat16>(3.4e38f))), "beyond the largest");
  Values random(4);
  for (const float value : random.normal(1000, 0, 100)) {
    const float kept = to_float(from_float<BFloat16>(value));
    expect(std::abs(kept - value) <= std::abs(value) / 256, "more than half a step away");
    expect(from_float<BFloat16>(kept).bits == from_float<BFloat16>(value).bits, "what is rounded stays");
  }
}

TEST(cuda_philox_is_that_of_the_engine) {
  const RandomStream stream(0x123456789abcdefull, Purpose::dropout, 77, 5);
  const cuda::Stream device{{stream.key()[0], stream.key()[1]}, stream.stream(), stream.iteration(), stream.purpose()};
  for (const std::uint64_t element : {0ull, 1ull, 2ull, 3ull, 4ull, 51199ull, 1000001ull, 0x3fffffffcull})
    expect(device.word(element) == stream.word(element), "word " + std::to_string(element));
}

// --- normalization ---

template <typename Type, int vector, After after>
void check_normalization(const NormalizationShape& s, double mean_over_deviation, Index blocks) {
  const std::string where = std::to_string(s.batch) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width) +
                            "x" + std::to_string(s.channels) + ", " + std::to_string(sizeof(Type)) + " bytes, packs of " +
                            std::to_string(vector) + ": ";
  Values random(s.height * 100 + s.channels);
  const Index pixels = static_cast<Index>(s.batch) * s.height * s.width;
  const std::size_t channels = s.channels, count = static_cast<std::size_t>(pixels) * channels;
  const std::vector<float> values = rounded<Type>(random.normal(count, mean_over_deviation * 2, 2));
  const std::vector<float> gamma = random.uniform(channels, -2, 2), beta = random.normal(channels);
  const std::vector<float> gradient = rounded<Type>(random.normal(s.pool ? count / 4 : count));
  const std::vector<Type> input = typed<Type>(values), output_gradient = typed<Type>(gradient);

  // Statistics.
  std::vector<float> mean(channels), variance(channels);
  const RowCut cut = cut_rows(pixels, s.channels, vector, blocks);
  std::vector<double> partial(static_cast<std::size_t>(cut.row_blocks) * channels * 2, std::nan(""));
  const StatisticsSums<Type, vector> statistics{cut, input.data(), partial.data()};
  run_stages(statistics, statistics.shared());
  using Finish = StatisticsFinish<Type>;
  const FinalSums<Finish> final_sums{
      partial.data(), cut.row_blocks, s.channels,
      Finish{input.data(), static_cast<double>(pixels), mean.data(), variance.data()}};
  run_stages(final_sums, FinalSums<Finish>::shared_bytes);
  const reference::Statistics moments = reference::statistics(to_double(values), s.channels);
  expect_close(mean, moments.mean, 1e-5, where + "mean");
  expect_close(variance, moments.variance, 1e-5, where + "variance");

  // Forward.
  const RandomStream stream(11, Purpose::dropout, 4, 2);
  std::uint32_t iteration = 4;
  NormalizationRows<Type, vector, after> rows{};
  rows.cut = cut_rows(s.pool ? pixels / 4 : pixels, s.channels, vector, blocks);
  rows.width = s.width;
  rows.input = input.data();
  rows.parameters = {mean.data(), variance.data(), gamma.data(), beta.data(), s.epsilon};
  // The iteration is read from memory, not from the stream.
  if (s.dropout > 0)
    rows.dropout = {{{stream.key()[0], stream.key()[1]}, stream.stream(), 999, stream.purpose()},
                    &iteration,
                    dropout_threshold(s.dropout),
                    1 / (1 - s.dropout)};
  std::vector<Type> output = unwritten<Type>(gradient.size());
  run_blocks(NormalizationForward<Type, vector, after>{rows, output.data()});
  reference::Array kept;
  for (std::size_t i = 0; s.dropout > 0 && i < count; ++i)
    kept.push_back(stream.word(i) < dropout_threshold(s.dropout) ? 0 : 1 / (1 - static_cast<double>(s.dropout)));
  const reference::Normalization expected = reference::normalization(s, to_double(values), to_double(gamma),
                                                                     to_double(beta), kept, to_double(gradient));
  expect_close(floats(output), expected.output, allowed<Type>(1e-5), where + "output");

  // Backward.
  std::vector<double> sums(static_cast<std::size_t>(rows.cut.row_blocks) * channels * 2, std::nan(""));
  const NormalizationSums<Type, vector, after> pairs{rows, output_gradient.data(), sums.data()};
  run_stages(pairs, pairs.shared());
  std::vector<float> gamma_gradient(channels), beta_gradient(channels), z_mean(channels), slope(channels);
  const FinalSums<NormalizationFinish> finish{
      sums.data(), rows.cut.row_blocks, s.channels,
      NormalizationFinish{variance.data(), s.epsilon, static_cast<double>(pixels), gamma_gradient.data(),
                          beta_gradient.data(), z_mean.data(), slope.data()}};
  run_stages(finish, FinalSums<NormalizationFinish>::shared_bytes);
  expect_close(gamma_gradient, expected.gamma_gradient, 2e-5, where + "gamma gradient");
  expect_close(beta_gradient, expected.beta_gradient, 2e-5, where + "beta gradient");
  std::vector<Type> input_gradient = unwritten<Type>(count);
  run_blocks(NormalizationBackward<Type, vector, after>{rows, output_gradient.data(), z_mean.data(), slope.data(),
                                                        input_gradient.data()});
  expect_close(floats(input_gradient), expected.input_gradient, allowed<Type>(2e-5), where + "input gradient");
}

template <typename Type, int vector>
void check_normalizations(int channels) {
  for (const Index blocks : {Index{1}, Index{3}, Index{512}}) {
    for (const double mean : {0.0, 3.0}) {
      check_normalization<Type, vector, After::nothing>({3, 6, 10, channels, false, 1e-5f, 0}, mean, blocks);
      check_normalization<Type, vector, After::pool>({3, 6, 10, channels, true, 1e-3f, 0}, mean, blocks);
      check_normalization<Type, vector, After::dropout>({29, 1, 1, channels, false, 1e-5f, 0.5f}, mean, blocks);
    }
  }
}

TEST(cuda_normalization_matches_the_reference) {
  check_normalizations<float, 1>(1);
  check_normalizations<float, 1>(17);
  check_normalizations<float, 4>(64);
  check_normalizations<float, 4>(260);
  check_normalizations<BFloat16, 8>(64);
  check_normalizations<BFloat16, 1>(13);
  // More packs than threads in a block.
  check_normalization<float, 1, After::nothing>({9, 1, 1, 300, false, 1e-5f, 0}, 3, 512);
  check_normalization<float, 4, After::dropout>({9, 1, 1, 1100, false, 1e-5f, 0.25f}, 3, 512);
  check_normalization<BFloat16, 8, After::pool>({2, 16, 16, 24, true, 1e-5f, 0}, 3, 512);
}

TEST(cuda_pool_takes_the_first_maximum) {
  const std::vector<float> input{1, 2, -1, -1, 2, 2, -1, -1}, mean{0}, variance{1}, gamma{1}, beta{0}, gradient{1, 1};
  NormalizationRows<float, 1, After::pool> rows{};
  rows.cut = cut_rows(2, 1, 1, 16);
  rows.width = 4;
  rows.input = input.data();
  rows.parameters = {mean.data(), variance.data(), gamma.data(), beta.data(), 0};
  std::vector<float> output(2), input_gradient(8);
  run_blocks(NormalizationForward<float, 1, After::pool>{rows, output.data()});
  expect_same(output, {2, 0}, "output");
  const std::vector<float> zero{0};
  run_blocks(NormalizationBackward<float, 1, After::pool>{rows, gradient.data(), zero.data(), zero.data(),
                                                          input_gradient.data()});
  expect_same(input_gradient, {0, 1, 0, 0, 0, 0, 0, 0}, "input gradient");
}

template <typename Type, int vector, bool pool>
void check_epilogue(int channels) {
  const int batch = 2, height = 4, width = 6;
  Values random(channels);
  const std::size_t count = static_cast<std::size_t>(batch) * height * width * channels;
  std::vector<float> values = rounded<Type>(random.normal(count));
  const std::vector<float> scale = random.uniform(channels, -1, 2), shift = random.uniform(channels);
  for (const bool relu : {false, true}) {
    for (const bool affine : {false, true}) {
      const Index pixels = Index{batch} * height * width;
      const std::vector<Type> input = typed<Type>(values);
      std::vector<Type> output = unwritten<Type>(count / (pool ? 4 : 1));
      run_blocks(Epilogue<Type, vector, pool>{cut_rows(pool ? pixels / 4 : pixels, channels, vector, 5), width,
                                              input.data(), affine ? scale.data() : nullptr,
                                              affine ? shift.data() : nullptr, relu, output.data()});
      expect_close(floats(output),
                   reference::epilogue(batch, height, width, channels, to_double(values),
                                       affine ? to_double(scale) : reference::Array(),
                                       affine ? to_double(shift) : reference::Array(), relu, pool),
                   allowed<Type>(1e-6), "epilogue");
    }
  }
}

TEST(cuda_epilogue_matches_the_reference) {
  check_epilogue<float, 4, true>(20);
  check_epilogue<float, 1, false>(7);
  check_epilogue<BFloat16, 8, true>(16);
  check_epilogue<BFloat16, 1, false>(3);
}

TEST(cuda_running_statistics_are_blended) {
  const std::vector<float> mean{2, -4}, variance{3, 0};
  std::vector<float> running_mean{0, 1}, running_variance{1, 1};
  run_threads(RunningStatistics{2, static_cast<double>(0.1f), 4.0 / 3, mean.data(), variance.data(),
                                running_mean.data(), running_variance.data()});
  expect_close(running_mean, {0.2, 0.5}, 1e-6, "mean");
  expect_close(running_variance, {0.9 + 0.1 * 4, 0.9}, 1e-6, "variance");
}

// --- direct convolution ---

template <typename Type, int vector>
void check_direct(const ConvolutionShape& s) {
  const std::string where = std::to_string(s.batch) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width) +
                            "x" + std::to_string(s.input_channels) + " to " + std::to_string(s.output_channels) + ": ";
  Values random(s.height * 1000 + s.input_channels);
  const std::size_t pixels = static_cast<std::size_t>(s.batch) * s.height * s.width;
  const std::size_t weight_count = std::size_t{9} * s.input_channels * s.output_channels;
  const std::vector<float> input = rounded<Type>(random.after_relu(pixels * s.input_channels));
  const std::vector<float> weights = random.normal(weight_count, 0, 1 / std::sqrt(9.0 * s.input_channels));
  const std::vector<float> gradient = rounded<Type>(random.normal(pixels * s.output_channels));
  const std::vector<Type> x = typed<Type>(input), dy = typed<Type>(gradient);

  const auto prepared = [&](bool reversed) {
    std::vector<float> target(weight_count, std::nanf(""));
    run_threads(DirectWeights{static_cast<Index>(weight_count), s.input_channels, s.output_channels, reversed,
                              weights.data(), target.data()});
    return target;
  };
  const auto forward = [&](const std::vector<Type>& from, const std::vector<float>& by, int inputs, auto size) {
    constexpr int pack = decltype(size)::value;
    using Body = DirectForward<Type, Type, pack>;
    const int outputs = inputs == s.input_channels && from.size() == x.size() ? s.output_channels : s.input_channels;
    const int groups = (s.width + Body::pixels - 1) / Body::pixels, packs = outputs / pack;
    std::vector<Type> to = unwritten<Type>(pixels * outputs);
    run_threads(Body{static_cast<Index>(s.batch) * s.height * groups * packs, s.height, s.width, inputs, outputs,
                     groups, packs, from.data(), by.data(), to.data()});
    return floats(to);
  };
  const double tolerance = allowed<Type>(1e-5);
  expect_close(forward(x, prepared(false), s.input_channels, std::integral_constant<int, vector>()),
               reference::convolution(s, to_double(input), to_double(weights)), tolerance, where + "forward");
  {
    // The data gradient: a convolution of the gradient with reversed weights.
    using Body = DirectForward<Type, Type, 1>;
    const int groups = (s.width + Body::pixels - 1) / Body::pixels;
    const std::vector<float> by = prepared(true);
    std::vector<Type> to = unwritten<Type>(input.size());
    run_threads(Body{static_cast<Index>(s.batch) * s.height * groups * s.input_channels, s.height, s.width,
                     s.output_channels, s.input_channels, groups, s.input_channels, dy.data(), by.data(), to.data()});
    expect_close(floats(to), reference::convolution_input_gradient(s, to_double(weights), to_double(gradient)),
                 tolerance, where + "input gradient");
  }
  using Gradient = DirectWeightGradient<Type>;
  const Index lines = static_cast<Index>(s.batch) * s.height;
  for (const Index chunk_lines : {Index{1}, Index{8}, lines}) {
    const Index chunks = (lines + chunk_lines - 1) / chunk_lines;
    std::vector<float> partial(static_cast<std::size_t>(chunks) * weight_count, std::nanf("")), target(weight_count);
    const int units = Gradient::unit_count(s.input_channels, s.output_channels);
    run_stages(Gradient{s.height, s.width, s.input_channels, s.output_channels, lines, chunk_lines, chunks,
                        (units + Gradient::units - 1) / Gradient::units, x.data(), dy.data(), partial.data()},
               Gradient::shared_bytes);
    run_stages(ColumnSums<float>{partial.data(), chunks, static_cast<Index>(weight_count), target.data()},
               ColumnSums<float>::shared_bytes);
    expect_close(target, reference::convolution_weight_gradient(s, to_double(input), to_double(gradient)), 1e-5,
                 where + "weight gradient");
  }
}

TEST(cuda_direct_convolution_matches_the_reference) {
  check_direct<float, 8>({2, 6, 10, 2, 16});
  check_direct<float, 1>({3, 5, 7, 3, 5});
  check_direct<float, 1>({1, 1, 1, 1, 1});
  check_direct<float, 1>({2, 4, 2, 17, 9});
  check_direct<BFloat16, 8>({2, 8, 8, 2, 64});
  check_direct<BFloat16, 1>({1, 2, 6, 8, 3});
}

// --- the ends of an iteration ---

std::vector<float> moved(const std::vector<float>& image, int size, int channels, int code) {
  std::vector<float> result(image);
  const auto apply = [&](auto source_of) {
    const std::vector<float> before(result);
    for (int y = 0; y < size; ++y)
      for (int x = 0; x < size; ++x)
        for (int c = 0; c < channels; ++c) result[(y * size + x) * channels + c] = before[source_of(y, x) * channels + c];
  };
  if (code & 1) apply([&](int y, int x) { return y * size + size - 1 - x; });
  if (code & 2) apply([&](int y, int x) { return (size - 1 - y) * size + x; });
  if (code & 4) apply([&](int y, int x) { return x * size + y; });
  return result;
}

TEST(cuda_gather_moves_pixels_of_the_rows_asked_for) {
  for (const int size : {2, 5}) {
    for (const int channels : {1, 2, 3}) {
      const int held = 11, batch = 8, image_size = size * size * channels;
      Values random(size);
      const std::vector<std::uint8_t> images = random.bytes(static_cast<std::size_t>(held) * image_size);
      const std::vector<float> mean = random.uniform(image_size, 0, 255);
      const std::uint32_t rows[batch] = {3, 0, 10, 3, 7, 1, 2, 9};
      const std::uint8_t codes[batch] = {0, 1, 2, 3, 4, 5, 6, 7};
      const IterationBlock block{images.data(), rows, codes, 0, 0, nullptr, nullptr};
      std::vector<float> output(static_cast<std::size_t>(batch) * image_size), expected;
      run_threads(Gather<float>{Index{batch} * size * size, size, channels, nullptr, nullptr, &block, mean.data(), 0.25f,
                                output.data()});
      for (int n = 0; n < batch; ++n) {
        const auto from = images.begin() + rows[n] * image_size;
        const std::vector<float> pixels = moved({from, from + image_size}, size, channels, codes[n]);
        for (int i = 0; i < image_size; ++i) expected.push_back((pixels[i] - mean[i]) * 0.25f);
      }
      expect_same(output, expected, "gather");
    }
  }
}

TEST(cuda_gather_takes_a_batch_as_it_is) {
  const int size = 3, channels = 2, batch = 5, image_size = size * size * channels;
  Values random(6);
  const std::vector<std::uint8_t> images = random.bytes(static_cast<std::size_t>(batch) * image_size);
  const std::vector<float> mean(image_size, 100);
  std::vector<BFloat16> output = unwritten<BFloat16>(images.size());
  run_threads(Gather<BFloat16>{Index{batch} * size * size, size, channels, images.data(), nullptr, nullptr, mean.data(),
                               0.5f, output.data()});
  std::vector<float> expected;
  for (const std::uint8_t pixel : images) expected.push_back((pixel - 100.0f) * 0.5f);
  expect_same(floats(output), rounded<BFloat16>(expected), "gather");
}

template <typename Type>
void check_column_sums(Index rows, Index columns) {
  Values random(static_cast<std::uint64_t>(rows));
  const std::vector<float> values = rounded<Type>(random.normal(static_cast<std::size_t>(rows * columns), 1));
  const std::vector<Type> input = typed<Type>(values);
  std::vector<double> expected(static_cast<std::size_t>(columns));
  for (std::size_t i = 0; i < values.size(); ++i) expected[i % expected.size()] += values[i];
  std::vector<float> target(expected.size(), std::nanf(""));
  run_stages(ColumnSums<Type>{input.data(), rows, columns, target.data()}, ColumnSums<Type>::shared_bytes);
  expect_close(target, expected, 1e-6, "column sums");
}

TEST(cuda_column_sums_match_for_any_size) {
  for (const Index rows : {Index{1}, Index{33}, Index{70}}) {
    for (const Index columns : {Index{1}, Index{9}, Index{517}}) {
      check_column_sums<float>(rows, columns);
      check_column_sums<BFloat16>(rows, columns);
    }
  }
}

TEST(cuda_conversions_keep_what_the_type_can_hold) {
  Values random(8);
  const std::vector<float> values = random.normal(1037, 0, 30);
  std::vector<BFloat16> half = unwritten<BFloat16>(values.size());
  run_threads(Convert<float, BFloat16>{static_cast<Index>(values.size()), values.data(), half.data()});
  std::vector<float> back(values.size());
  run_threads(Convert<BFloat16, float>{static_cast<Index>(values.size()), half.data(), back.data()});
  expect_same(back, rounded<BFloat16>(values), "conversion");
}

TEST(cuda_cross_entropy_takes_the_first_of_equals_and_any_number_of_classes) {
  const std::vector<float> logits{2, 5, 5, -1, 7, 7, 7, 7, 300, -300, 0, 0};
  const std::vector<std::int32_t> labels{1, 3, 0};
  std::vector<double> losses(3), expected;
  std::vector<std::int32_t> predicted(3, -1);
  std::vector<BFloat16> gradient = unwritten<BFloat16>(logits.size());
  run_threads(CrossEntropy<BFloat16>{3, 4, logits.data(), labels.data(), nullptr, nullptr, losses.data(), predicted.data(), gradient.data()});
  expect(predicted == std::vector<std::int32_t>({1, 0, 0}), "predicted");
  for (std::size_t i = 0; i < logits.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += std::exp(static_cast<double>(logits[i / 4 * 4 + k]) - logits[i]);
    expected.push_back((1 / sum - (static_cast<std::int32_t>(i % 4) == labels[i / 4] ? 1 : 0)) / 3);
  }
  expect_close(floats(gradient), expected, 5e-3, "gradient");
  const float single[] = {4, 5};
  const std::int32_t zeros[] = {0, 0};
  run_threads(CrossEntropy<float>{2, 1, single, zeros, nullptr, nullptr, losses.data(), predicted.data(), nullptr});
  expect(losses[0] == 0 && losses[1] == 0 && predicted[0] == 0 && predicted[1] == 0, "one class");
}

TEST(cuda_epilogue_may_write_over_its_input) {
  const int channels = 12, rows = 37;
  Values random(2);
  const std::vector<float> values = rounded<BFloat16>(random.normal(static_cast<std::size_t>(channels) * rows));
  const std::vector<float> scale = random.uniform(channels, -1, 2), shift = random.uniform(channels);
  std::vector<BFloat16> apart = unwritten<BFloat16>(values.size()), in_place = typed<BFloat16>(values);
  const std::vector<BFloat16> input = in_place;
  const RowCut cut = cut_rows(rows, channels, 1, 3);
  run_blocks(Epilogue<BFloat16, 1, false>{cut, 1, input.data(), scale.data(), shift.data(), true, apart.data()});
  run_blocks(Epilogue<BFloat16, 1, false>{cut, 1, in_place.data(), scale.data(), shift.data(), true, in_place.data()});
  expect_same(floats(in_place), floats(apart), "in place");
}

TEST(cuda_loss_matches_the_reference_and_stops_at_what_is_not_finite) {
  Results results{};
  for (const int batch : {1, 33, 700}) {
    const int classes = 12;
    Values random(batch);
    const std::size_t n = batch, count = n * classes;
    std::vector<float> logits = random.normal(count, 5, 10), posterior(count), gradient(count);
    const std::vector<std::int32_t> labels = random.labels(n, classes);
    std::vector<double> losses(n), expected_posterior(count), expected_gradient(count);
    std::vector<std::int32_t> predicted(n);
    double mean = 0;
    int correct = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      int best = 0;
      for (int k = 0; k < classes; ++k) {
        sum += std::exp(static_cast<double>(logits[i * classes + k]));
        if (logits[i * classes + k] > logits[i * classes + best]) best = k;
      }
      for (int k = 0; k < classes; ++k) {
        expected_posterior[i * classes + k] = std::exp(static_cast<double>(logits[i * classes + k])) / sum;
        expected_gradient[i * classes + k] = (expected_posterior[i * classes + k] - (k == labels[i])) / batch;
      }
      mean += (std::log(sum) - logits[i * classes + labels[i]]) / batch;
      correct += best == labels[i];
    }
    const Index rows = batch;
    run_threads(Softmax{rows, classes, logits.data(), posterior.data()});
    expect_close(posterior, expected_posterior, 1e-6, "posterior");
    run_threads(CrossEntropy<float>{rows, classes, logits.data(), labels.data(), nullptr, nullptr, losses.data(), predicted.data(),
                                    gradient.data()});
    expect_close(gradient, expected_gradient, 1e-6, "gradient");
    run_stages(BatchResult{rows, losses.data(), predicted.data(), labels.data(), &results}, BatchResult::shared_bytes);
    const StepResult& result = results.results[results.number - 1];
    expect(std::abs(result.loss - mean) < 1e-6 * mean && result.correct == correct && results.stopped == 0, "result");
  }
  expect(results.number == 3, "results are counted");
  const double losses[] = {1, std::nan("")};
  const std::int32_t labels[] = {0, 0};
  run_stages(BatchResult{2, losses, labels, labels, &results}, BatchResult::shared_bytes);
  expect(results.stopped == 1 && std::isnan(results.results[3].loss), "a loss that is not a number stops");
}

TEST(cuda_update_takes_both_forms_of_momentum) {
  // Ranges of one value, of a part and some, and of two parts; gaps of padding between them stay as they are.
  const std::size_t offsets[] = {0, 16, 16 + 5008}, counts[] = {1, 5001, 8192};
  const float decays[] = {0, 0.05f, 0.02f};
  const std::size_t total = 16 + 5008 + 8192;
  std::vector<UpdatePart> parts;
  for (int i = 0; i < 3; ++i)
    for (std::size_t first = 0; first < counts[i]; first += part_values)
      parts.push_back({offsets[i] + first,
                       static_cast<std::uint32_t>(std::min<std::size_t>(part_values, counts[i] - first)), decays[i]});
  for (const bool caffe : {false, true}) {
    Values random(1);
    std::vector<float> weights = random.normal(total), velocity = random.normal(total);
    const std::vector<float> gradient = random.normal(total);
    std::vector<double> expected_weights = to_double(weights), expected_velocity = to_double(velocity);
    const double rate = 0.1f, momentum = 0.9f;
    for (int i = 0; i < 3; ++i) {
      for (std::size_t j = offsets[i]; j < offsets[i] + counts[i]; ++j) {
        const double slope = gradient[j] + static_cast<double>(decays[i]) * weights[j];
        expected_velocity[j] = momentum * velocity[j] + (caffe ? rate * slope : slope);
        expected_weights[j] -= caffe ? expected_velocity[j] : rate * expected_velocity[j];
      }
    }
    const IterationBlock block{nullptr, nullptr, nullptr, 0, 0.1f, nullptr, nullptr};
    Results results{};
    Update update{static_cast<Index>(parts.size()) * (part_values / 4), parts.data(), 0.9f, caffe, 77.0f, &block,
                  &results, gradient.data(), weights.data(), velocity.data()};
    const std::vector<float> before = weights;
    results.stopped = 1;
    run_threads(update);
    expect_same(weights, before, "nothing moves once stopped");
    results.stopped = 0;
    run_threads(update);
    expect_close(weights, expected_weights, 1e-6, "weights");
    expect_close(velocity, expected_velocity, 1e-6, "velocity");
  }
}

}  // namespace
