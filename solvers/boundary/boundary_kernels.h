// The kernels of symmetric_boundary. lambda may have extent 1 along any axis
// (solvers/broadcast.h) but the batch's.
#pragma once

#include "solvers/difference/axes.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct BoundaryKernels {
  // y = lambda, and 0 on what wraps:   lambda [N,A|1,D|1,H|1,W|1] -> y [N,A,D,H,W]
  void (*forward)(const Exec&, View5<const T> lambda, const Axes&, View5<T> y);
  // grad_lambda += the sums of grad_y over what shares it and does not wrap
  void (*backward)(const Exec&, View5<const T> grad_y, const Axes&, View5<T> grad_lambda);
};

template <class T>
using BoundaryImplementation = Implementation<OnlyShape, BoundaryKernels<T>>;
extern const Ladder<BoundaryImplementation> boundary_ladder;  // boundary_op.cpp

namespace cpu {
extern const BoundaryImplementation<float> boundary_reference_f32;
extern const BoundaryImplementation<double> boundary_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(BoundaryImplementation<float>, boundary_gather);  // boundary_cuda.cu

}  // namespace primal
