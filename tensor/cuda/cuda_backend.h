// CUDA devices as the rest of tensor/ sees them. A build without CUDA has these functions too:
// they say that it has none.
#pragma once

#include <string>

#include "tensor/backend.h"
#include "tensor/device_graph.h"

namespace primal::cuda {

CudaStatus status();  // asked of the driver once
int n_devices();      // 0 where status().absent says why
DeviceInfo device_info(int index);
// The PCI address of the device, "0000:1B:00.0". All processes see the same address, whatever number each
// of them gives the device.
std::string bus_id(int index);
Backend& cuda_backend(int index);

// The CUDA part of tensor/device_graph.h.
std::shared_ptr<GraphMemory> make_graph_memory(int index);
std::unique_ptr<GraphRecorder> record_graph(int index, std::shared_ptr<GraphMemory> memory);

}  // namespace primal::cuda
