// The iterations of PDHG in overlapped tiles; equations in pdhg.h, tiles and threads in pdhg_overlapped.h.
//
// Bytes: for each pixel and chunk of k iterations 20 read and 20 written (x, x_bar, p and q of two axes),
//   more for the halo and for pictures of more tiles than blocks; and 1/2 for the codes of each iteration. z
//   and lambda are read once.
// The operations on a pixel are those of pdhg_forward.cu, so the results have the same bits.
#pragma once

#include "solvers/broadcast_cuda.h"
#include "solvers/pdhg/cuda/pdhg_overlapped_codes.h"

namespace primal::PRIMAL_SIMT {

// What the forward pass records: nothing, what the adjoint needs, or what it needs for the
// gradients of the steps too.
enum class Keep { nothing, codes, codes_and_x };

struct OverlappedForward {
  Pictures pictures;
  StepsSource steps;
  int64_t n_iter;
  int n_chunks;
  Global<const float> z;
  int64_t z_stride;  // 0: all problems share z
  GlobalBroadcast lambda;
  Global<float> x[2], x_bar[2], p[2], q[2];  // by turns
  bool from_start, noisy;                    // from_start: buffers 0 hold nothing yet; noisy: p starts as z
  Tape tape;
};

// What a thread holds of its pixels. Component 0 of q is that of H, 1 that of W.
template <class Tile>
struct ForwardPixels {
  static constexpr int kPixels = Tile::kPixels, kColumns = Tile::kColumns;
  typename Tile::Constants constants;
  float lambda_above[size_t{kColumns}], q_above[size_t{kColumns}];
  float x[size_t{kPixels}], x_bar[size_t{kPixels}], p[size_t{kPixels}], q_h[size_t{kPixels}],
      q_w[size_t{kPixels}];
};

// clip(v, -bound, bound), and not a number where v is none.
__device__ inline float clipped(float v, float bound) { return v > bound ? bound : v < -bound ? -bound : v; }

template <class Tile>
__device__ void load_constants(const OverlappedForward& f, const Column<Tile>& at, ForwardPixels<Tile>& s) {
  const int64_t* stride = f.lambda.stride;
  const int64_t map = at.n * stride[0] + at.d * stride[2];
  const int64_t z = at.n * f.z_stride + int64_t{at.d} * f.pictures.pixels();
#pragma unroll
  for (int i = 0; i < Tile::kPixels; ++i) {
    const int64_t pixel = map + at.w[i % Tile::kColumns] * stride[4] + at.row[i / Tile::kColumns] * stride[3];
    s.constants.set(i, f.z[z + at.at(f.pictures, i)], f.lambda.data[pixel], f.lambda.data[pixel + stride[1]]);
  }
#pragma unroll
  for (int c = 0; c < Tile::kColumns; ++c)
    s.lambda_above[c] = f.lambda.data[map + at.w[c] * stride[4] + at.row_above * stride[3]];
}

// The start of PDHG (pdhg.h), from the registers: x = x_bar = z, p = z or 0, q = 0.
template <class Tile>
__device__ void start_fields(bool noisy, ForwardPixels<Tile>& s) {
#pragma unroll
  for (int i = 0; i < Tile::kPixels; ++i) {
    const float z = s.constants.z(i);
    s.x[i] = s.x_bar[i] = z;
    s.p[i] = noisy ? z : 0.0F;
    s.q_h[i] = s.q_w[i] = 0.0F;
  }
#pragma unroll
  for (int c = 0; c < Tile::kColumns; ++c) s.q_above[c] = 0.0F;
}

// The fields of all pixels, or of those of the halo alone.
template <class Tile>
__device__ void load_fields(const OverlappedForward& f, const Column<Tile>& at, int chunk, bool all,
                            ForwardPixels<Tile>& s) {
  const Turn<float> x(f.x, chunk), x_bar(f.x_bar, chunk), p(f.p, chunk), q(f.q, chunk);
  const int64_t start = at.start(f.pictures, 1, 0), q_h = at.start(f.pictures, 2, 0),
                q_w = at.start(f.pictures, 2, 1);
#pragma unroll
  for (int i = 0; i < Tile::kPixels; ++i) {
    if (!all && at.own(i)) continue;
    s.x[i] = written_by_others(x.from, start + at.at(f.pictures, i));
    s.x_bar[i] = written_by_others(x_bar.from, start + at.at(f.pictures, i));
    s.p[i] = written_by_others(p.from, start + at.at(f.pictures, i));
    s.q_h[i] = written_by_others(q.from, q_h + at.at(f.pictures, i));
    s.q_w[i] = written_by_others(q.from, q_w + at.at(f.pictures, i));
  }
#pragma unroll
  for (int c = 0; c < Tile::kColumns; ++c)
    s.q_above[c] = written_by_others(q.from, q_h + at.above(f.pictures, c));
}

// A lambda or a step that cannot be makes the pixel no number, as in the other implementations.
template <class Tile>
__device__ void mark_unusable(const Steps& steps, ForwardPixels<Tile>& s) {
#pragma unroll
  for (int i = 0; i < Tile::kPixels; ++i) {
    if (!usable_steps(steps) || !usable_bound(s.constants.lambda_h(i)) ||
        !usable_bound(s.constants.lambda_w(i)))
      s.x[i] = kNotANumber;
  }
}

template <class Tile>
__device__ void store_fields(const OverlappedForward& f, const Column<Tile>& at, int chunk,
                             const ForwardPixels<Tile>& s) {
  const Turn<float> x(f.x, chunk), x_bar(f.x_bar, chunk), p(f.p, chunk), q(f.q, chunk);
  const int64_t start = at.start(f.pictures, 1, 0), q_h = at.start(f.pictures, 2, 0),
                q_w = at.start(f.pictures, 2, 1);
#pragma unroll
  for (int i = 0; i < Tile::kPixels; ++i) {
    if (!at.own(i)) continue;
    x.to[start + at.at(f.pictures, i)] = s.x[i];
    x_bar.to[start + at.at(f.pictures, i)] = s.x_bar[i];
    p.to[start + at.at(f.pictures, i)] = s.p[i];
    q.to[q_h + at.at(f.pictures, i)] = s.q_h[i];
    q.to[q_w + at.at(f.pictures, i)] = s.q_w[i];
  }
}

// One iteration of all pixels that the block holds.
template <class Tile, Keep keep, class Edges>
__device__ void iterate(const OverlappedForward& f, const Steps& steps, const Divisor& one_plus_sigma,
                        const Column<Tile>& at, const TapePlace<Tile>& tape, Edges& edges, int turn,
                        ForwardPixels<Tile>& s) {
  constexpr int columns = Tile::kColumns, last = columns - 1;
  const auto [sigma, tau, theta] = steps;
  const Beyond<Tile> beyond = exchange_rows<Tile>(edges, turn, s.x_bar);
  float q_before[size_t{columns}];
#pragma unroll
  for (int c = 0; c < columns; ++c) {
    s.q_above[c] = clipped(s.q_above[c] + sigma * (s.x_bar[c] - beyond.above[c]), s.lambda_above[c]);
    q_before[c] = s.q_above[c];
  }
  CodeVotes<Tile> votes{tape};
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    const float right_of_all = __shfl_down_sync(kAllLanes, s.x_bar[r * columns], 1);
#pragma unroll
    for (int c = 0; c < columns; ++c) {
      const int i = r * columns + c;
      const float x_bar = s.x_bar[i], right = c < last ? s.x_bar[c < last ? i + 1 : i] : right_of_all;
      const float under =
          r + 1 < Tile::kRows ? s.x_bar[r + 1 < Tile::kRows ? i + columns : i] : beyond.below[c];
      const float bound_h = s.constants.lambda_h(i), bound_w = s.constants.lambda_w(i);
      const float v_h = s.q_h[i] + sigma * (under - x_bar), v_w = s.q_w[i] + sigma * (right - x_bar);
      if (keep != Keep::nothing) votes.add(f.tape, r, c, v_h, bound_h, v_w, bound_w);
      s.q_h[i] = clipped(v_h, bound_h);
      s.q_w[i] = clipped(v_w, bound_w);
    }
    const float left_of_all = __shfl_up_sync(kAllLanes, s.q_w[r * columns + last], 1);
#pragma unroll
    for (int c = 0; c < columns; ++c) {
      const int i = r * columns + c;
      const float left = c > 0 ? s.q_w[c > 0 ? i - 1 : i] : left_of_all, x_bar = s.x_bar[i];
      s.p[i] = one_plus_sigma.divide(s.p[i] + sigma * (x_bar - s.constants.z(i)));
      const float adjoint = (q_before[c] - s.q_h[i]) + (left - s.q_w[i]);  // G' q+
      q_before[c] = s.q_h[i];
      const float x = s.x[i], x_new = x - tau * (s.p[i] + adjoint);
      s.x[i] = x_new;
      s.x_bar[i] = x_new + theta * (x_new - x);
      if (keep == Keep::codes_and_x && at.own(i)) f.tape.x[tape.x + int64_t{r} * f.tape.padded + c] = x_new;
    }
  }
}

