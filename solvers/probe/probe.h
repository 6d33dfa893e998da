// A random direction in which the divergence of a function of a picture is measured.
//
//   b_i = +1 or -1 at random, independent
//   div f(z) = sum over i of df_i/dz_i is the expectation of b . (f(z + e b) - f(z)) / e for small e
//
// Random:  Philox stream (seed, probe, 0, number); the same numbers on every device and for any number of
//          threads.
// Source:  S. Ramani, T. Blu, M. Unser, "Monte-Carlo SURE", IEEE TIP 17 (2008), theorem 2.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace primal {

// b in z's shape, f64 on the CPU.
Tensor probe_signs(const Tensor& z, uint64_t seed, int64_t number);

// z + e b, of z's type and on its device.
Tensor probe_moved(const Tensor& z, const Tensor& b, double e);

}  // namespace primal
