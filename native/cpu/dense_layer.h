// Dense layers.
#pragma once

#include <memory>

#include "../engine/backend.h"
#include "cpu_context.h"

namespace deepyeast {

// context must outlive the object. The weights given to set_weights are used where they lie: they must stay there, and
// may only change before the next set_weights.
std::unique_ptr<Dense> make_dense(const DenseShape& shape, CpuContext& context);

}  // namespace deepyeast
