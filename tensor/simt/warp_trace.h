// What the lanes of a warp did between two barriers of their block, put side by side: which accesses were one
// request of the warp, and where the lanes parted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/simt/pointer.h"
#include "tensor/simt/recording.h"

namespace primal::simt {

struct Event {
  enum class Kind : uint8_t { access, shared_access, warp_operation };

  uintptr_t address = 0;
  uint16_t site = 0;  // the place in the kernel
  Kind kind = Kind::access;
  Access access = Access::read;
  uint8_t bytes = 0;
};

// Adds what these lanes did to the counters.
//
// A warp executes one place of the kernel at a time, for those of its lanes that are there, and lanes that
// part come together again as soon as they can. The emulation runs lanes one after the other, so this replays
// their traces: as long as all have the same place before them, they take it together. Where places differ,
// lanes wait if others still come to theirs (it is where branches join). If so in both directions, as in a
// loop, those go first that are least far through their visits of the place, then those whose place comes
// first in the source (`order` of a site).
//
// So lanes part where their next places differ, and a branch with nothing recorded in it is not seen.
void count_warp(std::span<const std::vector<Event>> lanes, std::span<const uint64_t> order,
                LaunchCounters& counters);

}  // namespace primal::simt
