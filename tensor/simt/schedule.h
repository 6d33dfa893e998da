// The order in which the emulation lets threads run. A correct kernel does not notice; one with a race does,
// in one order or another.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace primal::simt {

struct Schedule {
  enum class Order { forward, reverse, shuffled };  // of the threads in a block, and of the blocks
  Order order = Order::forward;
  uint64_t seed = 0;  // shuffled: anew between any two barriers

  std::string str() const;  // "forward", "shuffled with seed 3"
};

// While one lives, launches of this thread follow that schedule.
class ScheduleScope {
 public:
  explicit ScheduleScope(const Schedule& schedule);
  ~ScheduleScope();
  ScheduleScope(const ScheduleScope&) = delete;
  ScheduleScope& operator=(const ScheduleScope&) = delete;

 private:
  Schedule before_;
};

const Schedule& current_schedule();

// What tests try: forward, reverse, and shuffled with a few seeds.
std::vector<Schedule> schedules();

// CheckFailed naming the schedules and the first element of T at which bits differ: `kernel` has a race.
void require_same_bits(const std::string& kernel, const Schedule& a, const void* result_a, const Schedule& b,
                       const void* result_b, size_t n, size_t element_bytes);

// Runs run() once under each schedule, each time from the start; returns what it returned, a vector, if that
// was the same to the bit each time, and throws CheckFailed otherwise.
template <class Run>
auto same_in_all_orders(const std::string& kernel, const Run& run) {
  const auto in_order = [&](const Schedule& schedule) {
    const ScheduleScope scope(schedule);
    return run();
  };
  const std::vector<Schedule> all = schedules();
  const auto expected = in_order(all[0]);
  for (size_t i = 1; i < all.size(); ++i) {
    const auto result = in_order(all[i]);
    require_same_bits(kernel, all[0], expected.data(), all[i], result.data(), expected.size(),
                      sizeof expected[0]);
  }
  return expected;
}

}  // namespace primal::simt
