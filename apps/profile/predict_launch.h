// Predicts how long a launch would take on a device that need not be here, from what the emulation records
// about the launch (tensor/simt/launch_list.h) and from the number of instructions in nvcc's code of its
// kernel (kernel_costs.h).
//
//   time = gap + start + the longest of the parts below
//          + the time for synchronising the grid, in kernels that do so
//
//   memory    the blocks of memory that its arguments point to, moved once, through L2 or memory
//   issue     instructions of its warps, one in each clock of a scheduler
//   tensor    products on tensor cores
//   shared    reads of shared memory, 128 bytes in each clock of a multiprocessor
//   copies    what the blocks of a convolution copy from L2
//
//   step kernels       predict_convolution.cpp: the model of bench/conv3d_tensor_core_model.py
//   iteration kernels  predict_pdhg.cpp: the model of bench/pdhg_device_model.py
//   thread kernels     each thread executes the kernel's code, and its longest loop as often as its share of
//                      the bytes needs; the lower end takes half of the instructions, since branches skip
//                      some. The grid of a cooperative launch meets once
//
// Copies and fills move their bytes. A kernel that is not in the table of instructions is predicted from its
// bytes alone and says so. The model leaves out latencies that warps do not hide (except for `start`), caches
// of the multiprocessors, and clocks below the highest. Where sources compare such models with measurements
// of other programs, they are wrong by up to a factor of two for a single kernel.
#pragma once

#include <string>

#include "apps/profile/device_model.h"
#include "apps/profile/kernel_costs.h"
#include "tensor/simt/launch_list.h"

namespace primal {

inline constexpr double kWarp = 32;  // threads

// The work of a launch, without gap and start.
struct LaunchWork {
  std::string kernel;          // its name in the table of instructions; empty if the table does not have it
  double instructions = 0.0;   // warp instructions, all that its blocks may execute
  double products = 0.0;       // on tensor cores
  double grid_meetings = 0.0;  // how often the grid synchronises
  TimeRange us;
  std::string limit = "memory";  // what takes longest at the upper end of the range
};

struct PredictedLaunch {
  simt::ListedLaunch launch;
  LaunchWork work;
  TimeRange us;  // including gap and start
};

PredictedLaunch predict(const DeviceModel& device, const simt::ListedLaunch& launch);

// The functions below are parts of predict(). kernel_cost() returns null if the table has no
// kernel or launch of that name.
const KernelCost* kernel_cost(const std::string& name);
// The time for moving the bytes of a launch: from L2 at the lower end if all of them fit there, and from
// memory at the upper end.
TimeRange memory_us(const DeviceModel& device, double bytes);
// Each of these predicts one kind of launch. For another launch it returns false, and work.kernel stays
// empty.
bool predict_convolution(const DeviceModel& device, const simt::ListedLaunch& launch, LaunchWork& work);
bool predict_pdhg(const DeviceModel& device, const simt::ListedLaunch& launch, LaunchWork& work);

// Takes a time of one kind into account. It becomes the limit if it is the longest so far at the upper end.
void take(LaunchWork& work, const TimeRange& us, const char* limit);

}  // namespace primal
