// The sums of noise_cuda.cu in three launches instead of five: every block adds up the partial sums
// of the launch before it by itself, in the same order, so that the bits are the same and nobody has
// to write them down first.
//
// The sine of a large argument is reduced with an array in local memory, by CUDA's library; arguments here
// are small enough not to need it.
// Bounds: add_kernel 48 registers, 1280 bytes of shared memory, local memory
#include <cmath>

#include "data/noise/drawn_noise_kernels.h"
#include "data/noise/noise_device.h"
#include "tensor/scratch.h"
#include "tensor/simt/reduce.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

// partial[block] = sum of the elements, or with `squares` of their squared distances from the mean, whose
// partial sums are `sums`.
__global__ void partial_kernel(Global<const float> x, int64_t n, bool squares, Global<const double> sums,
                               int64_t n_sums, Global<double> partial) {
  double centre = 0.0;
  if (squares) centre = block_sum_of<double>(sums, n_sums) / static_cast<double>(n);
  write_partial_sum(x, n, squares, centre, partial);
}

// A thread draws four normals; `squares` are the partial sums of the squared distances, of relative noise.
__global__ void add_kernel(Global<const float> x, int64_t n, NoiseKind kind, Global<const double> draw,
                           Global<const double> squares, int64_t n_squares, Global<float> z) {
  double amplitude = draw[0];
  if (kind == NoiseKind::relative)
    amplitude *= std::sqrt(block_sum_of<double>(squares, n_squares) / static_cast<double>(n > 1 ? n - 1 : n));
  const int64_t index = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (4 * index >= n) return;
  const double key0 = draw[1], key1 = draw[2], epoch = draw[3], sample = draw[4];
  const PhiloxStream stream{{static_cast<uint32_t>(key0), static_cast<uint32_t>(key1)},
                            static_cast<uint32_t>(epoch),
                            static_cast<uint32_t>(sample)};
  const PhiloxNormals normals = philox_normals(stream, static_cast<uint64_t>(index));
#pragma unroll
  for (int k = 0; k < 4; ++k) {  // known when it is compiled: the normals stay in registers
    const int64_t i = 4 * index + k;
    if (i >= n) break;
    z[i] = noisy_value(x[i], amplitude, normals.v[k], kind);
  }
}

void add(const Exec& exec, std::span<const float> x, NoiseKind kind, std::span<const double> draw,
         std::span<float> z) {
  const int64_t n = std::ssize(x);
  const bool relative = kind == NoiseKind::relative;
  const unsigned blocks = sum_blocks(n);
  const Scratch<double> sums(exec, relative ? blocks : 1), squares(exec, relative ? blocks : 1);
  const std::span<const double> none;
  if (relative) {
    const Launch at{.name = "deviation", .grid = dim3(blocks), .block = dim3(kSumThreads)};
    launch(exec, at, partial_kernel, global(x), n, false, global(none), int64_t{0}, global(sums.span()));
    launch(exec, at, partial_kernel, global(x), n, true, global(std::span<const double>(sums.span())),
           int64_t{blocks}, global(squares.span()));
  }
  launch(exec,
         {.name = "add_noise", .grid = blocks_for((n + 3) / 4, kSumThreads), .block = dim3(kSumThreads)},
         add_kernel, global(x), n, kind, global(draw),
         relative ? global(std::span<const double>(squares.span())) : global(none),
         int64_t{relative ? blocks : 0}, global(z));
}

}  // namespace

const DrawnNoiseImplementation drawn_noise_philox = {
    {"philox", "level and stream from memory, each block adds up the sums itself", kDevice}, nullptr, {add}};

}  // namespace primal::PRIMAL_SIMT
