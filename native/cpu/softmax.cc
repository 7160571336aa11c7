// Softmax and cross-entropy. A batch is a few thousand numbers: computed in double precision on the calling thread.
#include <algorithm>
#include <cmath>

#include "operations.h"

namespace deepyeast {

namespace {

// The logarithm of the sum of exponentials, against the row's maximum.
double log_sum(const float* row, int classes) {
  const double largest = *std::max_element(row, row + classes);
  double sum = 0;
  for (int k = 0; k < classes; ++k) sum += std::exp(row[k] - largest);
  return largest + std::log(sum);
}

}  // namespace

void softmax(int batch, int classes, const float* logits, float* posterior) {
  for (int cell = 0; cell < batch; ++cell, logits += classes, posterior += classes) {
    const double total = log_sum(logits, classes);
    for (int k = 0; k < classes; ++k) posterior[k] = static_cast<float>(std::exp(logits[k] - total));
  }
}

void softmax_cross_entropy(int batch, int classes, const float* logits, const std::int32_t* labels, double* losses,
                           std::int32_t* predicted, float* logits_gradient) {
  for (int cell = 0; cell < batch; ++cell, logits += classes) {
    const double total = log_sum(logits, classes);
    losses[cell] = total - logits[labels[cell]];
    predicted[cell] = static_cast<std::int32_t>(std::max_element(logits, logits + classes) - logits);
    if (logits_gradient == nullptr) continue;
    for (int k = 0; k < classes; ++k)
      logits_gradient[static_cast<std::size_t>(cell) * classes + k] =
          static_cast<float>((std::exp(logits[k] - total) - (k == labels[cell] ? 1 : 0)) / batch);
  }
}

}  // namespace deepyeast
