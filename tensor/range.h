// Named ranges: where the time of a run goes, under the names that tests and benches use.
// A Range is open while it lives. With no recorder it costs one load; with one it writes a record when it
// closes.
//
//   Range range("max_pool3d", nullptr, [&] { return RangeDetail{...}; });
//   LayerName layer("encoder.0");
//
// What a range costs is asked only while recording. Ranges below a LayerName carry the path of names.
// The tape remembers the layer and the cost of the range in which a node was recorded, and gives them to the
// node's ".backward" range.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tensor/cost.h"
#include "tensor/device.h"

namespace primal {

// What a range knows of its work.
struct RangeDetail {
  std::string geometry;        // "n1 c32 o32 d1 h256 w256 k1,3,3 s1,1,1 p0,1,1"
  std::string implementation;  // empty where there is one only
  Cost cost = {};              // of this range
  Cost backward = {};          // of the backward range of what is recorded inside
};

// The detail of the range of an op with these costs: "forward" is the cost of this range, "backward" that of
// the range on the tape.
RangeDetail range_detail(const PhaseCosts& costs, std::string geometry, std::string implementation = {});

struct RangeRecord {
  std::string name;  // "conv3d", or "conv3d.backward"
  int depth;         // 0 for the outermost range of its thread
  double start_us;   // since the recorder was made
  double duration_us;
  int thread = 0;                   // threads are numbered in the order of their first range
  std::string op = {}, phase = {};  // the two halves of the name; the phase is empty where the range has none
  std::string layer = {};           // "cnn.encoder.0.double_conv.conv_block.2"
  RangeDetail detail = {};
};

// Collects the ranges that close while it lives, from all threads; at most one recorder lives at a time
// (ConfigError).
//
// With a CUDA device, times are those of the device between the ends of a range, by marks in the order of its
// work.
class RangeRecorder {
 public:
  explicit RangeRecorder(Device device = {});
  ~RangeRecorder();
  RangeRecorder(const RangeRecorder&) = delete;
  RangeRecorder& operator=(const RangeRecorder&) = delete;

  static bool active();                            // does one live?
  std::vector<RangeRecord> records() const;        // in the order in which they closed
  double total_us(const std::string& name) const;  // sum over the ranges of that name
};

// Where something was recorded: handed from a forward range to its backward range. Null while nobody records.
struct RangeOrigin {
  std::string layer, geometry, implementation;
  Cost cost;
};
using RangeOriginPointer = std::shared_ptr<const RangeOrigin>;

class Range {
 public:
  // The texts must outlive the range: literals. A phase is joined to the name with a dot.
  explicit Range(const char* name, const char* phase = nullptr) : Range(name, phase, RangeOriginPointer{}) {}
  // `describe` returns a RangeDetail; called only while recording.
  template <class Describe>
  requires requires(const Describe& describe) { RangeDetail(describe()); }
  Range(const char* name, const char* phase, const Describe& describe) : Range(name, phase) {
    if (state_ != nullptr) set_detail(describe());
  }
  Range(const char* name, const char* phase, const RangeOriginPointer& origin);
  ~Range();
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

  // Does anybody look at the ranges of this thread: a recorder, or a rehearsal?
  static bool watched();

  // The innermost range of this thread, as the origin of what is recorded in it.
  static RangeOriginPointer origin();

 private:
  struct State;
  void set_detail(RangeDetail detail);

  std::unique_ptr<State> state_;  // null where nobody records
};

// While one lives, the ranges of this thread belong to the layer of that name within the layers around it.
class LayerName {
 public:
  explicit LayerName(const std::string& name);
  ~LayerName();
  LayerName(const LayerName&) = delete;
  LayerName& operator=(const LayerName&) = delete;

 private:
  bool pushed_ = false;
  size_t before_ = 0;  // length of the path without this name
};

}  // namespace primal
