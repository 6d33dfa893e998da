// The kernel of nn/reshape: forward has none, since y is x.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct ReshapeKernels {
  // grad_x += grad_y, or overwrites grad_x with it where `add` is false
  void (*backward)(const Exec&, std::span<const T> grad_y, bool add, std::span<T> grad_x);
};
template <class T>
using ReshapeImplementation = Implementation<OnlyShape, ReshapeKernels<T>>;
extern const Ladder<ReshapeImplementation> reshape_ladder;  // reshape_op.cpp

namespace cpu {
extern const ReshapeImplementation<float> reshape_reference_f32;
extern const ReshapeImplementation<double> reshape_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(ReshapeImplementation<float>, reshape_elementwise);  // reshape_cuda.cu

}  // namespace primal
