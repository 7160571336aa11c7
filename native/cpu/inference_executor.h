// Inference on the processor: how a batch is cut for its caches and threads.
#pragma once

#include <memory>
#include <vector>

#include "../engine/inference_pass.h"
#include "cpu_context.h"

namespace deepyeast {

// context must outlive the object.
std::unique_ptr<InferenceExecutor> make_cpu_inference(const Topology& topology, const std::vector<Layer>& layers,
                                                      CpuContext& context);

}  // namespace deepyeast
