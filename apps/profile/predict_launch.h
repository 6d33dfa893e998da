// Predicts how long a launch would take on a device that is not here, from what the emulation knows of it (tensor/simt/launch_list.h) and
// from the instructions that nvcc made of its kernel (kernel_costs.h).
//
//   time = gap + start + the longest of     memory    the bytes of what its arguments point to, once, through L2 or memory
//                                           issue     instructions of its warps, one in a clock of a scheduler
//                                           tensor    products on tensor cores
//                                           shared    reads of shared memory, 128 bytes in a clock of a multiprocessor
//                                           copies    of convolutions: what their blocks copy from L2
//          and the meetings of the grid, of kernels whose blocks meet
//
//   step kernels       predict_convolution.cpp: the model of bench/conv3d_tensor_core_model.py
//   iteration kernels  predict_pdhg.cpp: that of bench/pdhg_device_model.py
//   thread kernels     each thread executes the kernel's code, and its longest loop as often as its share of the bytes needs; the lower
//                      end takes half of the instructions, since branches skip some
//
// Copies and fills move their bytes. A kernel that is not in the table of instructions is predicted from its bytes alone and says so.
// Not in the model: latencies that warps do not hide (but for `start`), caches of the multiprocessors, clocks below the highest. Where
// sources are compared with measurements of other programs, such models are wrong by up to a factor of two for a single kernel.
#pragma once

#include <string>

#include "apps/profile/device_model.h"
#include "apps/profile/kernel_costs.h"
#include "tensor/simt/launch_list.h"

namespace primal {

// What a launch asks of a device, without gap and start.
struct LaunchWork {
  std::string kernel;          // its name in the table of instructions; empty: it is not there
  double instructions = 0.0;   // of warps, all that its blocks may execute
  double products = 0.0;       // on tensor cores
  double grid_meetings = 0.0;  // of all its blocks
  TimeRange us;
  std::string limit = "memory";  // what takes longest, at the upper end
};

struct PredictedLaunch {
  simt::ListedLaunch launch;
  LaunchWork work;
  TimeRange us;  // with gap and start
};

PredictedLaunch predict(const DeviceModel& device, simt::ListedLaunch launch);

// For predict() itself. Null where the table has no kernel or launch of that name.
const KernelCost* kernel_cost(const std::string& name);
// Memory's share of a launch: from L2 at the lower end where all fits, from memory at the upper.
TimeRange memory_us(const DeviceModel& device, double bytes);
// Those that take one of the two kinds of launches, else work.kernel stays empty.
bool predict_convolution(const DeviceModel& device, const simt::ListedLaunch& launch, LaunchWork& work);
// The emulation has fewer blocks than a device for PDHG: the grid becomes the device's.
bool predict_pdhg(const DeviceModel& device, simt::ListedLaunch& launch, LaunchWork& work);

// Takes a time of one kind: it becomes the limit where it is the longest so far at the upper end.
void take(LaunchWork& work, const TimeRange& us, const char* limit);

}  // namespace primal
