// The engine's Backend on the processor.
#pragma once

#include <memory>

#include "../engine/backend.h"

namespace deepyeast {

// On the widest instruction set that the machine has, or on the one that DEEPYEAST_ISA names (avx512, avx2, neon, portable).
// threads 0: as many as the process may use. Throws Error("isa-unavailable").
std::unique_ptr<Backend> make_cpu_backend(int threads);

}  // namespace deepyeast
