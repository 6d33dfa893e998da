// Rehearsal: a step that is counted instead of computed.
//
//   Rehearsal rehearsal;
//   mse_loss(model.forward(z).denoised, clean).backward();     // the program's own code, not a copy of it
//   rehearsal.stats().peak_bytes                               // what this step will need
//   rehearsal.costs().at("conv3d").flops                       // what it will compute
//
// While one lives, everything that its thread does takes its usual way, with three differences:
//
//   - memory is counted in the pool's size classes and reserved, but takes no room until it is touched: what
//     backend() and host_pool() return is the rehearsal's own, on every device. Where the system cannot even
//     reserve that much (a process has 128 TiB of addresses), DeviceError, as for any memory that is refused;
//   - work on the elements of tensors is left out. All of it passes one gate, unless_rehearsing():
//     parallel_for, parallel_sum, parallel_region and launch do by themselves, so that kernels take their
//     scratch memory and do no work; calls of a library and checks of values are handed to it;
//   - each Range adds the cost of its op to costs().
//
// Values are therefore undefined. A kernel may fill small tables outside of the gate; one that did all its
// work there would compute in vain. What ops keep on a device from call to call, they keep in its Backend
// (backend.h), so what was made in a rehearsal is gone after it. Tensors that were made in one are of no use
// afterwards. Rehearsals do not nest (ConfigError).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tensor/cost.h"
#include "tensor/memory_pool.h"

namespace primal {

class Backend;

class Rehearsal {
 public:
  static constexpr size_t kReal = 4096;  // smaller blocks hold zeros: scalars, as step sizes are, may be read

  Rehearsal();
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  static bool active();  // does one live on this thread?
  // Do blocks of that many bytes hold what was written? In a rehearsal only small ones do.
  static bool holds_values(size_t bytes) { return !active() || bytes < kReal; }

  // Counted since it began; several devices count as one.
  MemoryStats stats() const;
  void reset_peak();

  // By op: forward and backward phases that have run.
  const std::map<std::string, Cost>& costs() const { return costs_; }

  // For tensor/ itself: what takes the place of a device's memory, and where ranges report. Null without a
  // rehearsal.
  static Backend* stand_in();
  static MemoryPool* pool();
  static void note(const std::string& op, const Cost& cost);

 private:
  struct StandIn;
  std::unique_ptr<StandIn> stand_in_;
  std::map<std::string, Cost> costs_;
};

// Calls work(), which reads or writes elements of tensors or has a library do so, unless this thread
// rehearses.
template <class Work>
void unless_rehearsing(const Work& work) {
  if (!Rehearsal::active()) work();
}

}  // namespace primal
