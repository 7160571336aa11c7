// A convolution of the CPU backend.
#pragma once

#include "../engine/backend.h"

namespace deepyeast {

class CpuConvolution : public Convolution {
 public:
  // Does what infer() may otherwise leave undone after set_weights(). Call it before several threads call infer() at
  // once, each within a share of its own (inference_executor.h).
  virtual void prepare_for_shares() {}
};

}  // namespace deepyeast
