// The addon's data of one JavaScript environment, which is the main thread or a worker thread.
#pragma once

#include <napi.h>

namespace deepyeast {

struct InstanceData {
  Napi::FunctionReference error_class;
};

}  // namespace deepyeast
