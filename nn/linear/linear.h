// Linear: y[n,o] = bias[o] + sum over c of weight[o,c] x[n,c]
//
// Shapes:   x [..,C], weight [O,C], bias [O] or none -> y [..,O]; n runs over all leading axes of x.
// Saved:    x for the gradient of weight, weight for that of x; each only if that gradient is wanted.
// Adjoint:  grad_x[n,c]      += sum over o of weight[o,c] grad_y[n,o]
//           grad_weight[o,c] += sum over n of grad_y[n,o] x[n,c]
//           grad_bias[o]     += sum over n of grad_y[n,o]
// Throws ShapeError for x without axes, a weight of other rank, features that disagree and mixed types.
#pragma once

#include "autograd/variable.h"
#include "nn/module.h"
#include "tensor/op/op.h"

namespace primal {

Variable linear(const Variable& x, const Variable& weight, const Variable& bias = {});

// The layer: weight and bias, both uniform in +-1/sqrt(C) at first.
class Linear : public Module {
 public:
  Linear(Initialiser& initialiser, int64_t n_in, int64_t n_out);
  Variable operator()(const Variable& x) const { return linear(x, weight_, bias_); }

 private:
  Variable weight_;  // [O,C]
  Variable bias_;    // [O]
};

OpInfo linear_info();

}  // namespace primal
