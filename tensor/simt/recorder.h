// What a Recording knows of a launch while it runs: which accesses are ordered, by counting the barriers that
// each block and each lane has passed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/simt/recording.h"
#include "tensor/simt/shadow.h"
#include "tensor/simt/simt_emulation.h"
#include "tensor/simt/warp_trace.h"

namespace primal::simt {

// Up to where the work of another block is known to be done: all of it before `epoch`, and in that epoch what
// one thread had done or knew of its warp. Released has this for other blocks, by their number.
struct Progress {
  uint32_t epoch = 0;
  uint16_t warp = 0;
  std::array<uint32_t, warpSize> clocks{};
};
using Released = std::unordered_map<uint32_t, Progress>;

// What is recorded of one block while it is resident.
struct BlockTrace {
  BlockTrace(int64_t block, size_t n_threads, std::shared_ptr<Shadow> shadow)
      : number(block), clocks(n_threads), shared(std::move(shadow)), events(n_threads), fenced(n_threads) {}

  int64_t number;
  uint32_t epoch = 0;  // barriers of the block or of more that it has passed
  // For each thread and each lane of its warp: the lane's last clock before something that this thread has
  // been ordered after. For the thread's own lane it is the thread's clock.
  std::vector<std::array<uint32_t, warpSize>> clocks;
  std::shared_ptr<Shadow> shared;          // of all blocks that are resident together
  std::vector<std::vector<Event>> events;  // of each thread, since the last barrier of the block
  std::vector<bool> fenced;                // whether a thread has executed __threadfence
  Released acquired;                       // what other blocks have done before this one
};

struct AccessAt {
  Memory memory;
  Access access;
  const void* address;
  size_t bytes;
  int64_t element = 0, size = 0;  // of a buffer in global memory
  const void* site;               // in the kernel's code
  Where where;
};

class RecordedLaunch {
 public:
  RecordedLaunch(Recording& recording, const Launch& launch);

  std::unique_ptr<BlockTrace> begin_block(int64_t number, std::shared_ptr<Shadow> shared) const;
  void block_barrier(BlockTrace& block);
  void cluster_barrier(BlockTrace& block);  // for each block of the cluster
  void grid_barrier(BlockTrace& block);     // for each block of the grid
  void fence(BlockTrace& block, int thread) { block.fenced[static_cast<size_t>(thread)] = true; }
  void warp_barrier(BlockTrace& block, int first_thread, unsigned mask);
  void end_block(BlockTrace& block);
  void access(BlockTrace& block, int thread, const AccessAt& at);
  void warp_operation(BlockTrace& block, int thread, Where where);
  void matrix_product() { ++record_.counters.matrix_products; }
  void finish();

 private:
  void check_races(BlockTrace& block, int thread, const AccessAt& at, uint16_t site);
  bool ordered(const Mark& past, const Mark& now, const BlockTrace& block) const;
  void add_race(const Mark& past, const Mark& now, const AccessAt& at);
  std::string side_str(const Mark& mark) const;
  uint16_t site_of(uint64_t key, Where where);
  void count(BlockTrace& block);
  void pass_on(BlockTrace& block, int thread, const void* address);

  Recording& recording_;
  const Launch& launch_;
  LaunchRecord record_;
  Shadow global_;
  std::vector<uint32_t>
      grid_epoch_;  // of each block of a cooperative launch: its epoch after the last grid barrier
  std::vector<uint32_t> cluster_epoch_;                 // the same of clusters, in a launch that has some
  std::unordered_map<const void*, Released> released_;  // through atomic operations on an address
  std::unordered_map<uint64_t, uint16_t> site_numbers_;
  std::vector<Where> sites_;
  std::vector<uint64_t> site_order_;
  std::vector<std::pair<uint16_t, uint16_t>> reported_;
};

}  // namespace primal::simt
