// The CUDA part of tensor/side_stream.h.
#pragma once

#include <memory>

#include "tensor/side_stream.h"

namespace primal::cuda {

std::unique_ptr<SideStream> make_side_stream(int index);

// The cudaStream_t of the side stream that this thread now uses on that device, or null.
void* side_stream_in_use(Device device);

}  // namespace primal::cuda
