// What a call of PDHG must be given: the checks of its parameters, tensors and state, each with a message
// that shows what was found.
// Errors:  ShapeError, ConfigError or NumericError, as solvers/pdhg/pdhg.h lists them.
#pragma once

#include "solvers/pdhg/pdhg.h"

namespace primal {

void check_pdhg_count(const PdhgParams& params);   // of iterations
void check_pdhg_params(const PdhgParams& params);  // that and the steps
void check_pdhg_z(const Tensor& z);
void check_pdhg_state(const PdhgState& state, const Tensor& z, const Axes& axes);

// lambda as [N|1, A|1, D|1, H|1, W|1] for N problems like z; the values checked where the host has them.
Tensor checked_pdhg_lambda(const Tensor& lambda, const Tensor& z, int64_t N, const Axes& axes);

}  // namespace primal
