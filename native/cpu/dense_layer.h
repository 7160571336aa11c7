// Dense layers.
#pragma once

#include <memory>

#include "../engine/backend.h"
#include "cpu_context.h"

namespace deepyeast {

// context must outlive the object. The weights given to set_weights are not copied: their memory must stay valid, and
// the values may only change before the next set_weights.
std::unique_ptr<Dense> make_dense(const DenseShape& shape, CpuContext& context);

}  // namespace deepyeast
