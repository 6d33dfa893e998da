#include "tensor/range.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "tensor/error.h"

namespace primal {
namespace {

std::atomic<bool> recording = false;
std::mutex records_mutex;
std::vector<RangeRecord> all_records;
std::chrono::steady_clock::time_point origin;
thread_local int depth = 0;

double microseconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

}  // namespace

RangeRecorder::RangeRecorder() {
  if (recording.exchange(true)) throw ConfigError("[range] a recorder is alive already");
  std::lock_guard lock(records_mutex);
  all_records.clear();
  origin = std::chrono::steady_clock::now();
}

RangeRecorder::~RangeRecorder() { recording = false; }

std::vector<RangeRecord> RangeRecorder::records() const {
  std::lock_guard lock(records_mutex);
  return all_records;
}

double RangeRecorder::total_us(const std::string& name) const {
  double sum = 0.0;
  for (const RangeRecord& r : records()) {
    if (name == r.name) sum += r.duration_us;
  }
  return sum;
}

Range::Range(const char* name, const char* phase)
    : name_(recording.load(std::memory_order_relaxed) ? name : nullptr), phase_(phase) {
  if (name_ == nullptr) return;
  ++depth;
  start_ = std::chrono::steady_clock::now();
}

Range::~Range() {
  if (name_ == nullptr) return;
  --depth;
  const auto now = std::chrono::steady_clock::now();
  std::string name = name_;
  if (phase_ != nullptr) name.append(".").append(phase_);
  std::lock_guard lock(records_mutex);
  all_records.push_back({std::move(name), depth, microseconds(start_ - origin), microseconds(now - start_)});
}

}  // namespace primal
