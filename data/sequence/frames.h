// Frames and sequences as tensors. A sequence has time as its last axis, as the published network
// and its weights have it.
//
//   frames_last   T frames [N,C,1,H,W] -> [N,C,H,W,T]
//   frame_at      [N,C,H,W,T], t       -> [N,C,1,H,W]
//   time_slice    [1,1,H,W,T], row h   -> [1,1,1,T,W]: one row of pixels over time, which runs downwards
// Errors: ShapeError for no frames, frames that differ, another rank, and an index outside the
//         sequence. CPU, any type.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace primal {

Tensor frames_last(std::span<const Tensor> frames);
Tensor frame_at(const Tensor& sequence, int64_t t);
Tensor time_slice(const Tensor& sequence, int64_t row);

}  // namespace primal
