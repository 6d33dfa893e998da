// The loops that measure_roofs times; compiled for each instruction set, the best one runs
// (roof_kernels.cpp).
#pragma once

#include <cstdint>

namespace primal::cpu {

// n rounds of independent multiply-adds in registers. Returns how many FLOPs that were; `sink` keeps the
// result alive.
double roof_fma(int64_t n, float* sink);

// Sums n floats, a multiple of 256, `rounds` times.
void roof_read(const float* from, int64_t n, int64_t rounds, float* sink);

// Copies n floats, a multiple of 256, `rounds` times.
void roof_copy(const float* from, float* to, int64_t n, int64_t rounds);

}  // namespace primal::cpu
