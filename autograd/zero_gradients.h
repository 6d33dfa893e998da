// Fills the gradients of many variables with zeros, where they have one: as zero_grad() of each does, but on
// a device all those of f32 in one launch.
#pragma once

#include <span>

#include "autograd/variable.h"

namespace primal {

void zero_gradients(std::span<const Variable> variables);

}  // namespace primal
