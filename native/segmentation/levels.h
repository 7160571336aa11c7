// Images in levels, and the positions of their pixels in the order of the levels: what the floods run over.
#pragma once

#include "bands.h"
#include "grid.h"

namespace deepyeast {

// Grey levels of a signal above the background: 16 sqrt(signal / noise), rounded, so that a level is a fraction of the
// noise whether the noise is the camera's or the light's. Level 0: no signal.
using Levels = Grid<std::uint16_t>;

Levels levels_of(const Image& signal, double noise, const Bands& bands);
// The signal in units of the noise at that level.
inline double signal_at(double level) { return level * level / 256; }

// Positions of the pixels whose level is at least `least`, by falling level, and in their order within a level.
std::vector<std::uint32_t> positions_by_falling_level(const Levels& levels, int least);

// Closing by area: dark spots of at most `area` pixels are raised to the level of the lowest pixel of their rim, as many
// times as needed (Vincent 1993; by union-find as Meijster and Wilkinson 2002). Neighbours share a side.
Levels area_closing(const Levels& levels, std::size_t area);

}  // namespace deepyeast
