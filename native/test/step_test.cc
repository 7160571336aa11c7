// The first and the last operation of a training step: gathering the images, updating the parameters.
#include "backends.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

// Applies an augmentation, one bit of its code after the other, to a square image [size][size][channels].
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

TEST(gather_moves_pixels_then_subtracts_the_mean) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const int size : {2, 5, 16}) {
      for (const int channels : {1, 2, 3}) {
        const int batch = 9, image_size = size * size * channels;
        Values random(size);
        const std::vector<std::uint8_t> images = random.bytes(static_cast<std::size_t>(batch) * image_size);
        const std::vector<float> mean = random.uniform(image_size, 0, 255);
        const std::uint8_t codes[] = {0, 1, 2, 3, 4, 5, 6, 7, 0};
        Device device_mean(backend, mean);
        for (const bool augment : {false, true}) {
          Activations output(backend, images.size());
          backend.gather({batch, size, channels, images.data(), augment ? codes : nullptr, device_mean, 0.25f}, output);
          std::vector<float> expected;
          for (int n = 0; n < batch; ++n) {
            const std::vector<float> image(images.begin() + n * image_size, images.begin() + (n + 1) * image_size);
            const std::vector<float> pixels = moved(image, size, channels, augment ? codes[n] : 0);
            for (int i = 0; i < image_size; ++i) expected.push_back((pixels[i] - mean[i]) * 0.25f);
          }
          expect_same(output.values(), expected, name);
        }
      }
    }
  });
}

TEST(update_takes_both_forms_of_momentum) {
  for_each_backend([](Backend& backend, const std::string& name) {
    // One element, less than a vector, and more than one block of work.
    for (const std::size_t count : {std::size_t{1}, std::size_t{19}, std::size_t{40001}}) {
      for (const bool caffe : {false, true}) {
        Values random(count);
        const std::vector<float> weights = random.normal(count), velocity = random.normal(count),
                                 gradient = random.normal(count);
        const float rate = 0.1f, momentum = 0.9f, decay = 0.05f;
        std::vector<double> expected_weights, expected_velocity;
        for (std::size_t i = 0; i < count; ++i) {
          const double slope = gradient[i] + static_cast<double>(decay) * weights[i];
          const double speed = static_cast<double>(momentum) * velocity[i] + (caffe ? rate * slope : slope);
          expected_velocity.push_back(speed);
          expected_weights.push_back(weights[i] - (caffe ? speed : rate * speed));
        }
        Device device_weights(backend, weights), device_velocity(backend, velocity), device_gradient(backend, gradient);
        backend.update({count, rate, momentum, decay, caffe, device_weights, device_velocity, device_gradient});
        expect_close(device_weights.values(), expected_weights, 1e-6, name + ": weights");
        expect_close(device_velocity.values(), expected_velocity, 1e-6, name + ": velocity");
      }
    }
  });
}

TEST(average_moves_by_its_share) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{40001}}) {
      Values random(count);
      const std::vector<float> values = random.normal(count), before = random.normal(count);
      for (const float share : {1.0f, 0.25f}) {
        std::vector<double> expected;
        for (std::size_t i = 0; i < count; ++i)
          expected.push_back(before[i] + share * (static_cast<double>(values[i]) - before[i]));
        Device device_values(backend, values), average(backend, before);
        backend.average(count, share, device_values, average);
        expect_close(average.values(), expected, 1e-6, name);
      }
    }
  });
}

}  // namespace
