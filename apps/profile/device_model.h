// DeviceModel: what a device that is not here can do, for predictions of how long a step would take on it (predict_launch.h). Each number
// has a lower and an upper value where sources differ or nothing is known; the first of a pair makes times shorter.
//
//   H200: 132 multiprocessors, 4.8 TB/s, 67 TFLOP/s in float32 and 495 in TF32 (NVIDIA, H200 datasheet). 67 TFLOP/s are 132 x 128
//   multiply-adds in each clock at 1.98 GHz; 495 are a product of 16x8x8 (HMMA.1688.TF32) in 4 clocks of a scheduler, and mma.sync reached
//   62% of such a rate on Hopper (Luo et al., arXiv 2402.13499): 6.5 clocks. L2: 5.5 TB/s, measured on an H100 PCIe (Chips and Cheese, July
//   2023); 50 MB. Of the memory's 4.8 TB/s programs get 90% (assumed).
//   Assumed, with nothing measured: the time between a node of a graph and the next, what a launch takes until its first data arrive and
//   its last results are written, a meeting of the grid, and a meeting of a block.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace primal {

// Of a prediction: the shortest and the longest time.
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
  TimeRange clocks_per_product;              // of a scheduler
  double l2_bytes_per_us, l2_bytes;          // all of L2
  double memory_bytes_per_us, memory_share;  // the peak, and how much of it programs get
  TimeRange gap_us, start_us;                // between nodes; of a launch, besides its work
  double grid_meets_us, block_meets_clocks;

  // What n instructions of warps take that are spread over so many blocks, us.
  double issue_us(double warp_instructions, double n_blocks) const;
};

// "h200". ConfigError for another name.
const DeviceModel& device_model(const std::string& name);

}  // namespace primal
