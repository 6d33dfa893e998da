// PDHG and its adjoint, one pass over the pixels for each iteration; equations in pdhg.h and pdhg_kernels.h.
//
// Forward: a thread does everything of one pixel. x+ needs the new q of the pixels before it, so the thread computes those
//   again from the old q and x_bar (one multiply-add and a clip for each axis). What neighbours read, x_bar and q, goes to
//   a second buffer, and iterations take turns with the two; x and p stay in place.
// Adjoint: the same shape. c = ax + (1 + theta) ab takes the place of x_bar and av that of q; av of the pixels before is
//   computed again with their codes. ab, ap, r, lambda^ and z^ are a pixel's own.
// Threads: a warp is 32 pixels of one row, so that a field is read in whole sectors and the codes of a component are one
//   vote for `above` and one for `below`: two words of the tape. A tile is 8 rows of 32 pixels, the rows of all
//   problems one after the other.
// Launch:  `fused` launches a block for each tile, once for each iteration. `persistent` launches once, with as many blocks as
//   the device holds at a time, and meets at a grid barrier after each iteration: no launches, and the fields stay in L2.
// Bytes:   for each pixel and iteration 4 (7 + 3 A) forward (x, x_bar, p and q of A axes read and written, z and lambda read)
//   and A / 4 for the codes; neighbours come from L1. Backward 4 (6 + 2 A) (c, ab, ap and aq) and A / 4, 8 for each
//   lambda^ at its bound, 8 for z^ where it is wanted, 24 for the steps (r, three iterates, z).
// Sums:    lambda^ and z^ add up in place in float, as on the CPU. Those for the steps are doubles: the lanes of a warp in a
//   tree, the iterations in a cell of each warp, the cells in the end in a tree: the same bits for both ways to launch.
#include <cmath>
#include <limits>

#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/simt/reduce.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {
namespace {

constexpr int kWarp = 32, kTileRows = 8;
constexpr unsigned kAllLanes = ~0U;
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();

// The volumes [N,D,H,W], what the axes of differences are, and how tiles cover them.
struct Volumes {
  int64_t n_rows, n_tiles;  // rows: N D H
  int D, H, W;
  int columns;  // tiles along W
  int axis[3];

  __host__ __device__ int64_t pixels() const { return int64_t{D} * H * W; }
};

struct Steps {
  float sigma, tau, theta;
};

// The steps, from memory of the device where they are learnt.
struct StepsSource {
  Steps fixed;
  bool learnt;
  Global<const float> values;

  __device__ Steps get() const {
    if (!learnt) return fixed;
    return {values[0], values[1], values[2]};
  }
};

// The pixel of this thread in a tile. Its neighbour along a component's axis is `next` or `before` coordinates away.
template <int A>
struct Pixel {
  __device__ Pixel(const Volumes& v, int64_t tile) {
    row = tile / v.columns * kTileRows + threadIdx.y;
    w = static_cast<int>(tile % v.columns) * kWarp + static_cast<int>(threadIdx.x);
    row_exists = row < v.n_rows;
    exists = row_exists && w < v.W;
    const int64_t line = row / v.H;
    h = static_cast<int>(row - line * v.H);
    n = static_cast<int>(line / v.D);
    d = static_cast<int>(line - int64_t{n} * v.D);
    in_volume = (int64_t{d} * v.H + h) * v.W + w;
    for (int a = 0; a < A; ++a) {
      const int axis = v.axis[a];
      const int at = axis == 2 ? d : axis == 3 ? h : w, extent = axis == 2 ? v.D : axis == 3 ? v.H : v.W;
      next[a] = at + 1 < extent ? 1 : 1 - extent;
      before[a] = at > 0 ? -1 : extent - 1;
      stride[a] = axis == 2 ? int64_t{v.H} * v.W : axis == 3 ? v.W : 1;
    }
  }

  bool exists, row_exists;
  int n, d, h, w;
  int64_t row, in_volume;
  int next[A], before[A];
  int64_t stride[A];  // of the axes in a volume
};

// lambda with extents that may be 1: strides of NCDHW, 0 where it is shared.
struct SharedMap {
  Global<const float> values;
  int64_t stride[5];

