// What a failing launch or call on a device throws. Apart, because nvcc does not evaluate fmt's format
// strings.
//
// A kernel runs after its launch has returned, so a fault of it is reported by a later call, often a copy,
// and every call after that reports it again: the context is lost, and nothing but a new process gets the
// device back. So that the message can name the kernel all the same, the launches that the host has not
// waited for are remembered.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "tensor/device.h"

namespace primal::cuda {

// DeviceError with CUDA's name and description of the status.
[[noreturn]] void throw_launch_error(const char* kernel, const std::array<unsigned, 3>& grid,
                                     const std::array<unsigned, 3>& block, size_t shared_bytes,
                                     const char* status, const char* description);

// PRIMAL_CUDA_SYNC=1 in the environment: each launch waits for its kernel, so that a fault is told by
// the kernel's name alone.
bool launches_wait();

// A kernel has been launched (the name must live on); the host has waited for all that was. With the device:
// a kernel that a capture of it records instead of running it (tensor/device_graph.h).
void note_launch(const char* kernel);
void note_launch(const char* kernel, Device device);
void note_wait();

// What the message about a status with this name ends with: "; launched since the host last waited: a, b
// (PRIMAL_CUDA_SYNC=1 tells which)". Empty where the status is not a fault of a kernel.
std::string suspects(std::string_view status);

}  // namespace primal::cuda
