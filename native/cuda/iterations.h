// Training iterations: what each needs of the host goes to the device in one copy, and losses stay there until they are
// collected.
#pragma once

#include <array>
#include <vector>

#include "abi.h"
#include "kernels/step.h"
#include "retired_memory.h"
#include "training_set.h"

namespace deepyeast::cuda {

class Iterations {
 public:
  Iterations(cudaStream_t stream, Staging<StagingSlot>& staging, const TrainingSet& training_set, RetiredMemory& retired);
  void begin(const CudaIteration& iteration);
  void end();
  // Fetches results of ended iterations, at most `capacity`; more: there are others.
  int collect(StepResult* results, int capacity, bool* more);

  // Null outside an iteration.
  const IterationBlock* block() const { return running_ ? block_.as<IterationBlock>() : nullptr; }
  const std::int32_t* labels() const;
  Results* results() const { return results_.as<Results>(); }

 private:
  struct InputSlot {
    PinnedMemory host;
    Event copied;
  };

  // Where what follows the block in its memory begins, for so many cells and classes at most.
  struct Places {
    Places(int batch, int classes);
    std::size_t labels, rows, codes, perturbations, targets, end;
  };

  void drain();

  cudaStream_t stream_;
  Staging<StagingSlot>& staging_;
  const TrainingSet& training_set_;
  RetiredMemory& retired_;
  DeviceMemory block_;
  int block_capacity_ = 0, block_classes_ = 0;
  std::array<InputSlot, 4> inputs_;
  std::size_t input_ = 0;
  bool running_ = false, staged_ = false;
  DeviceMemory results_;
  int enqueued_ = 0;       // results not yet fetched
  bool diverged_ = false;  // since the last collect
  std::vector<StepResult> fetched_;
};

}  // namespace deepyeast::cuda
