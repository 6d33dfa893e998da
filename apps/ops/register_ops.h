// The ops of this program: what verify, check, the tests and the benches iterate.
#pragma once

#include "tensor/op/op.h"

namespace primal {

// Made once; the same list for the whole process.
const OpRegistry& registered_ops();

}  // namespace primal
