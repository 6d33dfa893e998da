// Kernels of nn/scale: equation in scale.h.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct ScaleKernels {
  void (*forward)(const Exec&, std::span<const T> x, double a, std::span<T> y);             // y = a x
  void (*backward)(const Exec&, std::span<const T> grad_y, double a, std::span<T> grad_x);  // += a grad_y
};
template <class T>
using ScaleImplementation = Implementation<OnlyShape, ScaleKernels<T>>;
extern const Ladder<ScaleImplementation> scale_ladder;  // scale_op.cpp

namespace cpu {
extern const ScaleImplementation<float> scale_reference_f32;
extern const ScaleImplementation<double> scale_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(ScaleImplementation<float>, scale_elementwise);  // scale_cuda.cu

}  // namespace primal
