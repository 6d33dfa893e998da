// How far one regularisation map is from another: ||a - b|| / ||b - mean(b)||, in double, the denominator at
// least 1e-30. A map that is nearly constant hides its errors from the relative norm.
// Errors: ShapeError when the shapes differ.
#pragma once

#include "tensor/tensor.h"

namespace primal {

double error_against_spread(const Tensor& a, const Tensor& b);

}  // namespace primal
