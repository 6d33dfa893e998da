// What kernels did: while a Recording lives, each access of every launch of the process is written down, and after it
// launches() has the races of each. Off, it costs nothing: a Global made while no Recording lives is not watched.
//
//   Recording recording;
//   conv3d_forward(exec, x, weight, y);
//   require_no_races(recording.launches());
//
// Recorded launches run one after another and their blocks too, all on the thread that launches, in the order of the
// current schedule.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace primal::simt {

// Two accesses of different threads to the same memory, at least one of them a plain write (or one atomic and the other
// not), in an order that no barrier fixes.
struct Race {
  std::string memory;  // "element 7 of a buffer of 64", "tile[3][0]"
  std::string first,
      second;  // "block (0,0,0), thread (3,0,0) writes it at transpose.cu:20", in the order of this run

  std::string str() const;
};

struct LaunchRecord {
  std::string name;
  std::vector<Race> races;  // one for each pair of places in the source, the first met; at most kMaxRaces
  int64_t n_races = 0;      // pairs of accesses, of all of them

  static constexpr size_t kMaxRaces = 32;
};

class Recording {
 public:
  Recording();
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // Of the launches that have ended, in that order. A launch that failed is not among them.
  std::vector<LaunchRecord> launches() const;

  static Recording* active();  // the youngest that lives

 private:
  friend class RecordedLaunch;

  mutable std::mutex mutex_;
  std::vector<LaunchRecord> launches_;
  Recording* before_;
};

// CheckFailed with the races of the first launch that has some.
void require_no_races(const std::vector<LaunchRecord>& launches);

}  // namespace primal::simt
