#include "tensor/range.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <utility>

#if PRIMAL_HAS_NVTX
#include <nvtx3/nvToolsExt.h>
#endif

#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/open_range.h"
#include "tensor/rehearsal.h"

namespace primal {
namespace {

std::atomic<bool> recording = false;
std::atomic<int> threads_seen = 0;
std::mutex records_mutex;
std::vector<RangeRecord> all_records;
struct Marks {
  size_t start, end;
};
std::vector<Marks> all_marks;               // of the records, where there is a clock
std::unique_ptr<DeviceClock> device_clock;  // of the recorder that lives, where its device has one
std::chrono::steady_clock::time_point origin_time;
thread_local int depth = 0;
thread_local std::string layer_path;

// What is known about the work in an open range.
struct Described {
  const char* name;
  const char* phase;
  RangeDetail detail;
};
thread_local const Described* innermost_described = nullptr;

double microseconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

// Where a tool that reads NVTX runs this process (Nsight sets the variable), it gets the ranges
// too, under the same names.
#if PRIMAL_HAS_NVTX
bool traced() {
  static const bool once = std::getenv("NVTX_INJECTION64_PATH") != nullptr;
  return once;
}
void begin_trace(const char* name, const char* phase) {
  if (!traced()) return;
  nvtxRangePushA(phase == nullptr ? name : (std::string(name) + '.' + phase).c_str());
}
void end_trace() {
  if (traced()) nvtxRangePop();
}
#else
void begin_trace(const char*, const char*) {}
void end_trace() {}
#endif

int thread_number() {
  thread_local const int number = threads_seen++;
  return number;
}

}  // namespace

struct Range::State : Described {
  std::string layer_before;  // the path to go back to, where the range has brought a layer of its own
  bool brought_layer = false;
  State* outer = nullptr;
  std::chrono::steady_clock::time_point start;
  size_t start_mark = 0;

  static thread_local State* innermost;

  void begin() {
    start = std::chrono::steady_clock::now();
    std::lock_guard lock(records_mutex);
    if (device_clock != nullptr) start_mark = device_clock->mark();
  }
};

thread_local Range::State* Range::State::innermost = nullptr;

RangeDetail range_detail(const PhaseCosts& costs, std::string geometry, std::string implementation) {
  const auto of = [&](const char* phase) {
    const auto found = costs.find(phase);
    return found == costs.end() ? Cost{} : found->second;
  };
  return {std::move(geometry), std::move(implementation), of("forward"), of("backward")};
}

RangeRecorder::RangeRecorder(Device device) {
  std::unique_ptr<DeviceClock> clock = device.is_cpu() ? nullptr : backend(device).clock();
  if (recording.exchange(true)) throw ConfigError("[range] a recorder is alive already");
  std::lock_guard lock(records_mutex);
  all_records.clear();
  all_marks.clear();
  device_clock = std::move(clock);
  if (device_clock != nullptr) device_clock->mark();
  origin_time = std::chrono::steady_clock::now();
}

RangeRecorder::~RangeRecorder() {
  recording = false;
  std::lock_guard lock(records_mutex);
  device_clock = nullptr;
}

bool RangeRecorder::active() { return recording.load(std::memory_order_relaxed); }

std::vector<RangeRecord> RangeRecorder::records() const {
  std::lock_guard lock(records_mutex);
  if (device_clock == nullptr) return all_records;
  const std::vector<double> times = device_clock->times_us();
  std::vector<RangeRecord> records = all_records;
  for (size_t i = 0; i < records.size(); ++i) {
    records[i].start_us = times[all_marks[i].start];
    records[i].duration_us = times[all_marks[i].end] - times[all_marks[i].start];
  }
  return records;
}

double RangeRecorder::total_us(const std::string& name) const {
  double sum = 0.0;
  for (const RangeRecord& r : records()) {
    if (name == r.name) sum += r.duration_us;
  }
  return sum;
}

Range::Range(const char* name, const char* phase, const RangeOriginPointer& from) {
  begin_trace(name, phase);
  if (!watched()) return;
  state_ = std::make_unique<State>();
  state_->name = name;
  state_->phase = phase;
  if (from != nullptr) {
    state_->detail = {from->geometry, from->implementation, from->cost, {}};
    state_->brought_layer = true;
    state_->layer_before = std::exchange(layer_path, from->layer);
  }
  state_->outer = std::exchange(State::innermost, state_.get());
  innermost_described = State::innermost;
  ++depth;
  state_->begin();
}

Range::~Range() {
  end_trace();
  if (state_ == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  --depth;
  State::innermost = state_->outer;
  innermost_described = State::innermost;
  if (Rehearsal::active()) {
    Rehearsal::note(state_->name, state_->detail.cost);
    if (state_->brought_layer) layer_path = std::move(state_->layer_before);
    return;
  }
  RangeRecord record{state_->name, depth, microseconds(state_->start - origin_time),
                     microseconds(now - state_->start), thread_number()};
  record.op = state_->name;
  if (state_->phase != nullptr) {
    record.phase = state_->phase;
    record.name.append(".").append(state_->phase);
  }
  record.layer = layer_path;
  record.detail = std::move(state_->detail);
  if (state_->brought_layer) layer_path = std::move(state_->layer_before);
  std::lock_guard lock(records_mutex);
  all_records.push_back(std::move(record));
  if (device_clock != nullptr) all_marks.push_back({state_->start_mark, device_clock->mark()});
}

void Range::set_detail(RangeDetail detail) {
  state_->detail = std::move(detail);
  state_->begin();  // describing it is no part of the work
}

bool Range::watched() { return RangeRecorder::active() || Rehearsal::active(); }

RangeOriginPointer Range::origin() {
  const State* state = State::innermost;
  if (state == nullptr || !watched()) return nullptr;
  return std::make_shared<const RangeOrigin>(
      RangeOrigin{layer_path, state->detail.geometry, state->detail.implementation, state->detail.backward});
}

std::optional<OpenRange> open_range() {
  if (innermost_described == nullptr) return std::nullopt;
  const Described& range = *innermost_described;
  return OpenRange{range.name, range.phase == nullptr ? "" : range.phase, layer_path, range.detail};
}

LayerName::LayerName(const std::string& name) {
  if (!RangeRecorder::active() || name.empty()) return;
  pushed_ = true;
  before_ = layer_path.size();
  if (!layer_path.empty()) layer_path += '.';
  layer_path += name;
}

LayerName::~LayerName() {
  if (pushed_) layer_path.resize(before_);
}

}  // namespace primal
