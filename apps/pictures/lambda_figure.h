// Stein's risk estimate of one picture over lambda, and the true error where the clean picture is known.
#pragma once

#include "data/figure/figure.h"
#include "solvers/lambda_choice/lambda_choice.h"
#include "tensor/tensor.h"

namespace primal {

// Curves over the lambdas of `choice`, on logarithmic axes, with a dot at the least of each and a line at the
// lambda chosen. `clean` may be undefined; z and clean [1,1,1,H,W]. DataError where the choice has no points,
// since there is no noise.
Figure lambda_figure(const LambdaChoice& choice, double sigma, const Tensor& z, const Tensor& clean,
                     const LambdaChoiceParams& params);

}  // namespace primal
