// Kernels of the difference and its adjoint: *_forward write their result, *_backward add into the gradient.
//
//   gradient           y = G x:   x [N,1,D,H,W] -> y [N,A,D,H,W],     grad_x += G' grad_y
//   gradient_adjoint   y = G' q:  q [N,A,D,H,W] -> y [N,1,D,H,W],     grad_q += G grad_y
#pragma once

#include <type_traits>

#include "solvers/difference/axes.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct DifferenceKernels {
  using Kernel = void (*)(const Exec&, View5<const T> from, const Axes&, View5<T> to);
  Kernel gradient_forward, gradient_adjoint_backward;
  Kernel gradient_adjoint_forward, gradient_backward;
};

template <class T>
using DifferenceImplementation = Implementation<OnlyShape, DifferenceKernels<T>>;
extern const Ladder<DifferenceImplementation> difference_ladder;  // difference_op.cpp

namespace cpu {
extern const DifferenceImplementation<float> difference_reference_f32;
extern const DifferenceImplementation<double> difference_reference_f64;

// The plain loops, for the references of other ops.
template <class T>
const DifferenceKernels<T>& difference_reference() {
  if constexpr (std::is_same_v<T, float>) {
    return difference_reference_f32.kernels;
  } else {
    return difference_reference_f64.kernels;
  }
}
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(DifferenceImplementation<float>, difference_elementwise);  // difference_cuda.cu

}  // namespace primal
