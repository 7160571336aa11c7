// One channel of a field of view, as its file stores the samples.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace deepyeast {

// Row by row, [height, width].
using PlaneSamples =
    std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                 std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>, std::vector<float>>;

struct FieldPlane {
  PlaneSamples samples;
  // What lies outside the field, in units of the samples.
  double background = 0;
};

}  // namespace deepyeast
