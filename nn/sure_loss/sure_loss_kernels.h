// Kernels of nn/sure_loss: equation in sure_loss.h. All scalars stay on the device: the host never waits for
// one.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"

namespace primal {

// Element i of the pictures has the sigma and the eps of picture i / n_each; n_each is all elements where
// one serves all pictures.
template <class T>
struct SureNoise {
  std::span<const T> sigma, eps;  // [N] or [1], each
  int64_t sigma_each, eps_each;   // elements that share one
};

template <class T>
struct SurePictures {
  std::span<const T> f, h, z, b;  // n elements each; backward does not read h
};

template <class T>
struct SureLossKernels {
  // y [1]
  void (*forward)(const Exec& exec, const SurePictures<T>& pictures, const SureNoise<T>& noise,
                  std::span<T> y);
  // grad_f [n] += (2/n (f - z) - 2 sigma^2 / (n eps) b) grad_y, grad_y [1]
  void (*backward_f)(const Exec& exec, const SurePictures<T>& pictures, const SureNoise<T>& noise,
                     std::span<const T> grad_y, std::span<T> grad_f);
  // grad_h [n] += 2 sigma^2 / (n eps) b grad_y
  void (*backward_h)(const Exec& exec, std::span<const T> b, const SureNoise<T>& noise,
                     std::span<const T> grad_y, std::span<T> grad_h);
};

template <class T>
using SureLossImplementation = Implementation<OnlyShape, SureLossKernels<T>>;
extern const Ladder<SureLossImplementation> sure_loss_ladder;  // sure_loss_op.cpp

namespace cpu {
extern const SureLossImplementation<float> sure_loss_reference_f32;
extern const SureLossImplementation<double> sure_loss_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(SureLossImplementation<float>, sure_loss_two_sums);  // sure_loss_cuda.cu

}  // namespace primal
