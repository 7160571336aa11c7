// A rectangular grid of values, one a pixel: rows from the top, position y * width + x.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace deepyeast {

template <typename Value>
struct Grid {
  int width = 0, height = 0;
  std::vector<Value> values;

  Grid() = default;
  Grid(int w, int h, Value fill = Value()) : width(w), height(h), values(static_cast<std::size_t>(w) * h, fill) {}

  std::size_t size() const { return values.size(); }
  Value* row(int y) { return values.data() + static_cast<std::size_t>(y) * width; }
  const Value* row(int y) const { return values.data() + static_cast<std::size_t>(y) * width; }
  Value& operator[](std::size_t position) { return values[position]; }
  const Value& operator[](std::size_t position) const { return values[position]; }
};

using Image = Grid<float>;
using Labels = Grid<std::uint32_t>;  // 0: background

}  // namespace deepyeast
