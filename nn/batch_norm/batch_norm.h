// BatchNorm: y[n,c,s] = weight[c] (x[n,c,s] - mean[c]) / sqrt(var[c] + eps) + bias[c]
//
//   training  mean[c] and var[c] are those of the M = N S values x[.,c,.], var divided by M. The running ones
//             take momentum of it: running <- (1 - momentum) running + momentum new, with var divided by
//             M - 1.
//   else      mean and var are the running ones, which stay as they are.
//
// Shapes:   x [N,C] or [N,C,..] with the axes behind C taken together as S; weight, bias, running_* [C].
//           Without weight and bias they count as 1 and 0. -> y as x.
// Saved:    x, mean and r = 1 / sqrt(var + eps), and weight. Means and sums run in double, where the tensors
//           live.
// Adjoint:  with u = (x - mean) r, per channel
//           grad_bias += sum of grad_y,    grad_weight += sum of grad_y u
//           grad_x += weight r (grad_y - 1/M sum of grad_y - u/M sum of grad_y u)     training
//           grad_x += weight r grad_y                                                else
// Throws ShapeError for a rank below 2, tensors that are not [C] or of another type, training on a single
//          value per channel (it has no deviation), eps below zero and a momentum outside of [0, 1].
// Source:   S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015, algorithms 1 and 2.
#pragma once

#include "autograd/variable.h"
#include "nn/batch_norm/batch_norm_params.h"
#include "nn/module.h"
#include "tensor/op/op.h"

namespace primal {

// running_mean and running_var are changed in place by training.
Variable batch_norm(const Variable& x, const Variable& weight, const Variable& bias,
                    const Tensor& running_mean, const Tensor& running_var,
                    const BatchNormParams& params = {});

// The layer, with the names that PyTorch's BatchNorm3d has: parameters weight (ones) and bias (zeros),
// buffers running_mean (zeros), running_var (ones) and num_batches_tracked, the number of training calls.
class BatchNorm3d : public Module {
 public:
  BatchNorm3d(Initialiser& initialiser, int64_t n_channels, double momentum = 0.1, double eps = 1e-5);
  Variable operator()(const Variable& x, bool training) const;

 private:
  double momentum_, eps_;
  Variable weight_, bias_;
  Tensor running_mean_, running_var_;
  Tensor num_batches_tracked_;  // i64 [], on the CPU
};

// x [N,C,..]: training takes 1 for the mean, 3 for the variance and 2 to apply them; inference the last 2.
PhaseCosts batch_norm_cost(const Shape& x, bool training);

OpInfo batch_norm_info();

}  // namespace primal