  template <int A>
  __device__ int64_t offset(const Pixel<A>& at, int a) const {
    return at.n * stride[0] + a * stride[1] + at.d * stride[2] + at.h * stride[3] + at.w * stride[4];
  }
};

// The tape (pdhg_tape.h); a code word as one number, `above` in its lower half.
struct Tape {
  Global<uint32_t> codes;
  Global<float> x;
  int T, A, words, padded;

  __device__ int64_t row(const Volumes& v, int n, int64_t k, int d, int h) const {
    return ((n * int64_t{T} + k) * v.D + d) * v.H + h;
  }
  __device__ int code(int64_t tape_row, int a, int w) const {
    const uint32_t word = codes[(tape_row * A + a) * words + w / kCodesPerWord] >> (w % kCodesPerWord);
    return static_cast<int>(word & 1) - static_cast<int>(word >> kCodesPerWord & 1);
  }
};

// Lanes 0 and 16 write the words of the warp's 32 pixels.
template <int A>
__device__ void write_codes(const Tape& tape, const Pixel<A>& at, int64_t tape_row, const int (&code)[A]) {
  for (int a = 0; a < A; ++a) {
    const uint32_t above = __ballot_sync(kAllLanes, code[a] > 0);
    const uint32_t below = __ballot_sync(kAllLanes, code[a] < 0);
    const int lane = at.w % kWarp;
    if (!at.exists || lane % kCodesPerWord != 0) continue;
    tape.codes[(tape_row * A + a) * tape.words + at.w / kCodesPerWord] =
        (above >> lane & 0xFFFFU) | below >> lane << kCodesPerWord;
  }
}

// Two buffers: iteration k reads one and writes the other. (Chosen by a comparison: an index would put the pointers in memory.)
template <class T>
struct Turn {
  __device__ Turn(const Global<T> (&buffers)[2], int64_t k)
      : from(k % 2 == 0 ? buffers[0] : buffers[1]), to(k % 2 == 0 ? buffers[1] : buffers[0]) {}
  Global<T> from, to;
};

// ---- Forward ----

struct Forward {
  Volumes volumes;
  StepsSource steps;
  Global<const float> z;
  int64_t z_stride;  // 0: all problems share z
  SharedMap lambda;
  Global<float> x, p;
  Global<float> x_bar[2], q[2];  // by turns
  bool keep_codes, keep_x;
  Tape tape;
};

// clip(q + sigma g, -bound, bound); `code`: where it fell.
__device__ float dual(float q, float sigma, float g, float bound, int& code) {
  const float v = q + sigma * g;
  code = v > bound ? 1 : v < -bound ? -1 : 0;
  return code > 0 ? bound : code < 0 ? -bound : v;
}

__device__ bool usable(const Steps& s) {
  return s.sigma > 0 && s.sigma <= kLargest && s.tau > 0 && s.tau <= kLargest &&
         std::abs(s.theta) <= kLargest;
}

template <int A>
__device__ void forward_pixel(const Forward& f, const Steps& steps, const Pixel<A>& at, int64_t k,
                              int64_t tape_row, int (&code)[A]) {
  const auto [sigma, tau, theta] = steps;
  const int64_t pixels = f.volumes.pixels(), i = at.n * pixels + at.in_volume;
  const Turn<float> turn_x_bar(f.x_bar, k), turn_q(f.q, k);
  const Global<float> from = turn_x_bar.from, q_from = turn_q.from, q_to = turn_q.to;
  const float x_bar = from[i];
  bool valid = k > 0 || usable(steps);

  const float p = (f.p[i] + sigma * (x_bar - f.z[at.n * f.z_stride + at.in_volume])) / (1 + sigma);
  float adjoint = 0;  // G' q+
  for (int a = 0; a < A; ++a) {
    const int64_t j = (int64_t{at.n} * A + a) * pixels + at.in_volume;
    const int64_t next = at.next[a] * at.stride[a], before = at.before[a] * at.stride[a];
    const int64_t map = f.lambda.offset(at, a);
    const float bound = f.lambda.values[map];
    const float bound_before = f.lambda.values[map + at.before[a] * f.lambda.stride[f.volumes.axis[a]]];
    valid = valid && bound >= 0 && bound <= kLargest;
    const float q = dual(q_from[j], sigma, from[i + next] - x_bar, bound, code[a]);
    int unused = 0;
    const float q_before = dual(q_from[j + before], sigma, x_bar - from[i + before], bound_before, unused);
    q_to[j] = q;
    adjoint = a == 0 ? q_before - q : adjoint + (q_before - q);
  }
  const float x = k == 0 && !valid ? kNotANumber : f.x[i];
  const float x_new = x - tau * (p + adjoint);
  f.p[i] = p;
  f.x[i] = x_new;
  turn_x_bar.to[i] = x_new + theta * (x_new - x);
  if (f.keep_x) f.tape.x[tape_row * f.tape.padded + at.w] = x_new;
}

// Iterations [begin, end); of more than one only in a cooperative launch.
template <int A>
__global__ void __launch_bounds__(kWarp* kTileRows) forward_kernel(Forward f, int64_t begin, int64_t end) {
  const Steps steps = f.steps.get();
  for (int64_t k = begin; k < end; ++k) {
    if (k > begin) grid_sync();
    for (int64_t tile = blockIdx.x; tile < f.volumes.n_tiles; tile += gridDim.x) {
      const Pixel<A> at(f.volumes, tile);
      if (!at.row_exists) continue;  // for all lanes of the warp
      const int64_t tape_row = f.tape.row(f.volumes, at.n, k, at.d, at.h);
      int code[A] = {};
      if (at.exists) forward_pixel<A>(f, steps, at, k, tape_row, code);
      if (f.keep_codes) write_codes<A>(f.tape, at, tape_row, code);
    }
  }
}

// ---- Adjoint ----

struct Adjoint {
  Volumes volumes;
  StepsSource steps;
  Global<const float> z, grad_x;
  Tape tape;
  int64_t n_iter;
  Global<float> ab, ap, r;
  Global<float> c[2], aq[2];               // by turns; after the last iteration c[1] holds ax
  bool shared, want_z, want_steps, noisy;  // shared: one lambda for all axes
  Global<float> grad_lambda, grad_z;
  Global<double> sums;  // [3, warps of all tiles]: sigma, tau, theta
  int64_t n_sums;
};

struct StepSums {
  double sigma = 0, tau = 0, theta = 0;
};

// Adds the terms of the warp's lanes to its cell.
__device__ void add_to_cell(const Adjoint& f, int64_t tile, const StepSums& terms) {
  const double sigma = warp_sum(terms.sigma), tau = warp_sum(terms.tau), theta = warp_sum(terms.theta);
  if (threadIdx.x != 0) return;
  const int64_t cell = tile * kTileRows + threadIdx.y;
  f.sums[cell] += sigma;
  f.sums[f.n_sums + cell] += tau;
  f.sums[2 * f.n_sums + cell] += theta;
}

// x^k at a pixel `shift` coordinates away along the axis of component a; x^0 is z, and x^(-1) is read as z too.
template <int A>
__device__ float iterate(const Adjoint& f, const Pixel<A>& at, int64_t k, int a, int shift) {
  if (k <= 0) return f.z[at.n * f.volumes.pixels() + at.in_volume + shift * at.stride[a]];
  const int axis = f.volumes.axis[a];
  const int64_t row =
      f.tape.row(f.volumes, at.n, k - 1, at.d + (axis == 2 ? shift : 0), at.h + (axis == 3 ? shift : 0));
  return f.tape.x[row * f.tape.padded + at.w + (axis == 4 ? shift : 0)];
}

template <int A>
__device__ float extrapolated(const Adjoint& f, const Steps& steps, const Pixel<A>& at, int64_t k, int a,
                              int shift) {
  const float now = iterate<A>(f, at, k, a, shift), before = iterate<A>(f, at, k - 1, a, shift);
  return now + steps.theta * (now - before);
}

template <int A>
__device__ int code_before(const Adjoint& f, const Pixel<A>& at, int64_t k, int a) {
  const int axis = f.volumes.axis[a], shift = at.before[a];
  const int64_t row =
      f.tape.row(f.volumes, at.n, k, at.d + (axis == 2 ? shift : 0), at.h + (axis == 3 ? shift : 0));
  return f.tape.code(row, a, at.w + (axis == 4 ? shift : 0));
}

template <int A>
__device__ void step_back(const Adjoint& f, const Steps& steps, const Pixel<A>& at, int64_t k,
                          StepSums& terms) {
  const auto [sigma, tau, theta] = steps;
  const int64_t pixels = f.volumes.pixels(), i = at.n * pixels + at.in_volume;
  const int64_t tape_row = f.tape.row(f.volumes, at.n, k, at.d, at.h);
  const Turn<float> turn_c(f.c, k), turn_aq(f.aq, k);
  const Global<float> from = turn_c.from, aq_from = turn_aq.from, aq_to = turn_aq.to;
  const float c = from[i], ab = f.ab[i];
  const float x_bar = f.want_steps ? extrapolated<A>(f, steps, at, k, 0, 0) : 0.0F;

  float adjoint = 0;  // G' av
  for (int a = 0; a < A; ++a) {
    const int64_t j = (int64_t{at.n} * A + a) * pixels + at.in_volume;
    const int64_t next = at.next[a] * at.stride[a], before = at.before[a] * at.stride[a];
    const int s = f.tape.code(tape_row, a, at.w);
    const float bq = aq_from[j] - tau * (from[i + next] - c);
    const float av = s == 0 ? bq : 0.0F;
    if (s != 0) f.grad_lambda[f.shared ? i : j] += static_cast<float>(s) * bq;
    aq_to[j] = av;
    const float bq_before = aq_from[j + before] - tau * (c - from[i + before]);
    const float av_before = code_before<A>(f, at, k, a) == 0 ? bq_before : 0.0F;
    adjoint = a == 0 ? av_before - av : adjoint + (av_before - av);
    if (f.want_steps) {
      const float g = extrapolated<A>(f, steps, at, k, a, at.next[a]) - x_bar;
      terms.sigma += static_cast<double>(av) * static_cast<double>(g);
    }
  }
  const float ap = (f.ap[i] - tau * c) / (1 + sigma);
  const float ax_new = c - theta * ab, ab_new = sigma * (adjoint + ap);
  if (f.want_z) f.grad_z[i] -= sigma * ap;
  f.ap[i] = ap;
  f.ab[i] = ab_new;
  turn_c.to[i] = k == 0 ? ax_new : ax_new + (1 + theta) * ab_new;

  if (f.want_steps) {
    const double moved =
        static_cast<double>(iterate<A>(f, at, k + 1, 0, 0)) - static_cast<double>(iterate<A>(f, at, k, 0, 0));
    terms.theta += ab * moved;
    terms.tau += c * moved / tau;
    const float r_next = f.r[i], r = ap + r_next / (1 + sigma);
    f.r[i] = r;
    const double residual = static_cast<double>(x_bar) - static_cast<double>(f.z[i]);
    terms.sigma +=
        (static_cast<double>(r) - static_cast<double>(r_next)) * residual / (1 + static_cast<double>(sigma));
  }
}

// Iterations k = end - 1 .. begin, in this order; of more than one only in a cooperative launch.
template <int A>
__global__ void __launch_bounds__(kWarp* kTileRows) adjoint_kernel(Adjoint f, int64_t begin, int64_t end) {
  const Steps steps = f.steps.get();
  for (int64_t k = end - 1; k >= begin; --k) {
    if (k < end - 1) grid_sync();
    for (int64_t tile = blockIdx.x; tile < f.volumes.n_tiles; tile += gridDim.x) {
      const Pixel<A> at(f.volumes, tile);
      if (!at.row_exists) continue;
      StepSums terms;
      if (at.exists) step_back<A>(f, steps, at, k, terms);
      if (f.want_steps) add_to_cell(f, tile, terms);
    }
  }
}

// Before the first step back: c = grad_x, and nothing has come of the rest.
template <int A>
__global__ void adjoint_start_kernel(Adjoint f) {
  const int64_t tile = blockIdx.x;
  if (f.want_steps && threadIdx.x == 0) {  // also where a cell has no pixels: all are added up in the end
    for (int sum = 0; sum < 3; ++sum) f.sums[sum * f.n_sums + tile * kTileRows + threadIdx.y] = 0.0;
  }
  const Pixel<A> at(f.volumes, tile);
  if (!at.exists) return;
  const int64_t pixels = f.volumes.pixels(), i = at.n * pixels + at.in_volume;
  const Turn<float> first_c(f.c, f.n_iter + 1),
      first_aq(f.aq, f.n_iter + 1);  // iteration n_iter - 1 reads them
  first_c.from[i] = f.grad_x[i];
  f.ab[i] = 0.0F;
  f.ap[i] = 0.0F;
  if (f.want_steps) f.r[i] = 0.0F;
  for (int a = 0; a < A; ++a) first_aq.from[(int64_t{at.n} * A + a) * pixels + at.in_volume] = 0.0F;
}

// The start of the forward pass: z^ += ax + ab, and ap and the sum with r where p began as z.
template <int A>
__global__ void adjoint_end_kernel(Adjoint f) {
  const Steps steps = f.steps.get();
  const Pixel<A> at(f.volumes, blockIdx.x);
  if (!at.row_exists) return;
  StepSums terms;
  if (at.exists) {
    const int64_t i = at.n * f.volumes.pixels() + at.in_volume;
    if (f.want_z) f.grad_z[i] += f.c[1][i] + f.ab[i] + (f.noisy ? static_cast<float>(f.ap[i]) : 0.0F);
    if (f.want_steps && f.noisy)
      terms.sigma = -static_cast<double>(f.r[i]) * f.z[i] / (1 + static_cast<double>(steps.sigma));
  }
  if (f.want_steps && f.noisy) add_to_cell(f, blockIdx.x, terms);
}

// to[0] += the sum of n values.
__global__ void add_sum_kernel(Global<const double> values, int64_t n, Global<float> to) {
  const double sum = block_sum_of<double>(values, n);
  if (threadIdx.x == 0) to[0] += static_cast<float>(sum);
}

// One block for each element of `to`, which adds up the elements of `full` that share it.
__global__ void add_reduced_kernel(GlobalView<const float, 5> full, GlobalView<float, 5> to) {
  int64_t first[5], extent[5];  // of the part of `full`
  int64_t left = blockIdx.x, n = 1;
  for (int axis = 4; axis >= 0; --axis) {
    first[axis] = left % to.extent[axis];
    left /= to.extent[axis];
    extent[axis] = to.extent[axis] == 1 ? full.extent[axis] : 1;
    n *= extent[axis];
  }
  double sum = 0;
  for (int64_t element = threadIdx.x; element < n; element += kSumThreads) {
    int64_t rest = element, at[5];
    for (int axis = 4; axis >= 0; --axis) {
      at[axis] = first[axis] + rest % extent[axis];
      rest /= extent[axis];
    }
    sum += static_cast<double>(full(at[0], at[1], at[2], at[3], at[4]));
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) to.data[blockIdx.x] += static_cast<float>(sum);
}

// ---- Launching ----

enum class Way { fused, persistent };

Volumes volumes_of(const std::array<int64_t, 5>& extent, const Axes& axes) {
  Volumes v{};
  v.n_rows = extent[0] * extent[2] * extent[3];
  v.D = static_cast<int>(extent[2]), v.H = static_cast<int>(extent[3]), v.W = static_cast<int>(extent[4]);
  v.columns = (v.W + kWarp - 1) / kWarp;
  v.n_tiles = (v.n_rows + kTileRows - 1) / kTileRows * v.columns;
  for (int a = 0; a < axes.count(); ++a) v.axis[a] = axes[a];
  return v;
}

StepsSource steps_of(const PdhgProblem<float>& problem, const PdhgParams& params) {
  StepsSource steps{};
  steps.fixed = {static_cast<float>(params.sigma), static_cast<float>(params.tau),
                 static_cast<float>(params.theta)};
  steps.learnt = problem.steps != nullptr;
  if (steps.learnt) steps.values = global(std::span<const float>(problem.steps, 3));
  return steps;
}

SharedMap shared_map(const View5<const float>& map) {
  SharedMap m{};
  m.values = global(map.flat());
  int64_t stride = 1;
  for (int axis = 4; axis >= 0; --axis) {
    m.stride[axis] = map.size(axis) == 1 ? 0 : stride;
    stride *= map.size(axis);
  }
  return m;
}

Tape tape_of(const PdhgTapeView<float>& view) {
  static_assert(sizeof(CodeWord) == sizeof(uint32_t));
  const PdhgTapeLayout& layout = view.layout;
  Tape tape{};
  tape.T = static_cast<int>(layout.T), tape.A = static_cast<int>(layout.A);
  tape.words = static_cast<int>(layout.words()), tape.padded = static_cast<int>(layout.padded());
  if (view.codes != nullptr) {
    tape.codes = global(
        std::span(reinterpret_cast<uint32_t*>(view.codes), static_cast<size_t>(layout.n_code_words())));
  }
  if (view.x != nullptr) tape.x = global(std::span(view.x, static_cast<size_t>(layout.n_x())));
  return tape;
}

// Memory of the device that lives as long as a call, as floats.
class Fields {
 public:
  Fields(const Exec& exec, int64_t n)
      : n_(static_cast<size_t>(n)), memory_(n_ * sizeof(float), exec.device) {}
  std::span<float> span() const { return {memory_.as<float>(), n_}; }

