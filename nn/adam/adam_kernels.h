// Kernel of nn/adam: equations in adam.h.
#pragma once

#include <span>

#include "nn/adam/adam.h"
#include "tensor/exec.h"

namespace primal::cpu {

// Step t >= 1 of one parameter x with gradient `grad`; v_max is empty without amsgrad.
template <class T>
void adam_step(const Exec& exec, std::span<const T> grad, const AdamParams& params, int64_t t, std::span<T> x,
               std::span<T> m, std::span<T> v, std::span<T> v_max);

}  // namespace primal::cpu
