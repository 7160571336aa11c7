// What belongs to one JavaScript environment (the main thread or a worker thread) that has loaded the addon.
#pragma once

#include <napi.h>

namespace deepyeast {

struct InstanceData {
  Napi::FunctionReference error_class;
};

}  // namespace deepyeast
