// Kernels of nn/linear: equations in linear.h, with the leading axes of x taken together as N.
#pragma once

#include <span>

#include "nn/linear/linear.h"
#include "tensor/exec.h"

namespace primal::cpu {

// x [N,C], weight [O,C], bias [O] or empty -> y [N,O]
template <class T>
void linear_forward(const Exec& exec, View<const T, 2> x, View<const T, 2> weight, std::span<const T> bias,
                    View<T, 2> y);

// grad_x [N,C] += grad_y [N,O] weight [O,C]
template <class T>
void linear_backward_x(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> weight, View<T, 2> grad_x);

// grad_weight [O,C] += grad_y' [O,N] x [N,C]
template <class T>
void linear_backward_weight(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> x,
                            View<T, 2> grad_weight);

// grad_bias [O] += sum over n of grad_y [N,O]
template <class T>
void linear_backward_bias(const Exec& exec, View<const T, 2> grad_y, std::span<T> grad_bias);

}  // namespace primal::cpu
