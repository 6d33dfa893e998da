// The iterations of PDHG in overlapped tiles; equations in pdhg.h, tiles and threads in pdhg_overlapped.h.
//
// Bytes: for each pixel and chunk of k iterations 20 read and 20 written (x, x_bar, p and q of two axes), more for the halo and for
//   pictures of more tiles than blocks; and 1/2 for the codes of each iteration. z and lambda are read once.
// The operations on a pixel are those of pdhg_forward.cu, so the results have the same bits.
#pragma once

#include "solvers/broadcast_cuda.h"
#include "solvers/pdhg/cuda/pdhg_overlapped.h"

namespace primal::PRIMAL_SIMT {

// What the forward pass records: nothing, what the adjoint needs, or what it needs for the gradients of the steps too.
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
template <int rows>
struct ForwardPixels {
  float z[size_t{rows}], lambda_h[size_t{rows}], lambda_w[size_t{rows}], lambda_above;
  float x[size_t{rows}], x_bar[size_t{rows}], p[size_t{rows}], q_h[size_t{rows}], q_w[size_t{rows}], q_above;
};

// clip(v, -bound, bound), and not a number where v is none.
__device__ inline float clipped(float v, float bound) { return v > bound ? bound : v < -bound ? -bound : v; }

template <class Tile>
__device__ void load_constants(const OverlappedForward& f, const Column<Tile>& at,
                               ForwardPixels<Tile::kRows>& s) {
  const int64_t* stride = f.lambda.stride;
  const int64_t map = at.n * stride[0] + at.d * stride[2] + at.w * stride[4];
  const int64_t z = at.n * f.z_stride + int64_t{at.d} * f.pictures.pixels();
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    const int64_t pixel = map + (at.row[r]) * stride[3];
    s.z[r] = f.z[z + at.at(f.pictures, r)];
    s.lambda_h[r] = f.lambda.data[pixel];
    s.lambda_w[r] = f.lambda.data[pixel + stride[1]];
  }
  s.lambda_above = f.lambda.data[map + (at.row_above) * stride[3]];
}

// The start of PDHG (pdhg.h), from the registers: x = x_bar = z, p = z or 0, q = 0.
template <int rows>
__device__ void start_fields(bool noisy, ForwardPixels<rows>& s) {
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    s.x[r] = s.x_bar[r] = s.z[r];
    s.p[r] = noisy ? s.z[r] : 0.0F;
    s.q_h[r] = s.q_w[r] = 0.0F;
  }
  s.q_above = 0.0F;
}

// The fields of all pixels, or of those of the halo alone.
template <class Tile>
__device__ void load_fields(const OverlappedForward& f, const Column<Tile>& at, int chunk, bool all,
                            ForwardPixels<Tile::kRows>& s) {
  const Turn<float> x(f.x, chunk), x_bar(f.x_bar, chunk), p(f.p, chunk), q(f.q, chunk);
  const int64_t i = at.start(f.pictures, 1, 0), q_h = at.start(f.pictures, 2, 0),
                q_w = at.start(f.pictures, 2, 1);
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    if (!all && at.own(r)) continue;
    s.x[r] = written_by_others(x.from, i + at.at(f.pictures, r));
    s.x_bar[r] = written_by_others(x_bar.from, i + at.at(f.pictures, r));
    s.p[r] = written_by_others(p.from, i + at.at(f.pictures, r));
    s.q_h[r] = written_by_others(q.from, q_h + at.at(f.pictures, r));
    s.q_w[r] = written_by_others(q.from, q_w + at.at(f.pictures, r));
  }
  s.q_above = written_by_others(q.from, q_h + at.above(f.pictures));
}

// A lambda or a step that cannot be makes the pixel no number, as in the other implementations.
template <int rows>
__device__ void mark_unusable(const Steps& steps, ForwardPixels<rows>& s) {
#pragma unroll
  for (int r = 0; r < rows; ++r) {
    if (!usable_steps(steps) || !usable_bound(s.lambda_h[r]) || !usable_bound(s.lambda_w[r]))
      s.x[r] = kNotANumber;
  }
}

