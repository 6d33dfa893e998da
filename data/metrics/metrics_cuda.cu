// Sums in two stages: blocks take elements in strides and add up in double in a tree, one block adds up
// what they found. SSIM by rows and columns: a thread sums the four moments of a column of 2 r + 1
// pixels, then another one 2 r + 1 neighbouring columns. The moments [4, H - 2 r, W] of the columns are
// doubles in memory of the call; neighbouring threads are neighbours along W in both, and read each
// element from L1 2 r + 1 times.
#include "data/metrics/metrics_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/reduce.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

__device__ int64_t first_of_thread() { return blockIdx.x * int64_t{kSumThreads} + threadIdx.x; }
__device__ int64_t all_threads() { return int64_t{gridDim.x} * kSumThreads; }

__global__ void squares_kernel(Global<const float> a, Global<const float> b, int64_t n,
                               Global<double> partial) {
  double sum = 0;
  for (int64_t i = first_of_thread(); i < n; i += all_threads()) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

struct Window {
  Global<const double> w;
  int64_t size;
  SsimConstants constants;
};

// columns [4, H - size + 1, W]: means of a and b, of the squares, of the product
__global__ void columns_kernel(GlobalView<const float, 2> a, GlobalView<const float, 2> b, Window window,
                               Global<double> columns) {
  const int64_t W = a.extent[1], n = (a.extent[0] - window.size + 1) * W;
  for (int64_t i = first_of_thread(); i < n; i += all_threads()) {
    const int64_t y = i / W, x = i % W;
    SsimMoments m;
    for (int64_t k = 0; k < window.size; ++k) {
      const double weight = window.w[k], va = a(y + k, x), vb = b(y + k, x);
      m.a += weight * va;
      m.b += weight * vb;
      m.squares += weight * (va * va + vb * vb);
      m.product += weight * (va * vb);
    }
    columns[i] = m.a;
    columns[n + i] = m.b;
    columns[2 * n + i] = m.squares;
    columns[3 * n + i] = m.product;
  }
}

__global__ void rows_kernel(Global<const double> columns, int64_t height, int64_t W, Window window,
                            Global<double> partial) {
  const int64_t width = W - window.size + 1, n = height * W;
  double sum = 0;
  for (int64_t i = first_of_thread(); i < height * width; i += all_threads()) {
    const int64_t first = i / width * W + i % width;
    SsimMoments m;
    for (int64_t k = 0; k < window.size; ++k) {
      const double weight = window.w[k];
      m.a += weight * columns[first + k];
      m.b += weight * columns[n + first + k];
      m.squares += weight * columns[2 * n + first + k];
      m.product += weight * columns[3 * n + first + k];
    }
    sum += ssim_of(m, window.constants);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

void squares(const Exec& exec, std::span<const float> a, std::span<const float> b, double* sum) {
  const int64_t n = std::ssize(a);
  const unsigned blocks = sum_blocks(n);
  const Scratch<double> partial(exec, blocks);
  launch(exec, {.name = "mse", .grid = dim3(blocks), .block = dim3(kSumThreads)}, squares_kernel, global(a),
         global(b), n, global(partial.span()));
  finish_sums(exec, "metrics_total", partial.span(), std::span(sum, 1));
}

void ssim(const Exec& exec, View<const float, 2> a, View<const float, 2> b, const SsimWindow& window,
          double* sum) {
  Window w{};
  w.w = global(window.w);
  w.size = std::ssize(window.w);
  w.constants = window.constants;
  const int64_t W = a.size(1), height = a.size(0) - w.size + 1, width = W - w.size + 1;
  const Scratch<double> columns(exec, 4 * height * W);
  const unsigned blocks = sum_blocks(height * width);
  const Scratch<double> partial(exec, blocks);
  launch(exec,
         {.name = "ssim_columns", .grid = blocks_for(height * W, kSumThreads), .block = dim3(kSumThreads)},
         columns_kernel, global(a), global(b), w, global(columns.span()));
  launch(exec, {.name = "ssim_rows", .grid = dim3(blocks), .block = dim3(kSumThreads)}, rows_kernel,
         global(columns.span()), height, W, w, global(partial.span()));
  finish_sums(exec, "metrics_total", partial.span(), std::span(sum, 1));
}

bool anything(const MetricsGeometry&) { return true; }

}  // namespace

const MetricsImplementation<float> metrics_separable = {
    {"separable", "columns, then rows, sums in a tree", kDevice}, anything, {squares, ssim}};

}  // namespace primal::PRIMAL_SIMT
