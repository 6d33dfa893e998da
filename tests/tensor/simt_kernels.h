// Small kernels that use all of tensor/simt between them; `simt` and `cuda` have the same.
#pragma once

#include <cstdint>
#include <span>

namespace primal::simt {

void axpy(float a, std::span<const float> x, std::span<float> y);
// sums[b] = sum of the 256 values of block b: warp shuffles, then shared memory
void block_sums(std::span<const float> x, std::span<float> sums);
// y [W,H] = transposed x [H,W], through tiles in shared memory
void transpose(std::span<const float> x, int64_t height, int64_t width, std::span<float> y);
// counts[i] = how many x lie in [i / n, (i + 1) / n), n = counts.size(), through dynamic shared memory
void histogram(std::span<const float> x, std::span<int> counts);
// x -> x shifted by one to the left, `rounds` times, periodic; the blocks meet between the rounds
void rotate(std::span<float> x, std::span<float> scratch, int rounds);
// Of each warp: ballot of x > 0, and 2 any + all of it.
void votes(std::span<const float> x, std::span<unsigned> ballots, std::span<int> any_all);
// Each lane's value by index, from below, and across; widths 32, 32 and 8.
void shuffles(std::span<const int> x, std::span<int> first, std::span<int> up, std::span<int> mirrored);

}  // namespace primal::simt
