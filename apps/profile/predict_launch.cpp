#include "apps/profile/predict_launch.h"

#include <algorithm>
#include <utility>

namespace primal {
namespace {

// A loop that reads or writes one element in each pass runs once for each element of its thread. The grid of
// a cooperative launch meets once.
void predict_threads(const DeviceModel& device, const simt::ListedLaunch& launch, LaunchWork& work) {
  const KernelCost* const cost = kernel_cost(launch.name);
  if (cost == nullptr) return;
  work.kernel = cost->name;
  const double elements = launch.bytes / 4.0 / launch.n_threads();
  const double more = cost->accesses > 0.0 ? std::max(elements / cost->accesses - 1.0, 0.0) : 0.0;
  work.instructions = launch.n_threads() / kWarp * (cost->all + more * cost->loop);
  const double us = device.issue_us(work.instructions, launch.n_blocks());
  take(work, {0.5 * us, us}, "issue");
  if (!launch.cooperative) return;
  work.grid_meetings = 1.0;
  const double meets_us = device.grid_meets_us;
  work.us += {meets_us, meets_us};
}

}  // namespace

const KernelCost* kernel_cost(const std::string& name) {
  const auto* const found =
      std::ranges::find_if(kKernelCosts, [&](const KernelCost& cost) { return name == cost.name; });
  return found == std::end(kKernelCosts) ? nullptr : found;
}

TimeRange memory_us(const DeviceModel& device, double bytes) {
  const double from_memory = bytes / device.memory_bytes_per_us;
  return {bytes <= device.l2_bytes ? bytes / device.l2_bytes_per_us : from_memory,
          from_memory / device.memory_share};
}

void take(LaunchWork& work, const TimeRange& us, const char* limit) {
  if (us.high > work.us.high) work.limit = limit;
  work.us = {std::max(work.us.low, us.low), std::max(work.us.high, us.high)};
}

PredictedLaunch predict(const DeviceModel& device, const simt::ListedLaunch& launch) {
  LaunchWork work;
  take(work, memory_us(device, launch.bytes), "memory");
  const bool is_kernel = launch.n_blocks() > 0.0;
  if (!is_kernel) {
    work.kernel = launch.name;
  } else if (!predict_convolution(device, launch, work) && !predict_pdhg(device, launch, work)) {
    predict_threads(device, launch, work);
  }
  TimeRange us = work.us;
  us += device.gap_us;
  us += device.start_us;
  return {launch, std::move(work), us};
}

}  // namespace primal
