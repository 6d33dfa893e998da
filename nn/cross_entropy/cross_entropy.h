// CrossEntropy: y = 1/M sum over samples of (l - x[label]),  l = log sum over k of exp(x[k])
//
// Shapes:   logits x [N,C] and labels [N], or x [N,C,..] and labels [N,..] (a class for each pixel) -> y []
//           (a scalar); M = number of labels. l is computed from its largest term on, sums run in double.
// Labels:   on the CPU or where x is. They are checked on the CPU, so those that come from there cost no wait
//           for a device; those of a device are fetched for it. In a step that is recorded
//           (tensor/device_graph.h) they cannot be fetched: there y is NaN where a label is outside [0, C).
// Saved:    x, the labels and l, one number per sample.
// Adjoint:  grad_x[k] += (exp(x[k] - l) - (1 where k is the label, else 0)) grad_y / M
// Throws ShapeError for labels that are no integers or of another shape, a label outside of [0, C), and for
//          no labels at all.
#pragma once

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

Variable cross_entropy(const Variable& x, const Tensor& labels);

// x [N,C,..]: maximum, difference, exp and sum for each value, each way; a label takes 8 bytes.
PhaseCosts cross_entropy_cost(const Shape& x);

OpInfo cross_entropy_info();

}  // namespace primal
