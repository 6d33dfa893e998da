// What `primal check` says of the proofs of an op that failed.
#pragma once

#include <string>
#include <vector>

#include "autograd/op_check.h"
#include "tensor/device.h"

namespace primal {

// One line for each failed proof, in the order of check_op: the reference before what is compared with it.
// Then how far the comparisons can be believed; nothing where all is well. reference_failed: see
// reference_fails(), of all rows of the op.
std::string failures_text(const std::vector<OpCheckRow>& rows, bool reference_failed, Device device);

}  // namespace primal
