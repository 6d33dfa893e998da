// A thread draws four normals from one Philox call and writes four neighbouring elements, so that a
// warp fills whole sectors.
// The deviation takes two passes around the mean, each a sum in two stages: blocks in a tree, then one block
// for all.
// Nothing comes back to the host: mean and deviation are doubles in memory of the device.
//
// The sine of a large argument is reduced with an array in local memory, by CUDA's library; arguments here
// are small enough not to need it.
// Bounds: add_kernel 48 registers, 0 bytes of shared memory, local memory
// Bounds: periodic_kernel 48 registers, 0 bytes of shared memory, local memory
#include <cmath>

#include "data/noise/noise_device.h"
#include "data/noise/noise_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/reduce.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kThreads = 256;

// partial[block] = sum of the elements, or with `squares` of their squared distances from mean[0].
__global__ void partial_kernel(Global<const float> x, int64_t n, bool squares, Global<const double> mean,
                               Global<double> partial) {
  const double centre = squares ? mean[0] : 0.0;
  write_partial_sum(x, n, squares, centre, partial);
}

// result[0] = sum of partial / divisor, or with `squares` the root of it.
__global__ void quotient_kernel(Global<const double> partial, int64_t n, double divisor, bool squares,
                                Global<double> result) {
  const double sum = block_sum_of<double>(partial, n);
  if (threadIdx.x == 0) result[0] = squares ? std::sqrt(sum / divisor) : sum / divisor;
}

__global__ void add_kernel(Global<const float> x, int64_t n, NoiseKind kind, double s,
                           Global<const double> deviation, PhiloxStream stream, Global<float> z) {
  const int64_t index = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (4 * index >= n) return;
  const double amplitude = kind == NoiseKind::relative ? s * deviation[0] : s;
  const PhiloxNormals normals = philox_normals(stream, static_cast<uint64_t>(index));
  for (int k = 0; k < 4 && 4 * index + k < n; ++k) {
    const int64_t i = 4 * index + k;
    z[i] = noisy_value(x[i], amplitude, normals.v[k], kind);
  }
}

// A thread takes the four words of one Philox call.
__global__ void salt_pepper_kernel(Global<const float> x, int64_t n, uint64_t salt, uint64_t changed,
                                   PhiloxStream stream, Global<float> z) {
  const int64_t index = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (4 * index >= n) return;
  const PhiloxWords words = philox_words(stream, static_cast<uint64_t>(index));
  for (int k = 0; k < 4 && 4 * index + k < n; ++k) {
    const int64_t i = 4 * index + k;
    z[i] = words.v[k] < salt ? 1.0F : words.v[k] < changed ? 0.0F : static_cast<float>(x[i]);
  }
}

// One thread a pixel: neighbours read and write neighbours.
__global__ void periodic_kernel(Global<const float> x, int64_t n, int64_t height, int64_t width, Waves waves,
                                bool clip, Global<float> z) {
  const int64_t index = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (index >= n) return;
  const int64_t row = index / width;
  const double noisy = static_cast<double>(x[index]) + wave_sum(waves, static_cast<double>(row % height),
                                                                static_cast<double>(index - row * width));
  const double clipped = noisy < 0.0 ? 0.0 : noisy > 1.0 ? 1.0 : noisy;
  z[index] = static_cast<float>(clip ? clipped : noisy);
}

void deviation(const Exec& exec, std::span<const float> x, double* result) {
  const int64_t n = std::ssize(x);
  const unsigned blocks = sum_blocks(n);
  const Scratch<double> partial(exec, blocks), mean(exec, 1);
  const auto pass = [&](bool squares, std::span<double> to) {
    const double divisor =
        static_cast<double>(squares && n > 1 ? n - 1 : n);  // of one element all distances are 0
    launch(exec, {.name = "deviation", .grid = dim3(blocks), .block = dim3(kSumThreads)}, partial_kernel,
           global(x), n, squares, global(mean.span()), global(partial.span()));
    launch(exec, {.name = "deviation_quotient", .grid = dim3(1), .block = dim3(kSumThreads)}, quotient_kernel,
           global(partial.span()), int64_t{blocks}, divisor, squares, global(to));
  };
  pass(false, mean.span());
  pass(true, std::span<double>(result, 1));
}

void add(const Exec& exec, std::span<const float> x, NoiseKind kind, double s, const double* amplitude,
         const PhiloxStream& stream, std::span<float> z) {
  const int64_t n = std::ssize(x);
  if (n == 0) return;
  launch(exec, {.name = "add_noise", .grid = blocks_for((n + 3) / 4, kThreads), .block = dim3(kThreads)},
         add_kernel, global(x), n, kind, s, global(std::span<const double>(amplitude, 1)), stream, global(z));
}

void salt_pepper(const Exec& exec, std::span<const float> x, uint64_t salt, uint64_t changed,
                 const PhiloxStream& stream, std::span<float> z) {
  const auto n = static_cast<int64_t>(x.size());
  if (n == 0) return;
  launch(exec, {.name = "salt_pepper", .grid = blocks_for((n + 3) / 4, kThreads), .block = dim3(kThreads)},
         salt_pepper_kernel, global(x), n, salt, changed, stream, global(z));
}

void periodic(const Exec& exec, std::span<const float> x, int64_t height, int64_t width, const Waves& waves,
              bool clip, std::span<float> z) {
  const auto n = static_cast<int64_t>(x.size());
  if (n == 0) return;
  launch(exec, {.name = "periodic_noise", .grid = blocks_for(n, kThreads), .block = dim3(kThreads)},
         periodic_kernel, global(x), n, height, width, waves, clip, global(z));
}

}  // namespace

const NoiseImplementation<float> noise_philox = {
    {"philox", "a thread draws four normals", kDevice}, nullptr, {deviation, add, salt_pepper, periodic}};

}  // namespace primal::PRIMAL_SIMT