template <class Tile>
__device__ void store_fields(const OverlappedForward& f, const Column<Tile>& at, int chunk,
                             const ForwardPixels<Tile::kRows>& s) {
  const Turn<float> x(f.x, chunk), x_bar(f.x_bar, chunk), p(f.p, chunk), q(f.q, chunk);
  const int64_t i = at.start(f.pictures, 1, 0), q_h = at.start(f.pictures, 2, 0),
                q_w = at.start(f.pictures, 2, 1);
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    if (!at.own(r)) continue;
    x.to[i + at.at(f.pictures, r)] = s.x[r];
    x_bar.to[i + at.at(f.pictures, r)] = s.x_bar[r];
    p.to[i + at.at(f.pictures, r)] = s.p[r];
    q.to[q_h + at.at(f.pictures, r)] = s.q_h[r];
    q.to[q_w + at.at(f.pictures, r)] = s.q_w[r];
  }
}

// Where a thread writes the tape. The codes go out byte by byte, since the width of a tile is a multiple of 8 and not always
// of 16. A row takes kLanes lanes, each with a byte of `above` or of `below`, of component 0 or of component 1; the warp
// writes kTogether rows at once.
template <class Tile>
struct TapePlace {
  static constexpr int kBytes = Tile::kWidth / 8, kLanes = 4 * kBytes, kTogether = kWarp / kLanes;
  static_assert(kLanes <= kWarp, "a lane writes one byte at most");

  int row;        // of the rows that are written together, which one this lane writes
  bool of_w;      // component 1, not 0
  bool of_below;  // `below`, not `above`
  bool writes[size_t{(Tile::kRows + kTogether - 1) / kTogether}];
  int shift;      // of the lane's byte in a vote of the warp
  int row_bytes;  // of the codes
  // Offsets of the lane's byte and of the thread's first pixel, and from one iteration to the next. Those of a halo may lie
  // outside of the tape; nothing is written there.
  int64_t code, code_stride, x, x_stride;

  TapePlace() = default;
  __device__ TapePlace(const Pictures& v, const Tape& tape, const Column<Tile>& at, int64_t k) {
    const int lane = static_cast<int>(threadIdx.x), byte = lane % kBytes, mask = lane / kBytes;
    row = lane / kLanes;
    of_below = mask % 2 == 1, of_w = mask / 2 % 2 == 1;
    shift = Tile::kHalo + 8 * byte;
    const int w = at.tile_w + 8 * byte;
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
      if (r % kTogether == 0) writes[r / kTogether] = false;
      if (r % kTogether == row) writes[r / kTogether] = at.own_row[r] && w < v.W;
    }
    constexpr int word_bytes = sizeof(CodeWord);
    row_bytes = 2 * tape.words * word_bytes;
    const int64_t tape_row = tape.row(v, at.n, k, at.d, at.h), rows = int64_t{v.D} * v.H;
    code = (tape_row + row) * row_bytes + ((of_w ? tape.words : 0) + w / kCodesPerWord) * word_bytes +
           (of_below ? word_bytes / 2 : 0) + w % kCodesPerWord / 8;
    code_stride = rows * row_bytes;
    x = tape_row * tape.padded + at.w;
    x_stride = rows * tape.padded;
  }
  __device__ void next_iteration() { code += code_stride, x += x_stride; }
};

// The votes of a warp on its codes, row by row; each lane keeps what it will write.
template <class Tile>
struct CodeVotes {
  const TapePlace<Tile>& place;
  unsigned mine = 0;

  __device__ void add(const Tape& tape, int r, float v_h, float bound_h, float v_w, float bound_w) {
    constexpr int together = TapePlace<Tile>::kTogether;
    const unsigned above_h = __ballot_sync(kAllLanes, v_h > bound_h);
    const unsigned below_h = __ballot_sync(kAllLanes, v_h < -bound_h);
    const unsigned above_w = __ballot_sync(kAllLanes, v_w > bound_w);
    const unsigned below_w = __ballot_sync(kAllLanes, v_w < -bound_w);
    const unsigned h = place.of_below ? below_h : above_h, w = place.of_below ? below_w : above_w;
    const unsigned vote = place.of_w ? w : h;
    if (r % together == 0 || r % together == place.row) mine = vote;
    if (r % together != together - 1 && r != Tile::kRows - 1) return;
    if (place.writes[r / together])
      as<uint8_t>(tape.codes)[place.code + r / together * together * place.row_bytes] =
          static_cast<uint8_t>(mine >> place.shift);
  }
};

