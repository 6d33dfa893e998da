// Named ranges: where the time of a run goes, under the names that tests and benches use.
// A Range is open while it lives. With no recorder it costs one load; with one it writes a record when it
// closes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace primal {

struct RangeRecord {
  std::string name;  // "conv3d", or "conv3d.backward"
  int depth;         // 0 for the outermost range of its thread
  double start_us;   // since the recorder was made
  double duration_us;
};

// Collects the ranges that close while it lives, from all threads; at most one recorder lives at a time
// (ConfigError).
class RangeRecorder {
 public:
  RangeRecorder();
  ~RangeRecorder();
  RangeRecorder(const RangeRecorder&) = delete;
  RangeRecorder& operator=(const RangeRecorder&) = delete;

  std::vector<RangeRecord> records() const;        // in the order in which they closed
  double total_us(const std::string& name) const;  // sum over the ranges of that name
};

class Range {
 public:
  // The texts must outlive the range: literals. A phase is joined to the name with a dot.
  explicit Range(const char* name, const char* phase = nullptr);
  ~Range();
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
  const char* name_;
  const char* phase_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace primal
