// The kernels of simt_kernels.cu, for inclusion in a namespace: primal::simt has those of the emulation,
// primal::cuda those that nvcc compiled. No `#pragma once`, since a test may include it in both.

void axpy(float a, std::span<const float> x, std::span<float> y);
// sums[b] = sum of the 256 values of block b: warp shuffles, then shared memory
void block_sums(std::span<const float> x, std::span<float> sums);
// y [W,H] = transposed x [H,W], through tiles in shared memory
void transpose(std::span<const float> x, int64_t height, int64_t width, std::span<float> y);
// counts[i] = how many x lie in [i / n, (i + 1) / n), n = counts.size(), through dynamic shared memory
void histogram(std::span<const float> x, std::span<int> counts);
// x -> x shifted by one to the left, `rounds` times, periodic; the blocks meet between the rounds
void rotate(std::span<float> x, std::span<float> scratch, int rounds);
// sums[b] = sum of x by block b of so many warps, from copies that all blocks have written; at most 4 blocks
void grid_sum(std::span<const double> x, unsigned warps, std::span<double> copies, std::span<double> sums);
// sum[0] = sum of x by one block of kSumThreads threads
void one_block_sum(std::span<const double> x, std::span<double> sum);
// For each warp: the ballot of x > 0, and 2 any + all of it.
void votes(std::span<const float> x, std::span<unsigned> ballots, std::span<int> any_all);
// Each lane's value by index, from below, and across; widths 32, 32 and 8.
void shuffles(std::span<const int> x, std::span<int> first, std::span<int> up, std::span<int> mirrored);

// sums[b] = sum of the blocks of 32 values b, b + 1, b + 2 and b + 3, periodic within each 4: by clusters of
// 4 blocks, which read each other's shared memory
void cluster_sums(std::span<const float> x, std::span<float> sums);
// sum[0] = sum of x, by the block that comes last, which reads what the others wrote; tickets[0] must be 0
// before
void last_block_sum(std::span<const float> x, std::span<float> partial, std::span<int> tickets,
                    std::span<float> sum);
// y = 2 x, four values at a time; n must be a multiple of 4
void twice_by_four(std::span<const float> x, std::span<float> y);
// For each block of 64 values: how many are positive, the largest, and its place in the block (the first).
void largest(std::span<const int> x, std::span<int> n_positive, std::span<int> values, std::span<int> places);

// sum [16,8] += a [16,8] b [8,8] on tensor cores, operands rounded to TF32; of each of the n matrices
// that lie one after the other
void products(std::span<const float> a, std::span<const float> b, std::span<float> sum);
// y = x with each 128 values in reverse order, through copies to shared memory of which two are under way at
// a time; n must be a multiple of 4, and beyond x are zeros
void reverse_chunks(std::span<const float> x, std::span<float> y);
