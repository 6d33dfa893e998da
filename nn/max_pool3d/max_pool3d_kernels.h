// Kernels of nn/max_pool3d: equation in max_pool3d.h.
#pragma once

#include "nn/max_pool3d/max_pool3d.h"
#include "tensor/exec.h"

namespace primal::cpu {

// x [N,C,D,H,W] -> y, argmax [N,C,D',H',W']; without data, argmax is not written.
template <class T>
void max_pool3d_forward(const Exec& exec, View5<const T> x, const MaxPool3dParams& params, View5<T> y,
                        View5<int32_t> argmax);

// grad_x [N,C,D,H,W] += grad_y [N,C,D',H',W'] at argmax
template <class T>
void max_pool3d_backward(const Exec& exec, View5<const int32_t> argmax, View5<const T> grad_y,
                         View5<T> grad_x);

}  // namespace primal::cpu
