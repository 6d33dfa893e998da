// Kernels of nn/cross_entropy: equations in cross_entropy.h. x is seen as [N,C,S], S the pixels of a sample.
// Labels have been checked.
#pragma once

#include <span>

#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

template <class T>
struct CrossEntropyKernels {
  // x [N,C,S], labels [N,S] -> log_sum [N,S]; y [1] = the mean of log_sum - x[label]
  void (*forward)(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels,
                  std::span<double> log_sum, std::span<T> y);
  // grad_x [N,C,S] += grad_y / M (exp(x - log_sum) - one at the label), grad_y [1]
  void (*backward)(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels,
                   std::span<const double> log_sum, std::span<const T> grad_y, View<T, 3> grad_x);
};

template <class T>
using CrossEntropyImplementation = Implementation<OnlyShape, CrossEntropyKernels<T>>;
extern const Ladder<CrossEntropyImplementation> cross_entropy_ladder;  // cross_entropy_op.cpp

namespace cpu {
extern const CrossEntropyImplementation<float> cross_entropy_reference_f32;
extern const CrossEntropyImplementation<double> cross_entropy_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(CrossEntropyImplementation<float>, cross_entropy_columns);  // cross_entropy_cuda.cu

}  // namespace primal
