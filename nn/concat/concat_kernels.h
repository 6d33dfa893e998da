// Kernels of nn/concat: equation in concat.h. A tensor is seen as n_outer blocks, one for each index before
// the axis; within a block of y every part has its own place.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct ConcatKernels {
  // Block by block: y[begin, begin + length of a block of x) = x
  void (*forward)(const Exec&, std::span<const T> x, int64_t n_outer, int64_t begin, std::span<T> y);
  // Block by block: grad_x += grad_y[begin, begin + length of a block of x)
  void (*backward)(const Exec&, std::span<const T> grad_y, int64_t n_outer, int64_t begin,
                   std::span<T> grad_x);
};
template <class T>
using ConcatImplementation = Implementation<OnlyShape, ConcatKernels<T>>;
extern const Ladder<ConcatImplementation> concat_ladder;  // concat_op.cpp

namespace cpu {
extern const ConcatImplementation<float> concat_reference_f32;
extern const ConcatImplementation<double> concat_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(ConcatImplementation<float>, concat_elementwise);  // concat_cuda.cu

}  // namespace primal