// The iterations of a chunk.
template <class Tile, Keep keep, class Edges>
__device__ void iterate_chunk(const OverlappedForward& f, const Steps& steps, const Divisor& one_plus_sigma,
                              const Column<Tile>& at, TapePlace<Tile>& tape, Edges& edges, int& turn,
                              int n_iter, ForwardPixels<Tile>& s) {
#pragma unroll 2  // saves moving registers and choosing the rows to exchange
  for (int left = n_iter; left > 0; --left) {
    iterate<Tile, keep>(f, steps, one_plus_sigma, at, tape, edges, turn, s);
    turn ^= 1;
    tape.next_iteration();
  }
}

template <class Tile, Keep keep>
__global__ void __launch_bounds__(Tile::kThreads, 1) overlapped_forward_kernel(OverlappedForward f) {
  PRIMAL_PDHG_EDGES(Tile, edges);
  const Steps steps = f.steps.get();
  const Divisor one_plus_sigma(1 + steps.sigma);
  const int n_blocks = static_cast<int>(gridDim.x);
  const bool several = f.pictures.n_tiles > n_blocks;  // tiles of a block; else its own stays in registers
  Column<Tile> at = {};
  TapePlace<Tile> tape = {};
  ForwardPixels<Tile> s = {};
  int turn = 0;
  for (int chunk = 0; chunk < f.n_chunks; ++chunk) {
    if (chunk > 0) Tile::grid_meets();
    const int64_t begin = first_iteration(f.n_iter, chunk, f.n_chunks);
    const int n_iter = static_cast<int>(first_iteration(f.n_iter, chunk + 1, f.n_chunks) - begin);
    for (int tile = static_cast<int>(blockIdx.x); tile < f.pictures.n_tiles; tile += n_blocks) {
      const bool anew = chunk == 0 || several;
      if (anew) {
        at = Column<Tile>(f.pictures, tile);
        tape = TapePlace<Tile>(f.pictures, f.tape, at, begin);
        load_constants(f, at, s);
        start_fields(f.noisy, s);
      }
      if (chunk > 0 || !f.from_start) load_fields(f, at, chunk, anew, s);
      if (chunk == 0) mark_unusable(steps, s);
      iterate_chunk<Tile, keep>(f, steps, one_plus_sigma, at, tape, edges, turn, n_iter, s);
      store_fields(f, at, chunk, s);
    }
  }
}

