#include "simulated_cells.h"

#include <algorithm>
#include <cmath>

#include "../system/random.h"

namespace deepyeast::test {

namespace {

constexpr int kPuncta = 4;
constexpr std::uint64_t kNumbers = 8 + 2 * kPuncta;  // that a cell is drawn from

// 1 inside, 0 outside, a slope of `blur` between; distance is negative inside.
double inside(double distance, double blur) { return 1 / (1 + std::exp(std::min(distance / blur, 50.0))); }

}  // namespace

SimulatedCells::SimulatedCells(int count, int size, std::uint64_t seed)
    : image_bytes(static_cast<std::size_t>(size) * size * 2),
      images(static_cast<std::size_t>(count) * image_bytes),
      labels(static_cast<std::size_t>(count)) {
  const RandomStream shapes(seed, Purpose::simulation, 0, 0), noise(seed, Purpose::simulation, 0, 1);
  std::vector<std::uint32_t> grains(image_bytes);
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto between = [&](std::uint64_t number, double low, double high) {
      return low + (high - low) * shapes.word(n * kNumbers + number) / 4294967296.0;
    };
    const int label = labels[n] = static_cast<std::int32_t>(shapes.word(n * kNumbers) % kSimulatedClasses);
    const double middle = size / 2.0 - 0.5, blur = size / 40.0;
    const double cx = middle + between(1, -0.06, 0.06) * size, cy = middle + between(2, -0.06, 0.06) * size;
    const double rx = between(3, 0.22, 0.34) * size, ry = between(4, 0.22, 0.34) * size;
    const double nx = cx + between(5, -0.3, 0.3) * rx, ny = cy + between(6, -0.3, 0.3) * ry;
    const double brightness = between(7, 15, 70);
    noise.words(n * image_bytes, image_bytes, grains.data());
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        const double r = std::hypot((x - cx) / rx, (y - cy) / ry), radius = std::min(rx, ry);
        const double cell = inside((r - 1) * radius, blur);
        const double core = inside(std::hypot(x - nx, y - ny) - 0.35 * radius, blur);
        double protein = cell;
        if (label == 1) protein = core;
        if (label == 2) protein = inside((std::abs(r - 0.95) - 0.08) * radius, blur);
        if (label == 4) protein = cell * (1 - core);
        if (label == 3) {
          protein = 0;
          for (int i = 0; i < kPuncta; ++i) {
            const double px = cx + between(8 + 2 * i, -0.6, 0.6) * rx, py = cy + between(9 + 2 * i, -0.6, 0.6) * ry;
            protein = std::max(protein, inside(std::hypot(x - px, y - py) - 0.12 * radius, blur));
          }
        }
        const std::size_t place = (static_cast<std::size_t>(y) * size + x) * 2;
        // Noise of two uniform numbers, sixteen bits each.
        const auto grain = [&](std::size_t i) { return ((grains[i] >> 16) + (grains[i] & 0xffff)) / 65536.0 - 1; };
        const double values[2] = {20 + 80 * cell + 20 * grain(place), 20 + brightness * protein + 40 * grain(place + 1)};
        for (std::size_t c = 0; c < 2; ++c)
          images[n * image_bytes + place + c] = static_cast<std::uint8_t>(std::clamp(values[c], 0.0, 255.0));
      }
    }
  }
}

}  // namespace deepyeast::test
