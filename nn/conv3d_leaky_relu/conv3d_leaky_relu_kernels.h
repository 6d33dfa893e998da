// The one kernel that nn/conv3d_leaky_relu adds to conv3d's fused ones.
#pragma once

#include <span>

#include "tensor/exec.h"

namespace primal::cpu {

// From the gradient of y to that of u, in place: grad *= 1 where y > 0, slope elsewhere.
template <class T>
void leaky_relu_backward_in_place(const Exec&, std::span<const T> y, T slope, std::span<T> grad);

}  // namespace primal::cpu
