// Inference on CUDA: equal chunks of images, each at a batch size that is prepared and recorded once.
#pragma once

#include <memory>
#include <vector>

#include "cuda_backend.h"

namespace deepyeast {

// backend must outlive the object.
std::unique_ptr<InferenceExecutor> make_cuda_inference(const Topology& topology, const std::vector<Layer>& layers,
                                                       CudaBackend& backend);

}  // namespace deepyeast