 private:
  size_t n_;
  Scratch memory_;
};

// As many blocks as may wait for each other, for a grid of at most `wanted`.
template <class Kernel>
unsigned resident_blocks(const Exec& exec, Kernel* kernel, int64_t wanted) {
#ifdef __CUDACC__
  stream_of(exec.device);  // makes it the current one
  int processors = 0, blocks_each = 0;
  cuda_check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, exec.device.index),
             "processors");
  cuda_check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_each, kernel, kWarp * kTileRows, 0),
             "occupancy");
  const int64_t most = int64_t{processors} * blocks_each;
#else
  static_cast<void>(exec), static_cast<void>(kernel);
  constexpr int64_t most = 4;  // few, so that blocks take more than one tile
#endif
  return static_cast<unsigned>(wanted < most ? wanted : most);
}

// Runs the iterations [0, n_iter), from the last to the first where `backward`.
template <class Kernel, class Args>
void run_iterations(const Exec& exec, Way way, const char* name, Kernel* kernel, const Args& args,
                    int64_t n_iter, bool backward) {
  const dim3 block(kWarp, kTileRows);
  const int64_t n_tiles = args.volumes.n_tiles;
  if (way == Way::persistent) {
    const dim3 grid(resident_blocks(exec, kernel, n_tiles));
    if (n_iter > 0)
      launch(exec, {.name = name, .grid = grid, .block = block, .cooperative = true}, kernel, args,
             int64_t{0}, n_iter);
    return;
  }
  const dim3 grid(static_cast<unsigned>(n_tiles));
  for (int64_t i = 0; i < n_iter; ++i) {
    const int64_t k = backward ? n_iter - 1 - i : i;
    launch(exec, {.name = name, .grid = grid, .block = block}, kernel, args, k, k + 1);
  }
}

