// segmentField and measureCells: src/native/addon.ts.
#pragma once

#include <napi.h>

namespace deepyeast {

Napi::Value segment_field(const Napi::CallbackInfo& info);
Napi::Value measure_cells(const Napi::CallbackInfo& info);

}  // namespace deepyeast
