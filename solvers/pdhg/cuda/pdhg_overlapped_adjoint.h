// The adjoint of PDHG's iterations in overlapped tiles, the last one first; equations in pdhg.h and, of the
// steps, in pdhg_kernels.h, tiles and threads in pdhg_overlapped.h.
//
// Idea:  the shape of the forward pass: c takes the place of x_bar, av that of q. One launch does everything:
//   the start initialises the registers, and the end adds their final values to the gradients, those of the
//   steps after the grid has met again.
// Bytes: for each pixel and chunk of k iterations 20 read and 20 written (c, ab, ap and aq of two axes),
//   more for the halo and for pictures of more tiles than blocks; for each iteration 1/2 of the codes and,
//   for the steps, 4 of an iterate.
// Sums:  lambda^ and z^ add up in a register in the order of pdhg_adjoint.cu, so they have the same bits.
//   Those of the steps are doubles: a thread adds up its pixels and iterations, a warp its lanes, and in
//   the end a block all warps in a tree. This order differs from that of the other implementations, so the
//   last bits may differ too.
#pragma once

#include <type_traits>

#include "solvers/pdhg/cuda/pdhg_overlapped_steps.h"

namespace primal::PRIMAL_SIMT {

// What a thread holds of its pixels. Component 0 of aq is that of H, 1 that of W.
template <int rows>
struct AdjointPixels {
  float c[size_t{rows}], ab[size_t{rows}], ap[size_t{rows}], aq_h[size_t{rows}], aq_w[size_t{rows}], aq_above;
  float grad_lambda_h[size_t{rows}], grad_lambda_w[size_t{rows}], grad_z[size_t{rows}];
};

// The words of an iteration's codes that a thread needs: of its own pixels and, of component 0, of the one
// above them.
template <int rows>
struct CodeWords {
  uint32_t h[size_t{rows}], w[size_t{rows}], above;
};

template <class Tile>
struct CodePlace {
  static_assert(Tile::kColumns == 1, "the adjoint has one column for a thread");

  Global<const uint32_t> words;  // of the first row of the picture, in an iteration, at this thread's column
  int row_words, component_words;
  uint32_t above_bit, below_bit;

  CodePlace() = default;
  __device__ CodePlace(const OverlappedAdjoint& f, const Column<Tile>& at, int64_t k) {
    component_words = f.tape.words, row_words = 2 * f.tape.words;
    words = f.tape.codes + (f.tape.row(f.pictures, at.n, k, at.d, 0) * row_words + at.w[0] / kCodesPerWord);
    above_bit = 1U << (at.w[0] % static_cast<int>(kCodesPerWord));
    below_bit = above_bit << kCodesPerWord;
  }
  // An iteration back, of n_rows rows.
  __device__ void back(int64_t n_rows) { words = words - n_rows * row_words; }
  __device__ CodeWords<Tile::kRows> load(const Column<Tile>& at) const {
    CodeWords<Tile::kRows> loaded;
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
      loaded.h[r] = words[int64_t{at.row[r]} * row_words];
      loaded.w[r] = words[int64_t{at.row[r]} * row_words + component_words];
    }
    loaded.above = words[int64_t{at.row_above} * row_words];
    return loaded;
  }
  // bq where inside, else 0.
  __device__ float masked(uint32_t word, float bq) const {
    return (word & (above_bit | below_bit)) == 0 ? bq : 0.0F;
  }
  // s bq, with s = 1 above the bound, -1 below.
  __device__ void add_signed(uint32_t word, float bq, float& to) const {
    if ((word & above_bit) != 0) to += bq;
    if ((word & below_bit) != 0) to -= bq;
  }
};

// One iteration back, of all pixels that the block holds. `terms` takes what a pixel of the tile gives to the
// steps.
template <class Tile, bool shared, class Edges, class Terms>
__device__ void step_back(const Steps& steps, const Divisor& one_plus_sigma, const Column<Tile>& at,
                          int64_t k, const CodePlace<Tile>& codes, const CodeWords<Tile::kRows>& words,
                          Edges& edges, int turn, AdjointPixels<Tile::kRows>& s, Terms& terms) {
  const auto [sigma, tau, theta] = steps;
  const float to_c = k == 0 ? 0.0F : 1 + theta;  // in the end c is to hold ax
  const Beyond<Tile> beyond = exchange_rows<Tile>(edges, turn, s.c);
  s.aq_above = codes.masked(words.above, s.aq_above - tau * (s.c[0] - beyond.above[0]));
  float av_before = s.aq_above;
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    const float c = s.c[r], ab = s.ab[r];
    const float right = __shfl_down_sync(kAllLanes, c, 1);
    const float under = r + 1 < Tile::kRows ? s.c[r + 1 < Tile::kRows ? r + 1 : r] : beyond.below[0];
    const float bq_h = s.aq_h[r] - tau * (under - c), bq_w = s.aq_w[r] - tau * (right - c);
    const float av_h = codes.masked(words.h[r], bq_h), av_w = codes.masked(words.w[r], bq_w);
    codes.add_signed(words.h[r], bq_h, s.grad_lambda_h[r]);
    codes.add_signed(words.w[r], bq_w, shared ? s.grad_lambda_h[r] : s.grad_lambda_w[r]);
    const float left = __shfl_up_sync(kAllLanes, av_w, 1);
    const float adjoint = (av_before - av_h) + (left - av_w);  // G' av
    av_before = av_h;
    const float ap = one_plus_sigma.divide(s.ap[r] - tau * c);
    const float ax = c - theta * ab, ab_new = sigma * (adjoint + ap);
    s.grad_z[r] -= sigma * ap;
    s.aq_h[r] = av_h, s.aq_w[r] = av_w, s.ap[r] = ap, s.ab[r] = ab_new;
    s.c[r] = ax + to_c * ab_new;
    terms.add(steps, one_plus_sigma, at, r, {c, ab, ap, av_h, av_w});
  }
}

