// Bodies of an image of levels: a watershed from above that stops at a share of each body's own peak.
#pragma once

#include "levels.h"

namespace deepyeast {

struct FloodRules {
  int least;            // levels below it belong to nobody
  double share;         // a body ends where the signal is below this share of its peak
  double depth;         // two bodies stay apart where the lower peak stands above their saddle by this share of itself,
  double noise;         // by so many units of the noise,
  std::size_t area;     // and has so many pixels by then; else they are one
};

// Labels of bodies, numbered from 1. Levels are visited from the highest down; a pixel belongs to the body of its highest
// neighbour, or begins one. Each body stops growing at `share` of its own peak, so that a dim one beside a bright one
// is found at its own level; what lies lower goes to nobody, but is still kept from others.
// `zones`, if given, receives for each pixel above the least level the body whose slope it is on.
// `within`: bodies stay inside its regions; null: they may go anywhere.
Labels flood(const Levels& levels, const FloodRules& rules, const Labels* within, std::uint32_t* count,
             Labels* zones = nullptr);

}  // namespace deepyeast
