#include "tensor/simt/schedule.h"

#include <fmt/core.h>
#include <utility>

#include "tensor/error.h"

namespace primal::simt {
namespace {

Schedule& schedule_setting() {
  thread_local Schedule setting;
  return setting;
}

}  // namespace

std::string Schedule::str() const {
  switch (order) {
    case Order::forward:
      return "forward";
    case Order::reverse:
      return "reverse";
    case Order::shuffled:
      return fmt::format("shuffled with seed {}", seed);
  }
  return {};
}

ScheduleScope::ScheduleScope(const Schedule& schedule)
    : before_(std::exchange(schedule_setting(), schedule)) {}
ScheduleScope::~ScheduleScope() { schedule_setting() = before_; }

const Schedule& current_schedule() { return schedule_setting(); }

std::vector<Schedule> schedules() {
  using Order = Schedule::Order;
  return {
      {Order::forward}, {Order::reverse}, {Order::shuffled, 1}, {Order::shuffled, 2}, {Order::shuffled, 3}};
}

void require_same_bits(const std::string& kernel, const Schedule& a, const void* result_a, const Schedule& b,
                       const void* result_b, size_t n, size_t element_bytes) {
  const auto* bytes_a = static_cast<const unsigned char*>(result_a);
  const auto* bytes_b = static_cast<const unsigned char*>(result_b);
  for (size_t i = 0; i < n; ++i) {
    if (std::memcmp(bytes_a + i * element_bytes, bytes_b + i * element_bytes, element_bytes) == 0) continue;
    throw CheckFailed(
        "[{}] the result changes with the order of the threads: element {} of {} differs between {} and {}. "
        "Two threads use the same memory with no barrier between them",
        kernel, i, n, a.str(), b.str());
  }
}

}  // namespace primal::simt
