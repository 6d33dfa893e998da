// What both passes of PDHG on a device share: the pixel of a thread, the tape, and the two ways to launch
// iterations. Included by the .cu files of this folder alone.
//
// Threads: a warp is 32 pixels of one row, so that a field is read in whole sectors and the codes of a
//   component are one vote for `above` and one for `below`: two words of the tape. A tile is 8 rows of 32
//   pixels, the rows of all problems one after the other.
// Launch:  `fused` launches a block for each tile, once for each iteration. `persistent` launches once, with
//   as many blocks as the device holds at a time, and meets at a grid barrier after each iteration: no
//   launches, and the fields stay in L2.
#pragma once

#include <array>
#include <cmath>
#include <limits>

#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/scratch.h"
#include "tensor/simt/cooperative.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

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

// Where a step or a lambda is none of these, x becomes no number.
__device__ inline bool usable_steps(const Steps& s) {
  return s.sigma > 0 && s.sigma <= kLargest && s.tau > 0 && s.tau <= kLargest &&
         std::abs(s.theta) <= kLargest;
}
__device__ inline bool usable_bound(float bound) { return bound >= 0 && bound <= kLargest; }

// The pixel of this thread in a tile. Its neighbour along a component's axis is `next` or
// `before` coordinates away.
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
  int next[size_t{A}], before[size_t{A}];
  int64_t stride[size_t{A}];  // of the axes in a volume
};

// The tape (pdhg_tape.h); a code word as one number, `above` in its lower half.
struct Tape {
  Global<uint32_t> codes;
  Global<float> x;
  int T, A, words, padded;

  // v: Volumes, or whatever knows D and H.
  template <class Extents>
  __device__ int64_t row(const Extents& v, int n, int64_t k, int d, int h) const {
    return ((n * int64_t{T} + k) * v.D + d) * v.H + h;
  }
  __device__ int code(int64_t tape_row, int a, int w) const {
    const uint32_t word = codes[(tape_row * A + a) * words + w / kCodesPerWord] >> (w % kCodesPerWord);
    return static_cast<int>(word & 1) - static_cast<int>(word >> kCodesPerWord & 1);
  }
};

// Two buffers: iteration k reads one and writes the other. (Chosen by a comparison: an index would put
// the pointers in memory.)
template <class T>
struct Turn {
  __device__ Turn(const Global<T> (&buffers)[2], int64_t k)
      : from(k % 2 == 0 ? buffers[0] : buffers[1]), to(k % 2 == 0 ? buffers[1] : buffers[0]) {}
  Global<T> from, to;
};

// ---- Launching ----

enum class Way { fused, persistent };

inline Volumes volumes_of(const std::array<int64_t, 5>& extent, const Axes& axes) {
  Volumes v{};
  v.n_rows = extent[0] * extent[2] * extent[3];
  v.D = static_cast<int>(extent[2]), v.H = static_cast<int>(extent[3]), v.W = static_cast<int>(extent[4]);
  v.columns = (v.W + kWarp - 1) / kWarp;
  v.n_tiles = (v.n_rows + kTileRows - 1) / kTileRows * v.columns;
  for (int a = 0; a < axes.count(); ++a) v.axis[a] = axes[a];
  return v;
}

inline StepsSource steps_of(const PdhgProblem<float>& problem, const PdhgParams& params) {
  StepsSource steps{};
  steps.fixed = {static_cast<float>(params.sigma), static_cast<float>(params.tau),
                 static_cast<float>(params.theta)};
  steps.learnt = problem.steps != nullptr;
  if (steps.learnt) steps.values = global(std::span<const float>(problem.steps, 3));
  return steps;
}

inline Tape tape_of(const PdhgTapeView<float>& view) {
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

// Runs the iterations [0, n_iter), from the last to the first where `backward`.
template <class Kernel, class Args>
void run_iterations(const Exec& exec, Way way, const char* name, Kernel* kernel, const Args& args,
                    int64_t n_iter, bool backward) {
  const dim3 block(kWarp, kTileRows);
  const int64_t n_tiles = args.volumes.n_tiles;
  if (way == Way::persistent) {
    const dim3 grid(resident_blocks(exec, kernel, n_tiles, kWarp * kTileRows));
    if (n_iter > 0)
      launch(exec, {.name = name, .grid = grid, .block = block, .cooperative = true}, kernel, args,
             int64_t{0}, n_iter);
    return;
  }
  const dim3 grid = grid_of(n_tiles);
  for (int64_t i = 0; i < n_iter; ++i) {
    const int64_t k = backward ? n_iter - 1 - i : i;
    launch(exec, {.name = name, .grid = grid, .block = block}, kernel, args, k, k + 1);
  }
}

// Calls use.operator()<A>() for the number of axes.
template <class Use>
void with_axes(const Axes& axes, const Use& use) {
  if (axes.count() == 1) return use.template operator()<1>();
  if (axes.count() == 2) return use.template operator()<2>();
  return use.template operator()<3>();
}

// pdhg_forward.cu and pdhg_adjoint.cu: PdhgKernels::forward and PdhgKernels::adjoint, for both ways.
template <Way way>
void pdhg_forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                  const PdhgFields<float>& fields, const PdhgTapeView<float>& tape);
template <Way way>
void pdhg_adjoint(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                  const PdhgTapeView<float>& tape, View5<const float> grad_x,
                  const PdhgGradients<float>& grads);
// pdhg_add_reduced.cu: PdhgKernels::add_reduced.
void pdhg_add_reduced(const Exec& exec, View5<const float> full, View5<float> to);

}  // namespace primal::PRIMAL_SIMT
