#include "perturbation.h"

#include <algorithm>
#include <cmath>

namespace deepyeast {
namespace {

enum Stream : std::uint32_t { codes = 0, cells = 1, white = 2, correlated = 3, pairs = 4 };
constexpr std::uint64_t kDraws = 128;          // of a cell or a pair at most
constexpr std::uint64_t kDrawsOfAChannel = 8;  // which begin after as many of the cell
constexpr double kTwoPi = 6.283185307179586476925286766559;

RandomStream stream_of(Stream stream, std::uint64_t seed, std::uint32_t iteration) {
  return RandomStream(seed, Purpose::augmentation, iteration, stream);
}

// The numbers of one cell or pair: uniform on [0, 1), multiples of 2^-32.
class Draws {
 public:
  Draws(const RandomStream& stream, std::uint64_t owner) : stream_(stream), first_(kDraws * owner) {}
  double uniform(std::uint64_t number) const { return stream_.word(first_ + number) / 4294967296.0; }
  float linear(std::uint64_t number, const Range& range) const {
    return static_cast<float>(range.least + (range.most - range.least) * uniform(number));
  }
  float logarithmic(std::uint64_t number, const Range& range) const {
    return static_cast<float>(range.least * std::pow(range.most / range.least, uniform(number)));
  }

 private:
  const RandomStream& stream_;
  std::uint64_t first_;
};

ChannelPerturbation draw_channel(const Perturbations& ranges, const Draws& draws, std::uint64_t first) {
  ChannelPerturbation channel{};
  channel.gain = draws.logarithmic(first, ranges.gain);
  channel.offset = draws.linear(first + 1, ranges.offset);
  channel.gamma = draws.logarithmic(first + 2, ranges.gamma);
  channel.blur = draws.linear(first + 3, ranges.blur);
  const double strength = draws.linear(first + 4, ranges.light_gradient), angle = kTwoPi * draws.uniform(first + 5);
  channel.gradient_x = static_cast<float>(strength * std::cos(angle));
  channel.gradient_y = static_cast<float>(strength * std::sin(angle));
  channel.white_noise = draws.linear(first + 6, ranges.white_noise);
  channel.correlated_noise = draws.linear(first + 7, ranges.correlated_noise);
  return channel;
}

// The smaller of w and 1 - w, w from Beta(alpha, alpha) by Joehnk's method: of pairs u, v the first with
// u^(1 / alpha) + v^(1 / alpha) <= 1, which is the first or second most of the time.
double partner_weight(const Draws& draws, double alpha) {
  for (std::uint64_t number = 0; number + 1 < kDraws; number += 2) {
    const double x = std::pow(draws.uniform(number), 1 / alpha), y = std::pow(draws.uniform(number + 1), 1 / alpha);
    if (x + y <= 1 && x + y > 0) return std::min(x, y) / (x + y);
  }
  return 0.5;  // what a large alpha, for which pairs are seldom accepted, is near anyway
}

}  // namespace

bool Perturbations::operator==(const Perturbations& other) const {
  return zoom == other.zoom && shift == other.shift && gain == other.gain && offset == other.offset &&
         gamma == other.gamma && blur == other.blur && light_gradient == other.light_gradient &&
         white_noise == other.white_noise && correlated_noise == other.correlated_noise &&
         noise_length == other.noise_length && mixup == other.mixup;
}

std::vector<CellPerturbation> draw_perturbations(const Perturbations& perturbations, std::uint64_t seed,
                                                 std::uint32_t iteration, int batch, int channels) {
  const RandomStream of_cells = stream_of(cells, seed, iteration), of_pairs = stream_of(pairs, seed, iteration);
  std::vector<CellPerturbation> drawn(static_cast<std::size_t>(batch));
  const Range shift = {-perturbations.shift, perturbations.shift};
  for (std::uint64_t i = 0; i < drawn.size(); ++i) {
    CellPerturbation& cell = drawn[i];
    const Draws draws(of_cells, i);
    cell.zoom = draws.logarithmic(0, perturbations.zoom);
    cell.shift_x = draws.linear(1, shift);
    cell.shift_y = draws.linear(2, shift);
    cell.noise_length = draws.linear(3, perturbations.noise_length);
    for (int c = 0; c < channels; ++c) {
      cell.channels[c] = draw_channel(perturbations, draws, kDrawsOfAChannel * (1 + static_cast<std::uint64_t>(c)));
    }
    const bool has_partner = (i ^ 1) < drawn.size();
    if (perturbations.mixup > 0 && has_partner) {
      cell.partner = i % 2 == 1 ? drawn[i - 1].partner
                                : static_cast<float>(partner_weight(Draws(of_pairs, i / 2), perturbations.mixup));
    }
  }
  return drawn;
}

RandomStream augmentation_codes(std::uint64_t seed, std::uint32_t iteration) { return stream_of(codes, seed, iteration); }
RandomStream white_noise(std::uint64_t seed, std::uint32_t iteration) { return stream_of(white, seed, iteration); }
RandomStream correlated_noise(std::uint64_t seed, std::uint32_t iteration) {
  return stream_of(correlated, seed, iteration);
}

}  // namespace deepyeast