// What the kernel is given, with one buffer for each field.
template <class Tile>
OverlappedForward overlapped_forward_of(const PdhgProblem<float>& problem, const PdhgParams& params,
                                        const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  OverlappedForward f{};
  f.pictures = pictures_of<Tile>(fields.x.extent);
  f.n_iter = params.n_iter;
  f.steps = steps_of(problem, params);
  f.z = global(problem.z.flat());
  f.z_stride = problem.z.size(0) == 1 ? 0 : int64_t{f.pictures.D} * f.pictures.pixels();
  f.lambda = global_broadcast(problem.lambda);
  f.x[0] = global(fields.x.flat()), f.x_bar[0] = global(fields.x_bar.flat());
  f.p[0] = global(fields.p.flat()), f.q[0] = global(fields.q.flat());
  f.from_start = fields.unset, f.noisy = params.p_start == PdhgStart::noisy;
  f.tape = tape_of(tape);
  return f;
}

template <class Tile>
void overlapped_forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                        const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  OverlappedForward f = overlapped_forward_of<Tile>(problem, params, fields, tape);
  f.n_chunks = chunks_of<Tile>(params.n_iter);
  if (f.pictures.n_tiles == 0 || f.n_chunks == 0) return;
  const int64_t n = fields.x.numel();
  const Scratch<float> x(exec, n), x_bar(exec, n), p(exec, n), q(exec, 2 * n);
  f.x[1] = global(x.span()), f.x_bar[1] = global(x_bar.span());
  f.p[1] = global(p.span()), f.q[1] = global(q.span());
  const auto kernel = tape.codes == nullptr ? overlapped_forward_kernel<Tile, Keep::nothing>
                      : tape.x == nullptr   ? overlapped_forward_kernel<Tile, Keep::codes>
                                            : overlapped_forward_kernel<Tile, Keep::codes_and_x>;
  const dim3 grid(resident_blocks(exec, kernel, f.pictures.n_tiles, Tile::kThreads));
  launch(exec,
         {.name = "pdhg_forward", .grid = grid, .block = dim3(kWarp, Tile::kWarps), .cooperative = true},
         kernel, f);
}

}  // namespace primal::PRIMAL_SIMT