// One iteration of all pixels that the block holds.
template <class Tile, Keep keep, class Edges>
__device__ void iterate(const OverlappedForward& f, const Steps& steps, const Divisor& one_plus_sigma,
                        const Column<Tile>& at, const TapePlace<Tile>& tape, Edges& edges, int turn,
                        ForwardPixels<Tile::kRows>& s) {
  const auto [sigma, tau, theta] = steps;
  const Beyond beyond = exchange_rows<Tile>(edges, turn, s.x_bar);
  s.q_above = clipped(s.q_above + sigma * (s.x_bar[0] - beyond.above), s.lambda_above);
  float q_before = s.q_above;
  CodeVotes<Tile> votes{tape};
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    const float x_bar = s.x_bar[r];
    const float right = __shfl_down_sync(kAllLanes, x_bar, 1);
    const float under = r + 1 < Tile::kRows ? s.x_bar[r + 1 < Tile::kRows ? r + 1 : r] : beyond.below;
    const float v_h = s.q_h[r] + sigma * (under - x_bar), v_w = s.q_w[r] + sigma * (right - x_bar);
    if (keep != Keep::nothing) votes.add(f.tape, r, v_h, s.lambda_h[r], v_w, s.lambda_w[r]);
    s.q_h[r] = clipped(v_h, s.lambda_h[r]);
    s.q_w[r] = clipped(v_w, s.lambda_w[r]);
    const float left = __shfl_up_sync(kAllLanes, s.q_w[r], 1);
    s.p[r] = one_plus_sigma.divide(s.p[r] + sigma * (x_bar - s.z[r]));
    const float adjoint = (q_before - s.q_h[r]) + (left - s.q_w[r]);  // G' q+
    q_before = s.q_h[r];
    const float x = s.x[r], x_new = x - tau * (s.p[r] + adjoint);
    s.x[r] = x_new;
    s.x_bar[r] = x_new + theta * (x_new - x);
    if (keep == Keep::codes_and_x && at.own(r)) f.tape.x[tape.x + int64_t{r} * f.tape.padded] = x_new;
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
  ForwardPixels<Tile::kRows> s = {};
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
#pragma unroll 2  // saves moving registers and choosing the rows to exchange
      for (int left = n_iter; left > 0; --left) {
        iterate<Tile, keep>(f, steps, one_plus_sigma, at, tape, edges, turn, s);
        turn ^= 1;
        tape.next_iteration();
      }
      store_fields(f, at, chunk, s);
    }
  }
}

template <class Tile>
void overlapped_forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                        const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  OverlappedForward f{};
  f.pictures = pictures_of<Tile>(fields.x.extent);
  f.n_iter = params.n_iter;
  f.n_chunks = chunks_of<Tile>(params.n_iter);
  if (f.pictures.n_tiles == 0 || f.n_chunks == 0) return;
  const int64_t n = fields.x.numel();
  const Scratch<float> x(exec, n), x_bar(exec, n), p(exec, n), q(exec, 2 * n);
  f.steps = steps_of(problem, params);
  f.z = global(problem.z.flat());
  f.z_stride = problem.z.size(0) == 1 ? 0 : int64_t{f.pictures.D} * f.pictures.pixels();
  f.lambda = global_broadcast(problem.lambda);
  f.x[0] = global(fields.x.flat()), f.x[1] = global(x.span());
  f.x_bar[0] = global(fields.x_bar.flat()), f.x_bar[1] = global(x_bar.span());
  f.p[0] = global(fields.p.flat()), f.p[1] = global(p.span());
  f.q[0] = global(fields.q.flat()), f.q[1] = global(q.span());
  f.from_start = fields.unset, f.noisy = params.p_start == PdhgStart::noisy;
  f.tape = tape_of(tape);
  const auto kernel = tape.codes == nullptr ? overlapped_forward_kernel<Tile, Keep::nothing>
                      : tape.x == nullptr   ? overlapped_forward_kernel<Tile, Keep::codes>
                                            : overlapped_forward_kernel<Tile, Keep::codes_and_x>;
  const dim3 grid(resident_blocks(exec, kernel, f.pictures.n_tiles, Tile::kThreads));
  launch(exec,
         {.name = "pdhg_forward", .grid = grid, .block = dim3(kWarp, Tile::kWarps), .cooperative = true},
         kernel, f);
}

}  // namespace primal::PRIMAL_SIMT
