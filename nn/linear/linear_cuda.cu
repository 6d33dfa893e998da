// One tiled matrix product, P[i,j] = sum over k of a(i,k) b(k,j), and linear's three products as its
// three ways to read memory:
//   y           [N,O] =  x [N,C] weight' [C,O]           k runs over C
//   grad_x      [N,C] += grad_y [N,O] weight [O,C]       k runs over O
//   grad_weight [O,C] += grad_y' [O,N] x [N,C]           k runs over N
//
// Idea: a block of 64 threads makes 32 x 32 of P. For 32 of k at a time it brings a and b to shared memory, k
// outermost; a thread has 4 x 4 sums in registers and reads 4 + 4 numbers, two accesses, for 16
// multiply-adds. Lanes load along whichever of its axes is contiguous.
//   - Where P is small and k long (8 rows through 4096 features) k is cut into parts, enough for four blocks
//     on each of an H200's 132 SMs; a second launch adds the parts in order. At 8 rows the weight passes
//     once, 2 multiply-adds for a byte of it: memory is the limit, whatever the tile.
//   - Sums: one for each 32 of k, and one of these, so that long ones lose few digits.
//   - grad_bias: lanes along O, rows shared by 8 threads, in double.
#include "nn/linear/linear_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/float4.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kTile = 32, kDepth = 32;  // of P, and of k
constexpr int kSide = kTile / 4;        // threads along i and along j
constexpr int64_t kWantedBlocks = 4 * 132;
constexpr int64_t kMinPart = 4 * kDepth;  // of k
constexpr int kAddThreads = 256;
constexpr int kLanes = 32, kRowThreads = 8;

// Where element (i, k) of a factor lies: at i * stride + k * stride_k.
struct Factor {
  int64_t stride, stride_k;
};

struct Product {
  int64_t m, n, k;  // extents of i, j, k
  unsigned tiles_j;
  Factor a, b;
  int64_t part;  // of k, for one block
  bool add, has_bias;
};

// Elements [first, first + kTile) x [first_k, first_k + kDepth) of a factor as tile[k][i / 4]; zero beyond
// the ends.
template <class Tile>
__device__ void load_tile(Tile& tile, Global<const float> from, const Factor& at, int64_t first, int64_t end,
                          int64_t first_k, int64_t end_k) {
  const int thread = static_cast<int>(threadIdx.y * kSide + threadIdx.x);
  for (int e = thread; e < kDepth * kSide; e += kSide * kSide) {
    const bool along_k = at.stride_k == 1;
    const int k = along_k ? e % kDepth : e / kSide, four = along_k ? e / kDepth : e % kSide;
    Float4 values{};
    for (int f = 0; f < 4; ++f) {
      const int64_t i = first + 4 * four + f;
      if (i < end && first_k + k < end_k) values.at[f] = from[i * at.stride + (first_k + k) * at.stride_k];
    }
    tile[k][four] = values;
  }
}

// blockDim (kSide, kSide), gridDim (tiles, a row of them after the other; parts). Either axis may have
// more tiles than gridDim.y may be. With more than one part, out is [part][m][n] and neither bias nor
// what was there is added.
__global__ void __launch_bounds__(kSide* kSide)
    product_kernel(Product q, Global<const float> a, Global<const float> b, Global<const float> bias,
                   Global<float> out) {
  PRIMAL_SHARED(Float4, a_tile, [kDepth][kSide + 1]);  // one more: other banks
  PRIMAL_SHARED(Float4, b_tile, [kDepth][kSide + 1]);
  const int my_i = static_cast<int>(threadIdx.y), my_j = static_cast<int>(threadIdx.x);
  const int64_t first_i = blockIdx.x / q.tiles_j * int64_t{kTile},
                first_j = blockIdx.x % q.tiles_j * int64_t{kTile};
  const int64_t begin_k = blockIdx.y * q.part, end_k = begin_k + q.part < q.k ? begin_k + q.part : q.k;
  float total[4][4] = {};
  for (int64_t first_k = begin_k; first_k < end_k; first_k += kDepth) {
    __syncthreads();  // all have used the tiles before
    load_tile(a_tile, a, q.a, first_i, q.m, first_k, end_k);
    load_tile(b_tile, b, q.b, first_j, q.n, first_k, end_k);
    __syncthreads();
    float sum[4][4] = {};
    for (int k = 0; k < kDepth; ++k) {
      const Float4 from_a = a_tile[k][my_i], from_b = b_tile[k][my_j];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] += from_a.at[i] * from_b.at[j];
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) total[i][j] += sum[i][j];
    }
  }
#pragma unroll
  for (int r = 0; r < 4; ++r) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const int64_t i = first_i + 4 * my_i + r, j = first_j + 4 * my_j + c;
      if (i >= q.m || j >= q.n) continue;
      const int64_t at = (blockIdx.y * q.m + i) * q.n + j;
      const float start = q.has_bias ? bias[j] : 0.0f;
      const float before = q.add ? float(out[at]) : start;
      out[at] = before + total[r][c];
    }
  }
}

// One thread for each element of out [m][n]: its parts [part][m][n], in order.
__global__ void add_parts_kernel(Product q, int64_t n_parts, Global<const float> parts,
                                 Global<const float> bias, Global<float> out) {
  const int64_t at = blockIdx.x * int64_t{blockDim.x} + threadIdx.x, n = q.m * q.n;
  if (at >= n) return;
  float sum = 0.0f;
  for (int64_t part = 0; part < n_parts; ++part) sum += parts[part * n + at];
  const float start = q.has_bias ? bias[at % q.n] : 0.0f;
  const float before = q.add ? float(out[at]) : start;
  out[at] = before + sum;
}