__global__ void copy_kernel(Global<const float> from, Global<float> to, int64_t n) {
  const int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  if (i < n) to[i] = from[i];
}

void copy(const Exec& exec, std::span<const float> from, std::span<float> to) {
  const auto n = static_cast<int64_t>(from.size());
  launch(exec, {.name = "pdhg_copy", .grid = blocks_for(n, 256), .block = 256}, copy_kernel, global(from),
         global(to), n);
}

// Calls use.operator()<A>() for the number of axes.
template <class Use>
void with_axes(const Axes& axes, const Use& use) {
  if (axes.count() == 1) return use.template operator()<1>();
  if (axes.count() == 2) return use.template operator()<2>();
  return use.template operator()<3>();
}

template <Way way>
void forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  Forward f{};
  f.volumes = volumes_of(fields.x.extent, params.axes);
  if (f.volumes.n_tiles == 0) return;
  const Fields x_bar(exec, fields.x_bar.numel()), q(exec, fields.q.numel());
  f.steps = steps_of(problem, params);
  f.z = global(problem.z.flat());
  f.z_stride = problem.z.size(0) == 1 ? 0 : f.volumes.pixels();
  f.lambda = shared_map(problem.lambda);
  f.x = global(fields.x.flat()), f.p = global(fields.p.flat());
  f.x_bar[0] = global(fields.x_bar.flat()), f.x_bar[1] = global(x_bar.span());
  f.q[0] = global(fields.q.flat()), f.q[1] = global(q.span());
  f.keep_codes = tape.codes != nullptr, f.keep_x = tape.x != nullptr;
  f.tape = tape_of(tape);
  with_axes(params.axes, [&]<int A>() {
    run_iterations(exec, way, "pdhg_forward", forward_kernel<A>, f, params.n_iter, false);
  });
  if (params.n_iter % 2 == 1) {
    copy(exec, x_bar.span(), fields.x_bar.flat());
    copy(exec, q.span(), fields.q.flat());
  }
}

