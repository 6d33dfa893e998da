// Kernels of nn/dropout: equation in dropout.h. x is seen as [N,J].
#pragma once

#include "nn/dropout/dropout_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct DropoutKernels {
  void (*forward)(const Exec&, View<const T, 2> x, const DropoutMask&, View<T, 2> y);
  // grad_x += grad_y / (1 - p) where kept
  void (*backward)(const Exec&, View<const T, 2> grad_y, const DropoutMask&, View<T, 2> grad_x);
};
template <class T>
using DropoutImplementation = Implementation<OnlyShape, DropoutKernels<T>>;
extern const Ladder<DropoutImplementation> dropout_ladder;  // dropout_op.cpp

namespace cpu {
extern const DropoutImplementation<float> dropout_reference_f32;
extern const DropoutImplementation<double> dropout_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(DropoutImplementation<float>, dropout_philox);  // dropout_cuda.cu

}  // namespace primal
