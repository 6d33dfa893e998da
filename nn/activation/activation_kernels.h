// Kernels of nn/activation: equations in activation.h. Backward reads what is saved: x for softplus, y for
// the others.
#pragma once

#include <span>

#include "nn/activation/activation_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct ActivationKernels {
  void (*forward)(const Exec&, std::span<const T> x, const ActivationParams&, std::span<T> y);
  // grad_x += grad_y dy/dx; `saved` is x where saves_x() is true, else y.
  void (*backward)(const Exec&, std::span<const T> saved, std::span<const T> grad_y, const ActivationParams&,
                   std::span<T> grad_x);
};
template <class T>
using ActivationImplementation = Implementation<OnlyShape, ActivationKernels<T>>;
extern const Ladder<ActivationImplementation> activation_ladder;  // activation_op.cpp

constexpr bool saves_x(ActivationKind kind) { return kind == ActivationKind::softplus; }

namespace cpu {
extern const ActivationImplementation<float> activation_reference_f32;
extern const ActivationImplementation<double> activation_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(ActivationImplementation<float>, activation_elementwise);  // activation_cuda.cu

}  // namespace primal