template <Way way>
void adjoint(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgTapeView<float>& tape, View5<const float> grad_x, const PdhgGradients<float>& grads) {
  Adjoint f{};
  f.volumes = volumes_of(grad_x.extent, params.axes);
  if (f.volumes.n_tiles == 0) return;
  for (const float* step : grads.device_steps) f.want_steps = f.want_steps || step != nullptr;
  const int64_t n = grad_x.numel();
  f.n_sums = f.volumes.n_tiles * kTileRows;
  const Fields ab(exec, n), ap(exec, n), r(exec, f.want_steps ? n : 0);
  const Fields c[2] = {{exec, n}, {exec, n}};
  const Fields aq[2] = {{exec, n * params.axes.count()}, {exec, n * params.axes.count()}};
  const Scratch sums(f.want_steps ? static_cast<size_t>(3 * f.n_sums) * sizeof(double) : 0, exec.device);
  f.steps = steps_of(problem, params);
  f.z = global(problem.z.flat()), f.grad_x = global(grad_x.flat());
  f.tape = tape_of(tape);
  f.n_iter = params.n_iter;
  f.ab = global(ab.span()), f.ap = global(ap.span()), f.r = global(r.span());
  for (int i = 0; i < 2; ++i) f.c[i] = global(c[i].span()), f.aq[i] = global(aq[i].span());
  f.shared = grads.lambda.size(1) == 1;
  f.want_z = grads.z.data != nullptr;
  f.noisy = params.p_start == PdhgStart::noisy;
  f.grad_lambda = global(grads.lambda.flat());
  if (f.want_z) f.grad_z = global(grads.z.flat());
  const std::span<double> all_sums(sums.as<double>(), f.want_steps ? static_cast<size_t>(3 * f.n_sums) : 0);
  f.sums = global(all_sums);

  const dim3 grid(static_cast<unsigned>(f.volumes.n_tiles)), block(kWarp, kTileRows);
  with_axes(params.axes, [&]<int A>() {
    launch(exec, {.name = "pdhg_adjoint_start", .grid = grid, .block = block}, adjoint_start_kernel<A>, f);
    run_iterations(exec, way, "pdhg_adjoint", adjoint_kernel<A>, f, params.n_iter, true);
    launch(exec, {.name = "pdhg_adjoint_end", .grid = grid, .block = block}, adjoint_end_kernel<A>, f);
  });
  for (size_t step = 0; step < 3; ++step) {
    if (grads.device_steps[step] == nullptr) continue;
    const auto count = static_cast<size_t>(f.n_sums);
    launch(exec, {.name = "pdhg_add_sum", .grid = dim3(1), .block = dim3(kSumThreads)}, add_sum_kernel,
           global(std::span<const double>(all_sums.subspan(step * count, count))), f.n_sums,
           global(std::span(grads.device_steps[step], 1)));
  }
}

void add_reduced(const Exec& exec, View5<const float> full, View5<float> to) {
  if (to.numel() == 0) return;
  launch(exec,
         {.name = "pdhg_add_reduced",
          .grid = dim3(static_cast<unsigned>(to.numel())),
          .block = dim3(kSumThreads)},
         add_reduced_kernel, global(full), global(to));
}

}  // namespace

const PdhgKernels<float> pdhg_persistent = {forward<Way::persistent>, adjoint<Way::persistent>, add_reduced};
const PdhgKernels<float> pdhg_fused = {forward<Way::fused>, adjoint<Way::fused>, add_reduced};

}  // namespace primal::PRIMAL_SIMT
