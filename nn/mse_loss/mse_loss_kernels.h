// Kernels of nn/mse_loss: equation in mse_loss.h. All are scalars of the device: the host never waits for
// one.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

template <class T>
struct MseLossKernels {
  // y [1] = the mean of the squared differences
  void (*forward)(const Exec& exec, std::span<const T> x, std::span<const T> target, std::span<T> y);
  // grad = or, with `add`, += factor grad_y (x - target), grad_y [1]: factor 2/n for x, -2/n for the target
  void (*backward)(const Exec& exec, std::span<const T> x, std::span<const T> target, double factor,
                   std::span<const T> grad_y, bool add, std::span<T> grad);
};

template <class T>
using MseLossImplementation = Implementation<OnlyShape, MseLossKernels<T>>;
extern const Ladder<MseLossImplementation> mse_loss_ladder;  // mse_loss_op.cpp

namespace cpu {
extern const MseLossImplementation<float> mse_loss_reference_f32;
extern const MseLossImplementation<double> mse_loss_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(MseLossImplementation<float>, mse_loss_two_sums);  // mse_loss_cuda.cu

}  // namespace primal
