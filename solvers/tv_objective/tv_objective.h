// TV objective: the problem PDHG solves, its dual, and the gap between them, per sample and in double.
//
//   primal   P(x) = 1/2 ||x - z||^2 + ||lambda o G x||_1            G: forward difference, solvers/difference
//   dual     D(q) = min over x of 1/2 ||x - z||^2 + <x, G' q>       for |q| <= lambda
//                 = <z, G' q> - 1/2 ||G' q||^2                      since the minimum is at x = z - G' q
//   gap      P(x) - D(q) = 1/2 ||x - z + G' q||^2 + sum of (lambda |G x| - q o G x)
//
// The dual follows from lambda |t| = max of q t over |q| <= lambda. The gap is computed in the form on the
// right: both of its terms are >= 0, so nothing cancels near the solution. It bounds the error:
// 1/2 ||x - x*||^2 <= gap, since P is 1-strongly convex.
//
// Shapes:  x, z [N,1,D,H,W], q [N,A,D,H,W] with A axes; z and lambda may have extent 1 where the
//          others are larger (solvers/broadcast.h): lambda of shape [1,1,1,1,1], [N,1,1,1,1],
//          [N,1,D,H,W] or [N,A,D,H,W].
// Throws ShapeError where shapes or types do not fit; a q outside |q| <= lambda gives no bound (and is not
// detected).
// Source:  A. Chambolle, T. Pock, "A first-order primal-dual algorithm", JMIV 40 (2011), section 6.2.
#pragma once

#include <vector>

#include "solvers/difference/axes.h"
#include "tensor/tensor.h"

namespace primal {

std::vector<double> tv_objective(const Tensor& x, const Tensor& z, const Tensor& lambda, const Axes& axes);
std::vector<double> tv_dual_objective(const Tensor& q, const Tensor& z, const Axes& axes);
std::vector<double> tv_gap(const Tensor& x, const Tensor& q, const Tensor& z, const Tensor& lambda,
                           const Axes& axes);

}  // namespace primal
