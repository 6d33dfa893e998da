// DeviceModel: the speeds of a device that need not be here, for predictions of how long a step would take on
// it (predict_launch.h). If sources differ or nothing is known, a number has a lower and an upper value; the
// first of such a pair makes times shorter.
//
//   H200: 132 multiprocessors, 4.8 TB/s, 67 TFLOP/s in float32 and 495 in TF32 (NVIDIA, H200 datasheet).
//   67 TFLOP/s are 132 x 128 multiply-adds in each clock at 1.98 GHz. 495 TFLOP/s are one product of 16x8x8
//   (HMMA.1688.TF32) in 4 clocks of a scheduler; mma.sync reached 62% of such a rate on Hopper (Luo et al.,
//   arXiv 2402.13499), which is 6.5 clocks. L2 has 50 MB and 5.5 TB/s, measured on an H100 PCIe (Chips and
//   Cheese, July 2023). Programs are assumed to reach 90% of the memory's 4.8 TB/s.
//   These times are assumptions without any measurement: the time between two nodes of a graph, the time of a
//   launch until its first data arrive and its last results are written, and the time for synchronising a
//   grid, a cluster, or a block.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace primal {

// The shortest and the longest time of a prediction.
struct TimeRange {
  double low = 0.0, high = 0.0;

  TimeRange& operator+=(const TimeRange& other) {
    low += other.low;
    high += other.high;
    return *this;
  }
};

struct DeviceModel {
  std::string_view name;
  double multiprocessors, schedulers, clocks_per_us;
  TimeRange clocks_per_product;              // clocks of a scheduler
  double l2_bytes_per_us, l2_bytes;          // of the whole L2
  double memory_bytes_per_us, memory_share;  // the peak, and the share of it that programs reach
  TimeRange gap_us, start_us;  // the time between two nodes; the time of a launch besides its work
  double grid_meets_us, cluster_meets_us, block_meets_clocks;  // to synchronise the grid, a cluster, a block

  // The time in us for that many warp instructions, spread over n_blocks blocks.
  double issue_us(double warp_instructions, double n_blocks) const;
};

// The model of that name, "h200". Throws ConfigError for another name.
const DeviceModel& device_model(const std::string& name);

}  // namespace primal
