// Kernels of nn/softmax: equations in softmax.h. Tensors are seen as [n_outer, K, n_inner], K the axis.
#pragma once

#include "nn/softmax/softmax.h"
#include "tensor/exec.h"

namespace primal::cpu {

template <class T>
void softmax_forward(const Exec& exec, View<const T, 3> x, View<T, 3> y);

// grad_x += y (grad_y - sum of y grad_y along the axis)
template <class T>
void softmax_backward(const Exec& exec, View<const T, 3> y, View<const T, 3> grad_y, View<T, 3> grad_x);

}  // namespace primal::cpu
