// Softmax and cross-entropy. A batch is a few thousand numbers: computed in double precision on the calling thread.
#include <algorithm>
#include <cmath>

#include "operations.h"

namespace deepyeast {

namespace {

// Exponentials are taken against the row's maximum, so that the largest is 1.
struct Row {
  Row(const float* logits, int classes) : largest(*std::max_element(logits, logits + classes)), sum(0) {
    for (int k = 0; k < classes; ++k) sum += std::exp(logits[k] - largest);
  }
  double posterior(float logit) const { return std::exp(logit - largest) / sum; }
  double loss(float logit) const { return largest - logit + std::log(sum); }

  double largest, sum;
};

}  // namespace

void softmax(int batch, int classes, const float* logits, float* posterior) {
  for (int cell = 0; cell < batch; ++cell, logits += classes, posterior += classes) {
    const Row row(logits, classes);
    for (int k = 0; k < classes; ++k) posterior[k] = static_cast<float>(row.posterior(logits[k]));
  }
}

void softmax_cross_entropy(int batch, int classes, const float* logits, const std::int32_t* labels, const float* targets,
                           double* losses, std::int32_t* predicted, float* logits_gradient) {
  for (int cell = 0; cell < batch; ++cell, logits += classes) {
    const Row row(logits, classes);
    const float* target = targets != nullptr ? targets + static_cast<std::size_t>(cell) * classes : nullptr;
    const auto target_of = [&](int k) -> double { return target != nullptr ? target[k] : k == labels[cell] ? 1 : 0; };
    if (target == nullptr) {
      losses[cell] = row.loss(logits[labels[cell]]);
    } else {
      losses[cell] = 0;
      for (int k = 0; k < classes; ++k) losses[cell] += target_of(k) * row.loss(logits[k]);
    }
    predicted[cell] = static_cast<std::int32_t>(std::max_element(logits, logits + classes) - logits);
    if (logits_gradient == nullptr) continue;
    for (int k = 0; k < classes; ++k)
      logits_gradient[static_cast<std::size_t>(cell) * classes + k] =
          static_cast<float>((row.posterior(logits[k]) - target_of(k)) / batch);
  }
}

}  // namespace deepyeast