// What the registers hold at the start of a chunk: all, or the fields of the halo alone.
template <class Tile, bool shared>
__device__ void load(const OverlappedAdjoint& f, const Column<Tile>& at, int chunk, bool all,
                     AdjointPixels<Tile::kRows>& s) {
  const Turn<float> c(f.c, chunk), ab(f.ab, chunk), ap(f.ap, chunk), aq(f.aq, chunk);
  const int64_t i = at.start(f.pictures, 1, 0), h = at.start(f.pictures, 2, 0),
                w = at.start(f.pictures, 2, 1);
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    if (!all && at.own(r)) continue;
    s.c[r] =
        chunk == 0 ? f.grad_x[i + at.at(f.pictures, r)] : written_by_others(c.from, i + at.at(f.pictures, r));
    s.ab[r] = chunk == 0 ? 0.0F : written_by_others(ab.from, i + at.at(f.pictures, r));
    s.ap[r] = chunk == 0 ? 0.0F : written_by_others(ap.from, i + at.at(f.pictures, r));
    s.aq_h[r] = chunk == 0 ? 0.0F : written_by_others(aq.from, h + at.at(f.pictures, r));
    s.aq_w[r] = chunk == 0 ? 0.0F : written_by_others(aq.from, w + at.at(f.pictures, r));
    if (!at.own(r)) continue;
    const bool anew = chunk == 0 && !f.add_lambda;
    s.grad_lambda_h[r] = anew ? 0.0F : float(f.grad_lambda[(shared ? i : h) + at.at(f.pictures, r)]);
    if (!shared) s.grad_lambda_w[r] = anew ? 0.0F : float(f.grad_lambda[w + at.at(f.pictures, r)]);
    if (f.want_z) s.grad_z[r] = f.grad_z[i + at.at(f.pictures, r)];
  }
  s.aq_above = chunk == 0 ? 0.0F : written_by_others(aq.from, h + at.above(f.pictures));
}

// At the end of a chunk: the fields of the tile, for its neighbours.
template <class Tile>
__device__ void store_fields(const OverlappedAdjoint& f, const Column<Tile>& at, int chunk,
                             const AdjointPixels<Tile::kRows>& s) {
  const Turn<float> c(f.c, chunk), ab(f.ab, chunk), ap(f.ap, chunk), aq(f.aq, chunk);
  const int64_t i = at.start(f.pictures, 1, 0), h = at.start(f.pictures, 2, 0),
                w = at.start(f.pictures, 2, 1);
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    if (!at.own(r)) continue;
    c.to[i + at.at(f.pictures, r)] = s.c[r];
    ab.to[i + at.at(f.pictures, r)] = s.ab[r];
    ap.to[i + at.at(f.pictures, r)] = s.ap[r];
    aq.to[h + at.at(f.pictures, r)] = s.aq_h[r];
    aq.to[w + at.at(f.pictures, r)] = s.aq_w[r];
  }
}

// The gradients so far; after the last chunk with what the start of the forward pass adds: z^ += ax + ab,
// and ap where p began as z.
template <class Tile, bool shared>
__device__ void store_gradients(const OverlappedAdjoint& f, const Column<Tile>& at, bool last,
                                const AdjointPixels<Tile::kRows>& s) {
  const int64_t i = at.start(f.pictures, 1, 0), h = at.start(f.pictures, 2, 0),
                w = at.start(f.pictures, 2, 1);
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    if (!at.own(r)) continue;
    f.grad_lambda[(shared ? i : h) + at.at(f.pictures, r)] = s.grad_lambda_h[r];
    if (!shared) f.grad_lambda[w + at.at(f.pictures, r)] = s.grad_lambda_w[r];
    if (!f.want_z) continue;
    const float of_start = s.c[r] + s.ab[r] + (f.noisy ? s.ap[r] : 0.0F);
    f.grad_z[i + at.at(f.pictures, r)] = last ? s.grad_z[r] + of_start : s.grad_z[r];
  }
}

