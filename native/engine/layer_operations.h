// The convolutions and dense layers of a network on its backend, which training and inference share.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backend.h"
#include "parameters.h"
#include "topology.h"

namespace deepyeast {

class LayerOperations {
 public:
  // before_release is called before operations are freed: whatever refers to them (recordings) must go first.
  LayerOperations(const std::vector<Layer>& layers, Parameters& parameters, Backend& backend,
                  std::function<void()> before_release);

  // One of both for each layer; the other is null.
  struct Operation {
    std::unique_ptr<Convolution> convolution;
    std::unique_ptr<Dense> dense;
  };
  const Operation& operator[](std::size_t layer) const { return operations_[layer]; }

  // Whether they were made for batches as large as these and, if asked for, for training.
  bool serve(OperationBatches batches, bool training) const;
  // Makes them anew unless they serve already.
  void require(OperationBatches batches, bool training);
  void release();

  // Hands them the present weights.
  void set_weights();
  // The same, unless they have them.
  void prepare_weights();
  bool weights_are_set() const { return weights_version_ == parameters_.version(); }

 private:
  const std::vector<Layer>& layers_;
  Parameters& parameters_;
  Backend& backend_;
  const std::function<void()> before_release_;
  std::vector<Operation> operations_;
  OperationBatches batches_ = {0, 0};
  bool training_ = false;
  std::uint64_t weights_version_ = 0;  // of the parameters; 0: no weights are set
};

}  // namespace deepyeast
