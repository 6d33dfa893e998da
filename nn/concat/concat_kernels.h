// Kernels of nn/concat: equation in concat.h. A tensor is seen as n_outer blocks, one for each index before
// the axis; within a block of y every part has its own place.
#pragma once

#include <span>

#include "nn/concat/concat.h"
#include "tensor/exec.h"

namespace primal::cpu {

// Block by block: y[begin, begin + length of a block of x) = x
template <class T>
void concat_forward(const Exec& exec, std::span<const T> x, int64_t n_outer, int64_t begin, std::span<T> y);

// Block by block: grad_x += grad_y[begin, begin + length of a block of x)
template <class T>
void concat_backward(const Exec& exec, std::span<const T> grad_y, int64_t n_outer, int64_t begin,
                     std::span<T> grad_x);

}  // namespace primal::cpu
