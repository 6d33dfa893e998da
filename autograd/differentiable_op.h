// From a function of Variables to OpInfo::run: the adapter between how ops are written and how cases name
// their tensors.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "autograd/variable.h"
#include "tensor/op/op.h"

namespace primal {

using VariableMap = std::map<std::string, Variable>;
using NamedFunction = std::function<VariableMap(const VariableMap& inputs, const Attributes& attrs)>;

// run() of an op that is differentiable by autograd: every floating input becomes a leaf; when the call has
// an upstream gradient for a result, it is sent backward and the leaves' gradients are returned under the
// inputs' names. Gradients nobody touched are zeros. Inputs named in `constants` (a target, running
// statistics) stay constants.
std::function<OpResult(const OpCall&)> differentiable(NamedFunction f,
                                                      std::vector<std::string> constants = {});

// An input by name; DataError naming the op and the input where it is missing, an undefined Variable for
// `optional`.
const Variable& required(const VariableMap& inputs, const std::string& name);
Variable optional(const VariableMap& inputs, const std::string& name);

}  // namespace primal