void product(const Exec& exec, const char* name, Product q, std::span<const float> a,
             std::span<const float> b, std::span<const float> bias, std::span<float> out) {
  if (q.m == 0 || q.n == 0) return;
  const auto pieces = [](int64_t n, int64_t size) { return (n + size - 1) / size; };
  q.tiles_j = static_cast<unsigned>(pieces(q.n, kTile));
  const int64_t n_tiles = pieces(q.m, kTile) * q.tiles_j, wanted = kWantedBlocks / n_tiles;
  q.part = wanted > 1 ? pieces(pieces(q.k, wanted), kDepth) * kDepth : q.k;
  if (q.part < kMinPart) q.part = kMinPart;
  const int64_t n_parts = q.k > q.part ? pieces(q.k, q.part) : 1;
  q.has_bias = !bias.empty();

  const dim3 block(kSide, kSide), grid = grid_of(n_tiles, n_parts);
  const Launch at{.name = name, .grid = grid, .block = block};
  if (n_parts == 1) {
    launch(exec, at, product_kernel, q, global(a), global(b), global(bias), global(out));
    return;
  }
  const Scratch<float> parts(exec, n_parts * q.m * q.n);
  Product part = q;
  part.has_bias = part.add = false;
  launch(exec, at, product_kernel, part, global(a), global(b), global(bias), global(parts.span()));
  const dim3 sum_grid = blocks_for(std::ssize(out), kAddThreads);
  launch(exec, {.name = "linear_add_parts", .grid = sum_grid, .block = kAddThreads}, add_parts_kernel, q,
         n_parts, global(parts.span()), global(bias), global(out));
}

// blockDim (kLanes, kRowThreads): a lane has one output, its threads every kRowThreads-th row.
__global__ void bias_kernel(GlobalView<const float, 2> grad_y, Global<float> grad_bias) {
  PRIMAL_SHARED(double, sums, [kRowThreads][kLanes]);
  const int64_t o = blockIdx.x * int64_t{kLanes} + threadIdx.x;
  double sum = 0.0;
  if (o < grad_y.extent[1]) {
    for (int64_t n = threadIdx.y; n < grad_y.extent[0]; n += kRowThreads)
      sum += static_cast<double>(grad_y(n, o));
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || o >= grad_y.extent[1]) return;
  double total = 0.0;
  for (int t = 0; t < kRowThreads; ++t) total += sums[t][threadIdx.x];
  grad_bias[o] += static_cast<float>(total);
}

void forward(const Exec& exec, View<const float, 2> x, View<const float, 2> weight,
             std::span<const float> bias, View<float, 2> y) {
  const int64_t n_in = weight.size(1);
  Product q{};
  q.m = y.size(0), q.n = y.size(1), q.k = n_in;
  q.a = {.stride = n_in, .stride_k = 1};
  q.b = {.stride = n_in, .stride_k = 1};
  product(exec, "linear_forward", q, x.flat(), weight.flat(), bias, y.flat());
}

void backward_data(const Exec& exec, View<const float, 2> grad_y, View<const float, 2> weight,
                   View<float, 2> grad_x) {
  const int64_t n_in = weight.size(1), n_out = weight.size(0);
  Product q{};
  q.m = grad_x.size(0), q.n = n_in, q.k = n_out;
  q.a = {.stride = n_out, .stride_k = 1};
  q.b = {.stride = 1, .stride_k = n_in};
  q.add = true;
  product(exec, "linear_backward_data", q, grad_y.flat(), weight.flat(), {}, grad_x.flat());
}

void backward_weight(const Exec& exec, View<const float, 2> x, View<const float, 2> grad_y,
                     View<float, 2> grad_weight) {
  const int64_t n_in = x.size(1), n_out = grad_y.size(1);
  Product q{};
  q.m = n_out, q.n = n_in, q.k = x.size(0);
  q.a = {.stride = 1, .stride_k = n_out};
  q.b = {.stride = 1, .stride_k = n_in};
  q.add = true;
  product(exec, "linear_backward_weight", q, grad_y.flat(), x.flat(), {}, grad_weight.flat());
}

void backward_bias(const Exec& exec, View<const float, 2> grad_y, std::span<float> grad_bias) {
  const dim3 grid = blocks_for(std::ssize(grad_bias), kLanes), block(kLanes, kRowThreads);
  launch(exec, {.name = "linear_backward_bias", .grid = grid, .block = block}, bias_kernel, global(grad_y),
         global(grad_bias));
}

void backward_weights(const Exec& exec, View<const float, 2> x, View<const float, 2> grad_y,
                      View<float, 2> grad_weight, std::span<float> grad_bias) {
  if (grad_weight.data != nullptr) backward_weight(exec, x, grad_y, grad_weight);
  if (!grad_bias.empty()) backward_bias(exec, grad_y, grad_bias);
}

bool anything(const LinearGeometry&) { return true; }

}  // namespace

const LinearImplementation<float> linear_tiled = {
    {"tiled", "32 x 32 of a product in a block, 4 x 4 in a thread", kDevice},
    anything,
    {forward, backward_data, backward_weights}};

}  // namespace primal::PRIMAL_SIMT
