// Softmax, cross-entropy and its gradient.
#include <cmath>

#include "backends.h"
#include "test.h"

namespace {

using namespace deepyeast;
using namespace deepyeast::test;

TEST(softmax_cross_entropy_matches_the_reference) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (const int classes : {1, 2, 3, 7, 12, 17}) {
      for (const int batch : {1, 2, 33}) {
        Values random(classes);
        const std::size_t count = static_cast<std::size_t>(batch) * classes;
        const std::vector<float> logits = random.normal(count, 5, 10);
        const std::vector<std::int32_t> labels = random.labels(batch, classes);
        std::vector<double> posterior(count), gradient(count), losses(batch);
        for (int n = 0; n < batch; ++n) {
          const float* row = logits.data() + n * classes;
          double sum = 0;
          for (int k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(row[k]));
          losses[n] = std::log(sum) - row[labels[n]];
          for (int k = 0; k < classes; ++k) {
            posterior[n * classes + k] = std::exp(static_cast<double>(row[k])) / sum;
            gradient[n * classes + k] = (posterior[n * classes + k] - (k == labels[n])) / batch;
          }
        }
        Device device_logits(backend, logits), device_posterior(backend, count);
        Activations device_gradient(backend, count);
        std::vector<double> measured(batch);
        std::vector<std::int32_t> predicted(batch, -1);
        backend.softmax(batch, classes, device_logits, device_posterior);
        expect_close(device_posterior.values(), posterior, 1e-6, name + ": posterior");
        backend.softmax_cross_entropy(batch, classes, device_logits, labels.data(), nullptr, measured.data(), predicted.data(),
                                      device_gradient);
        expect_close(device_gradient.values(), gradient, 1e-6, name + ": gradient");
        for (int n = 0; n < batch; ++n) {
          expect(std::abs(measured[n] - losses[n]) <= 1e-6 * std::max(1.0, losses[n]), name + ": loss");
          for (int k = 0; k < classes; ++k)
            expect(logits[n * classes + predicted[n]] >= logits[n * classes + k], name + ": predicted class");
        }
      }
    }
  });
}

TEST(softmax_of_large_logits) {
  for_each_backend([](Backend& backend, const std::string& name) {
    Device logits(backend, std::vector<float>{1e4f, 0, -1e4f, -3e38f, -3e38f, -3e38f}), posterior(backend, 6);
    const std::int32_t labels[] = {1, 0};
    double losses[2];
    std::int32_t predicted[2];
    backend.softmax(2, 3, logits, posterior);
    expect_close(posterior.values(), {1, 0, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3}, 1e-6, name);
    backend.softmax_cross_entropy(2, 3, logits, labels, nullptr, losses, predicted, nullptr);
    expect(losses[0] == 1e4, name + ": loss of a class whose posterior underflows");
    expect(predicted[0] == 0 && predicted[1] == 0, name + ": ties go to the lower class");
  });
}

// Targets that are shares of classes, as mixed cells have them; those of one label give the label's loss.
TEST(softmax_cross_entropy_takes_shares_of_classes) {
  for_each_backend([](Backend& backend, const std::string& name) {
    const int classes = 5, batch = 7;
    const std::size_t count = std::size_t{classes} * batch;
    Values random(4);
    const std::vector<float> logits = random.normal(count, 1, 3);
    const std::vector<std::int32_t> labels = random.labels(batch, classes);
    std::vector<float> targets = random.uniform(count, 0, 1), ones(count);
    std::vector<double> losses(batch), gradient(count);
    for (int n = 0; n < batch; ++n) {
      double sum = 0, total = 0;
      for (int k = 0; k < classes; ++k) total += targets[n * classes + k];
      for (int k = 0; k < classes; ++k) targets[n * classes + k] = static_cast<float>(targets[n * classes + k] / total);
      for (int k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(logits[n * classes + k]));
      for (int k = 0; k < classes; ++k) {
        const double posterior = std::exp(static_cast<double>(logits[n * classes + k])) / sum;
        losses[n] -= targets[n * classes + k] * std::log(posterior);
        gradient[n * classes + k] = (posterior - targets[n * classes + k]) / batch;
      }
      ones[n * classes + labels[n]] = 1;
    }
    Device device_logits(backend, logits);
    Activations device_gradient(backend, count), of_labels(backend, count);
    std::vector<double> measured(batch), hard(batch), expected_hard(batch);
    std::vector<std::int32_t> predicted(batch);
    backend.softmax_cross_entropy(batch, classes, device_logits, labels.data(), targets.data(), measured.data(),
                                  predicted.data(), device_gradient);
    expect_close(device_gradient.values(), gradient, 1e-6, name + ": gradient");
    for (int n = 0; n < batch; ++n) expect(std::abs(measured[n] - losses[n]) < 1e-6, name + ": loss");
    backend.softmax_cross_entropy(batch, classes, device_logits, labels.data(), ones.data(), hard.data(), predicted.data(),
                                  device_gradient);
    backend.softmax_cross_entropy(batch, classes, device_logits, labels.data(), nullptr, expected_hard.data(),
                                  predicted.data(), of_labels);
    expect_same(device_gradient.values(), of_labels.values(), name + ": gradient of a label");
    for (int n = 0; n < batch; ++n) expect(std::abs(hard[n] - expected_hard[n]) < 1e-12, name + ": loss of a label");
  });
}

TEST(softmax_cross_entropy_of_what_is_not_a_number) {
  for_each_backend([](Backend& backend, const std::string& name) {
    for (int place = 0; place < 3; ++place) {
      std::vector<float> values{1, 2, 3};
      values[place] = std::nanf("");
      Device logits(backend, values);
      const std::int32_t label = 1;
      double loss;
      std::int32_t predicted;
      backend.softmax_cross_entropy(1, 3, logits, &label, nullptr, &loss, &predicted, nullptr);
      expect(std::isnan(loss), name + ": the loss is " + std::to_string(loss));
    }
  });
}

}  // namespace
