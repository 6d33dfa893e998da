// Signatures of the difference kernels: *_forward write their result, *_backward add into the gradient.
#pragma once

#include "solvers/difference/axes.h"
#include "tensor/exec.h"
#include "tensor/view.h"

namespace primal::cpu {

// y = G x:   x [N,1,D,H,W] -> y [N,A,D,H,W]
template <class T>
void gradient_forward(const Exec& exec, View5<const T> x, const Axes& axes, View5<T> y);
// grad_x += G' grad_y
template <class T>
void gradient_backward(const Exec& exec, View5<const T> grad_y, const Axes& axes, View5<T> grad_x);

// y = G' q:   q [N,A,D,H,W] -> y [N,1,D,H,W]
template <class T>
void gradient_adjoint_forward(const Exec& exec, View5<const T> q, const Axes& axes, View5<T> y);
// grad_q += G grad_y
template <class T>
void gradient_adjoint_backward(const Exec& exec, View5<const T> grad_y, const Axes& axes, View5<T> grad_q);

}  // namespace primal::cpu
