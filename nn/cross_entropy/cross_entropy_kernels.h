// Kernels of nn/cross_entropy: equations in cross_entropy.h. x is seen as [N,C,S], S the pixels of a sample.
#pragma once

#include <span>

#include "nn/cross_entropy/cross_entropy.h"
#include "tensor/exec.h"

namespace primal::cpu {

// x [N,C,S], labels [N,S] -> log_sum [N,S]; returns the mean of log_sum - x[label].
template <class T>
double cross_entropy_forward(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels,
                             std::span<double> log_sum);

// grad_x [N,C,S] += factor (exp(x - log_sum) - one at the label)
template <class T>
void cross_entropy_backward(const Exec& exec, View<const T, 3> x, std::span<const int64_t> labels,
                            std::span<const double> log_sum, double factor, View<T, 3> grad_x);

}  // namespace primal::cpu
