#include "apps/profile/device_model.h"

#include <algorithm>

#include "tensor/error.h"

namespace primal {
namespace {

constexpr DeviceModel kH200{.name = "h200",
                            .multiprocessors = 132,
                            .schedulers = 4,
                            .clocks_per_us = 1980,
                            .clocks_per_product = {4, 6.5},
                            .l2_bytes_per_us = 5.5e6,
                            .l2_bytes = 50e6,
                            .memory_bytes_per_us = 4.8e6,
                            .memory_share = 0.9,
                            .gap_us = {0.7, 1.5},
                            .start_us = {0.5, 1.5},
                            .grid_meets_us = 1.2,
                            .cluster_meets_us = 0.2,
                            .block_meets_clocks = 100};

}  // namespace

double DeviceModel::issue_us(double warp_instructions, double n_blocks) const {
  const double busy = std::clamp(n_blocks, 1.0, multiprocessors);
  return warp_instructions / (busy * schedulers) / clocks_per_us;
}

const DeviceModel& device_model(const std::string& name) {
  if (name == kH200.name) return kH200;
  throw ConfigError("[profile] there is no model of the device '{}'; there is one of {}", name, kH200.name);
}

}  // namespace primal