template <class Tile, bool shared, bool learnt>
__global__ void __launch_bounds__(Tile::kThreads, 1) overlapped_adjoint_kernel(OverlappedAdjoint f) {
  PRIMAL_PDHG_EDGES(Tile, edges);
  const Steps steps = f.steps.get();
  const Divisor one_plus_sigma(1 + steps.sigma);
  const int n_blocks = static_cast<int>(gridDim.x);
  const bool several = f.pictures.n_tiles > n_blocks;  // tiles of a block; else its own stays in registers
  Column<Tile> at = {};
  CodePlace<Tile> codes = {};
  AdjointPixels<Tile::kRows> s = {};
  std::conditional_t<learnt, StepTerms<Tile>, NoTerms> terms = {};
  int turn = 0;
  for (int chunk = 0; chunk < f.n_chunks; ++chunk) {
    if (chunk > 0) Tile::grid_meets();
    const bool first = chunk == 0, last = chunk + 1 == f.n_chunks, anew = first || several;
    // Iterations from `begin` down to `end`.
    const int64_t begin = f.n_iter - 1 - first_iteration(f.n_iter, chunk, f.n_chunks);
    const int64_t end = f.n_iter - first_iteration(f.n_iter, chunk + 1, f.n_chunks);
    for (int tile = static_cast<int>(blockIdx.x); tile < f.pictures.n_tiles; tile += n_blocks) {
      if (anew) {
        at = Column<Tile>(f.pictures, tile);
        codes = CodePlace<Tile>(f, at, begin);
        terms.begin(f, at, first);
      }
      load<Tile, shared>(f, at, chunk, anew, s);
      CodeWords<Tile::kRows> coming = {};  // codes are loaded one iteration ahead
      if (begin >= end) coming = codes.load(at);
      if (anew && begin >= end) terms.enter(f, at, begin);
      for (int64_t k = begin; k >= end; --k) {
        const CodeWords<Tile::kRows> words = coming;
        codes.back(int64_t{f.pictures.D} * f.pictures.H);
        if (k > end) coming = codes.load(at);
        terms.begin_iteration(f, at, k);
        step_back<Tile, shared>(steps, one_plus_sigma, at, k, codes, words, edges, turn, s, terms);
        terms.end_iteration();
        turn ^= 1;
      }
      if (!last) store_fields(f, at, chunk, s);
      if (!last && !several) continue;
      store_gradients<Tile, shared>(f, at, last, s);
      terms.end(f, steps, at, tile, first || !several, last);
    }
  }
  terms.add_up(f);
}

template <class Tile, bool learnt>
void launch_adjoint(const Exec& exec, const OverlappedAdjoint& f, bool shared) {
  const auto kernel =
      shared ? overlapped_adjoint_kernel<Tile, true, learnt> : overlapped_adjoint_kernel<Tile, false, learnt>;
  const dim3 grid(resident_blocks(exec, kernel, f.pictures.n_tiles, Tile::kThreads));
  launch(exec,
         {.name = "pdhg_adjoint", .grid = grid, .block = dim3(kWarp, Tile::kWarps), .cooperative = true},
         kernel, f);
}

template <class Tile>
void overlapped_adjoint(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                        const PdhgTapeView<float>& tape, View5<const float> grad_x,
                        const PdhgGradients<float>& grads) {
  OverlappedAdjoint f{};
  f.pictures = pictures_of<Tile>(grad_x.extent);
  if (f.pictures.n_tiles == 0) return;
  bool learnt = false;
  for (const float* step : grads.device_steps) learnt = learnt || step != nullptr;
  f.n_iter = params.n_iter;
  f.n_chunks = static_cast<int>((params.n_iter + Tile::kIterations - 1) / Tile::kIterations);
  if (f.n_chunks == 0) f.n_chunks = 1;  // of no iteration: the gradients still get grad_x
  const int64_t n = grad_x.numel();
  f.n_sums = f.pictures.n_tiles * Tile::kWarps;
  const Scratch<float> c[2] = {{exec, n}, {exec, n}}, ab[2] = {{exec, n}, {exec, n}};
  const Scratch<float> ap[2] = {{exec, n}, {exec, n}}, aq[2] = {{exec, 2 * n}, {exec, 2 * n}};
  const Scratch<float> r(exec, learnt ? n : 0);
  const Scratch<double> sums(exec, learnt ? 3 * f.n_sums : 0);
  f.steps = steps_of(problem, params);
  f.z = global(problem.z.flat()), f.grad_x = global(grad_x.flat());
  f.tape = tape_of(tape);
  for (int i = 0; i < 2; ++i) {
    f.c[i] = global(c[i].span()), f.ab[i] = global(ab[i].span());
    f.ap[i] = global(ap[i].span()), f.aq[i] = global(aq[i].span());
  }
  f.r = global(r.span());
  f.want_z = grads.z.data != nullptr;
  f.noisy = params.p_start == PdhgStart::noisy;
  f.grad_lambda = global(grads.lambda.flat());
  f.add_lambda = grads.add_lambda;
  if (f.want_z) f.grad_z = global(grads.z.flat());
  f.sums = global(sums.span());
  const bool shared = grads.lambda.size(1) == 1;
  if (!learnt) return launch_adjoint<Tile, false>(exec, f, shared);
  f.targets = step_targets(grads.device_steps, grads.add_steps);
  launch_adjoint<Tile, true>(exec, f, shared);
}

}  // namespace primal::PRIMAL_SIMT
