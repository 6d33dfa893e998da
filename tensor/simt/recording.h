// What kernels did: while a Recording lives, each access of every launch of the process is written down, and
// after it launches() has the races and the counters of each. Off, it costs nothing: a Global made while no
// Recording lives is not watched.
//
//   Recording recording;
//   conv3d_forward(exec, x, weight, y);
//   require_no_races(recording.launches());
//
// Recorded launches run one after another and their blocks too, all on the thread that launches, in the order
// of the current schedule.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace primal::simt {

// Two accesses of different threads to the same memory, at least one of them a plain write (or one atomic and
// the other not), in an order that no barrier fixes.
struct Race {
  std::string memory;  // "element 7 of a buffer of 64", "tile[3][0]"
  std::string first,
      second;  // "block (0,0,0), thread (3,0,0) writes it at transpose.cu:20", in the order of this run

  std::string str() const;
};

// Requests to global memory. A request is one load, store or atomic operation of a warp: the lanes that
// execute the same place of the kernel together.
struct Traffic {
  int64_t requests = 0;
  int64_t bytes = 0;          // that the lanes asked for, each lane for itself
  int64_t sectors = 0;        // of 32 bytes that each request touches, summed over the requests
  int64_t ideal_sectors = 0;  // if the different bytes of each request lay side by side

  Traffic& operator+=(const Traffic& other);
};

// What a launch, or all launches of a kernel, asked of the device. How lanes are put together:
// warp_trace.h. Addresses are those of this process: tensors on the device simt and simt::Buffers begin as
// on a device, at a multiple of 256.
struct LaunchCounters {
  std::string name;
  std::array<unsigned, 3> grid{}, block{};  // of the first launch
  int64_t launches = 0, blocks = 0, threads = 0;

  // Global memory. Coalesced f32: 4 sectors for a request of 32 lanes; stride 2: 8;
  // stride 8 or more: 32; one value for all: 1.
  Traffic loads, stores, atomics;
  Traffic global() const;  // all three

  // Shared memory: 32 banks of 4 bytes. A request of a warp (two halves of one for 8 bytes, four quarters
  // for 16) takes as many passes as the most different words it wants of one bank; conflicts are the passes
  // beyond the first of each. Several atomic operations on one word are not counted as conflicts.
  int64_t shared_requests = 0, shared_passes = 0, bank_conflicts = 0;

  int64_t barriers = 0;          // __syncthreads, once for each block that passes one
  int64_t cluster_barriers = 0;  // cluster_sync, once for each block
  int64_t grid_barriers = 0;     // once for the grid
  int64_t warp_operations = 0;   // shuffles, votes, __syncwarp, products on tensor cores, once for a warp
  int64_t matrix_products = 0;   // those on tensor cores: multiply_tf32 of tensor_core.h
  int64_t divergent_branches =
      0;  // times that lanes which were together went to different places, or some to the end

  LaunchCounters& operator+=(const LaunchCounters& other);
};

struct LaunchRecord {
  LaunchCounters counters;
  std::vector<Race> races;  // one for each pair of places in the source, the first met; at most kMaxRaces
  int64_t n_races = 0;      // pairs of accesses, of all of them

  static constexpr size_t kMaxRaces = 32;
};

// What to keep: races take memory, 16 bytes for each byte of global memory that is used; counters take time.
struct RecordingOptions {
  bool races = true, counters = true;
};

class Recording {
 public:
  explicit Recording(const RecordingOptions& options = {});
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // The records of the launches that have ended, in the order in which they ended. A launch that failed is
  // not among them.
  std::vector<LaunchRecord> launches() const;

  static Recording* active();  // the youngest that lives

 private:
  friend class RecordedLaunch;

  const RecordingOptions options_;
  mutable std::mutex mutex_;
  std::vector<LaunchRecord> launches_;
  Recording* before_;
};

// The counters of each kernel, summed over its launches, in the order of the first ones.
std::vector<LaunchCounters> sum_by_kernel(const std::vector<LaunchRecord>& launches);

// CheckFailed with the races of the first launch that has some.
void require_no_races(const std::vector<LaunchRecord>& launches);

}  // namespace primal::simt
