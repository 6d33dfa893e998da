// What tests do with the fake CUDA runtime (cuda_runtime.h): start work of their own, make calls fail, and
// look at what is there.
#pragma once

#include <functional>
#include <string>

#include "support/fake_cuda/cuda_runtime.h"

namespace fake_cuda {

constexpr int kDevices = 16;  // each test takes one of its own, since a broken device stays broken

// Queues a kernel; what it returns is the fault that it ends with, which every later call on its device
// reports. A kernel that returns cudaErrorNotReady waits for something: it is called again until it returns
// something else.
void launch(cudaStream_t stream, std::function<cudaError_t()> kernel);

// The next call of that name, or the one after `skipped` of them, fails with that error and does nothing. By
// name of the function.
void fail(const std::string& call, cudaError_t error, int skipped = 0);

int n_pending(cudaStream_t stream);  // operations that have not run
bool is_capturing(cudaStream_t stream);
int n_events();         // made, and never destroyed
size_t device_bytes();  // allocated now, on all devices
bool is_device_memory(const void* begin, size_t bytes);
int n_graphs();                        // graphs and executable graphs that exist
int n_calls(const std::string& call);  // so far

}  // namespace fake_cuda
