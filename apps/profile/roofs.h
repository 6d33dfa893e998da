// The roofs of this machine: what no kernel can exceed, measured in the same call as the kernels. No
// privileges needed.
//
//   FMA        independent multiply-adds in registers, f32, in the widest vectors: GFLOP/s of one thread and
//              of all
//   bandwidth  reading (a sum) and copying (bytes read + bytes written), all threads at once, each
//              in arrays of its own: half of each cache level's share of a thread, and several times
//              the last level for memory
//   cores      how far apart two threads are: a cache line from one to the other and back. Virtual machines
//              move between cores that share a last level of cache (tens of ns) and cores that do not
//              (hundreds), and what one thread wrote and another reads then costs several times as much.
//
// The roof is the best of a few short repetitions: other users of the machine only ever take away from it.
// The median and spread beside it tell how quiet the machine was.
#pragma once

#include <string>
#include <vector>

#include "apps/profile/statistics.h"
#include "apps/shell/machine.h"
#include "tensor/cost.h"

namespace primal {

struct Roof {
  double best = 0.0;    // GFLOP/s or GB/s
  double median = 0.0;  // of the repetitions
  double spread = 0.0;  // half the distance of the quartiles, as a share of the median
};

struct BandwidthRoof {
  std::string level;      // "L1", "L2", "L3", "DRAM"
  double capacity = 0.0;  // bytes that all threads together hold at this level; infinite for DRAM
  Roof read, copy;        // GB/s
  double best() const { return read.best > copy.best ? read.best : copy.best; }
};

// How a measurement stands under the roofs.
struct Share {
  double share =
      0.0;  // of the roof that binds, 0 to 1; above where the method needs less than the direct algorithm
  std::string binds;  // "FMA", or the level whose bandwidth it is
};

struct Roofs {
  Machine machine;
  Roof fma_one, fma_all;                 // GFLOP/s
  double core_round_trip_ns = 0.0;       // 0 for one thread
  std::vector<BandwidthRoof> bandwidth;  // innermost first, DRAM last

  const BandwidthRoof& level_of(double bytes) const;  // the first that holds so much
  // The roofline: a call of this cost takes at least max(flops / FMA, bytes / bandwidth of the level that
  // holds them).
  Share share_of(const Cost& cost, double milliseconds) const;
};

struct RoofOptions {
  int repetitions = 7;
  double milliseconds = 4.0;  // of one repetition
};
Roofs measure_roofs(const RoofOptions& options = {});
Roof measure_fma_roof(int threads, const RoofOptions& options = {});
double measure_core_round_trip_ns(int threads);  // between the first two; 0 for one
// The better of two measurements, roof by roof: machines have slow moments, and one may have met the roofs.
void take_better(Roofs& roofs, const Roofs& again);

// Why the roofs cannot be right: a level slower than the one behind it, by more than such measurements vary.
// Empty where they may be.
std::string doubt_about(const Roofs& roofs);

nlohmann::json to_json(const Roofs& roofs);
// Two lines for people.
std::string roofs_text(const Roofs& roofs);

}  // namespace primal
