// Crops and numbers of the planes of a field of view, for JavaScript.
#pragma once

#include <napi.h>

namespace deepyeast {

// cutCrops(options): Promise<{ pixels, ranges }>, or of { samples } where no rule is given.
Napi::Value cut_crops_of(const Napi::CallbackInfo& info);
// backgroundLevel(plane, labels): Promise<number>
Napi::Value background_level_of(const Napi::CallbackInfo& info);

}  // namespace deepyeast
