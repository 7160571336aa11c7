// Crops and numbers of the planes of a field of view, for JavaScript.
#pragma once

#include <napi.h>

namespace deepyeast {

// cutCrops(options): Promise<{ pixels, ranges }>, or of { samples } where no rule is given.
Napi::Value cut_crops_of(const Napi::CallbackInfo& info);
// planeStatistics(plane, labels?): Promise<{ finite, minimum, maximum, atMaximum, background }>
Napi::Value statistics_of_plane(const Napi::CallbackInfo& info);

}  // namespace deepyeast
