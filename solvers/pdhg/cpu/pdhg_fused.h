// How the fused PDHG kernels walk a volume, forward and adjoint alike. Private to pdhg_fused*.cpp.
//
// Slabs.   A volume is a ring of slabs: rows of a picture for axes (3,4), frames of a sequence for axes
//          (2,3,4). One iteration needs, for slab i, x_bar of slabs i and i+1 and the new q of slabs i-1 and
//          i. So one sweep over the slabs, in order, does a whole iteration in place.
// Whole.   Of many volumes (a batch, a grid search) each thread takes one after the other and never meets the
//          rest.
// Strips.  A volume left over is shared: each thread sweeps a strip of consecutive slabs in memory of its
//          own, with `halo` more slabs on either side, copies of its neighbours'. After s iterations the
//          outer s slabs on either side are stale; after `halo` of them the threads meet and copy fresh ones.
//          Between two meetings a strip is a chunk of a parallel loop: where a thread has no core, another
//          one takes its strip (tensor/threads).
//          A halo slab is computed by the same instructions as its original, so the bits do not depend
//          on the number of strips.
// Wave.    Iteration s+1 may follow iteration s one slab behind, so kWave iterations go over the strip as
//          one wave: slab i of iteration s, then slab i-1 of iteration s+1, and so on. A slab is fetched
//          into L1 once for all of them.
// Rows.    Each line of a slab holds its fields one after the other: [slab][line][field][gap + padded]. The
//          gap of 16 elements in front of a row and the one behind it take the periodic neighbours at -1 and
//          W. Frames, which are large, have it only where a neighbour is stored; rows of pictures always, so
//          that fields do not lie a power of two apart.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "solvers/pdhg/pdhg_kernels.h"
#include "tensor/exec.h"
#include "tensor/scratch.h"
#include "tensor/threads/workers.h"

namespace primal::cpu::fused {

inline constexpr int64_t kVector = kCodesPerWord;  // elements of a block: the widest vector, one code word
inline constexpr int64_t kWave = 3;                // iterations per visit of a slab
inline constexpr int64_t kHalo = 2 * kWave;        // iterations between two meetings of the threads
inline constexpr int64_t kMaxFields = 16;          // of a row
inline constexpr int64_t kWaveFloats =
    224 * 1024;  // that a wave over frames may hold: most of a second-level cache of 1 MiB

// The volumes and their slabs.
struct Slabs {
  Slabs(std::array<int64_t, 5> extent, const Axes& axes)
      : frames(axes.count() == 3),
        A(axes.count()),
        D(extent[2]),
        n_volumes(frames ? extent[0] : extent[0] * D),
        n_slabs(frames ? D : extent[3]),
        n_lines(frames ? extent[3] : 1),
        width(extent[4]),
        padded((width + kVector - 1) / kVector * kVector) {}

  struct Row {
    int64_t n, d, h;
  };
  // The row of line `line` in slab `slab` of volume `volume`; slabs count around the ring.
  Row row(int64_t volume, int64_t slab, int64_t line) const {
    slab = (slab % n_slabs + n_slabs) % n_slabs;
    return frames ? Row{volume, slab, line} : Row{volume / D, volume % D, slab};
  }

  bool frames;
  int64_t A, D, n_volumes, n_slabs, n_lines, width, padded;
};

// Where the fields of a line lie: element 0 of each, counted from the line's begin.
struct Line {
  // `gaps`: bit f is set where field f of a frame has a gap in front.
  Line(const Slabs& slabs, int64_t n_fields, uint32_t gaps) {
    for (int64_t f = 0; f < n_fields; ++f) {
      if (!slabs.frames || (gaps >> f & 1) != 0) size += kVector;
      at[static_cast<size_t>(f)] = size;
      size += slabs.padded;
    }
  }
  std::array<int64_t, kMaxFields> at{};
  int64_t size = 0;
};

// A strip: slabs [first, first + own) of a volume, preceded and followed by `halo` slabs, in `memory`.
struct Strip {
  int64_t volume, first, own, halo;
  float* memory;
  const Slabs* slabs;
  const Line* fields;

  int64_t n_local() const { return own + 2 * halo; }
  int64_t slab_size() const { return slabs->n_lines * fields->size; }
  bool owns(int64_t local) const { return local >= halo && local < halo + own; }
  int64_t global(int64_t local) const {
    return first + local - halo;
  }  // may lie outside the ring: Slabs::row wraps
  // Element 0 of a field's row.
  float* field(int64_t local, int64_t line, int64_t f) const {
    return line_of(local, line) + fields->at[static_cast<size_t>(f)];
  }
  float* line_of(int64_t local, int64_t line) const {
    return memory + local * slab_size() + line * fields->size;
  }
  int64_t floats() const { return n_local() * slab_size() + kVector; }
  size_t bytes() const { return static_cast<size_t>(floats()) * sizeof(float); }

  // Copies the first n_fields of `slabs_to_copy` slabs of another strip.
  void copy(int64_t to, const Strip& from, int64_t begin, int64_t n, int64_t n_fields) const {
    const int64_t n_floats = fields->at[static_cast<size_t>(n_fields - 1)] + slabs->padded;
    const auto bytes = static_cast<size_t>(n_floats) * sizeof(float);
    for (int64_t s = 0; s < n; ++s) {
      for (int64_t line = 0; line < slabs->n_lines; ++line) {
        std::memcpy(line_of(to + s, line), from.line_of(begin + s, line), bytes);
      }
    }
  }
};

// Strip i of n of a volume.
inline Strip make_strip(const Slabs& slabs, const Line& fields, int64_t volume, int64_t i, int64_t n,
                        float* memory) {
  const int64_t begin = slabs.n_slabs * i / n, end = slabs.n_slabs * (i + 1) / n;
  // A wide halo is computed twice but met seldom. A frame is large: as many as a wave has iterations, which
  // is as many as keep its frames, those iterations and two neighbours, in a cache.
  const int64_t of_frames = std::clamp<int64_t>(kWaveFloats / (slabs.n_lines * fields.size) - 2, 1, kWave);
  const int64_t halo = std::min(slabs.frames ? of_frames : n == 1 ? kWave : kHalo, slabs.n_slabs / n);
  return Strip{volume, begin, end - begin, halo, memory, &slabs, &fields};
}

// What a sweep does, as members of a Job:
//   load(strip)                    fills all fields of the strip, halo included
//   wave(strip, first, n, margin)  n iterations, the first being the sweep's iteration number `first`;
//                                  iteration i of them leaves out the margin + i outermost slabs on either
//                                  side, which may be stale
//   store(strip)                   writes the results of the strip's own slabs
//   row, n_moving                  the fields of a row, and how many of them, from the first,
//                                  change and must be exchanged

// The work on a volume, in steps: first all strips are loaded, then iterations and the exchange of
// halos take turns. A step may be taken on the strips in any order and by any thread, once the step
// before has been taken on all.
template <class Job>
class Steps {
 public:
  Steps(const Job& job, const std::vector<Strip>& strips, int64_t n_iter)
      : job_(job), strips_(strips), n_iter_(n_iter) {}

  int64_t count() const {
    const int64_t halo = strips_.front().halo;
    return 1 + std::max<int64_t>(2 * ((n_iter_ + halo - 1) / halo) - 1, 1);
  }

  void take(int64_t step, size_t i) const {
    const Strip& strip = strips_[i];
    if (step == 0) return job_.load(strip);
    if (step % 2 == 0) {
      const Strip& before = strips_[(i + strips_.size() - 1) % strips_.size()];
      const Strip& after = strips_[(i + 1) % strips_.size()];
      strip.copy(0, before, before.own, strip.halo, job_.n_moving);
      strip.copy(strip.halo + strip.own, after, after.halo, strip.halo, job_.n_moving);
      return;
    }
    const int64_t begin = (step - 1) / 2 * strip.halo, end = std::min(begin + strip.halo, n_iter_);
    for (int64_t k = begin; k < end; k += kWave) {
      job_.wave(strip, k, std::min(kWave, end - k), strip.halo - (end - k));
    }
    if (end == n_iter_) job_.store(strip);
  }

 private:
  const Job& job_;
  const std::vector<Strip>& strips_;
  int64_t n_iter_;
};

// n_iter iterations on each of the volumes [begin, end), in turn; the threads share each of them.
template <class Job>
void sweep_shared(const Exec& exec, const Slabs& slabs, int n_strips, int64_t begin, int64_t end,
                  int64_t n_iter, const Job& job) {
  int64_t n_floats = 0;  // fewer strips have fewer halos and need no more
  for (int i = 0; i < n_strips; ++i) n_floats += make_strip(slabs, job.row, 0, i, n_strips, nullptr).floats();
  const Scratch<float> scratch(exec, n_floats);
  for (int64_t volume = begin; volume < end; ++volume) {
    const int n = threads_now(n_strips);
    std::vector<Strip> strips;
    float* memory = scratch.data();
    for (int i = 0; i < n; ++i) {
      strips.push_back(make_strip(slabs, job.row, volume, i, n, memory));
      memory += strips.back().floats();
    }
    const Steps<Job> steps(job, strips, n_iter);
    for (int64_t step = 0; step < steps.count(); ++step) {
      parallel_for(Exec{n}, n, 1, [&](int64_t i, int64_t) { steps.take(step, static_cast<size_t>(i)); });
    }
  }
}

// n_iter iterations on each of the volumes [0, end); a thread takes one after the other and never meets the
// others.
template <class Job>
void sweep_whole(const Exec& exec, const Slabs& slabs, int64_t end, int64_t n_iter, const Job& job) {
  const int64_t n_floats = make_strip(slabs, job.row, 0, 0, 1, nullptr).floats();
  parallel_for<float>(exec, end, 1, n_floats, [&](int64_t volume, int64_t, float* scratch) {
    const std::vector<Strip> strip = {make_strip(slabs, job.row, volume, 0, 1, scratch)};
    const Steps<Job> steps(job, strip, n_iter);
    for (int64_t step = 0; step < steps.count(); ++step) steps.take(step, 0);
  });
}

// n_iter iterations on every volume. As many as go evenly around the threads stay whole; the rest are shared,
// each split only where a thread gets enough work to pay for the meetings.
template <class Job>
void sweep(const Exec& exec, const Slabs& slabs, int64_t n_iter, const Job& job) {
  constexpr int64_t kMinPixels = 2048, kMinSlabs = 4, kSmallPixels = 16384;
  const int64_t pixels = slabs.n_slabs * slabs.n_lines * slabs.width;
  const int64_t n_strips =
      std::min<int64_t>({exec.n_threads, pixels / kMinPixels, slabs.n_slabs / kMinSlabs});
  int64_t n_whole = slabs.n_volumes;
  const bool small = slabs.n_volumes >= exec.n_threads && pixels <= kSmallPixels;
  if (n_strips > 1 && !small) n_whole -= slabs.n_volumes % exec.n_threads;
  sweep_whole(exec, slabs, n_whole, n_iter, job);
  if (n_whole < slabs.n_volumes) {
    sweep_shared(exec, slabs, static_cast<int>(n_strips), n_whole, slabs.n_volumes, n_iter, job);
  }
}

// The forward sweep. Fields of a row: x, x_bar, p, q of each axis; then z and lambda of each axis, or one
// where the axes share it.
struct ForwardJob {
  ForwardJob(const PdhgProblem<float>& the_problem, const PdhgParams& the_params,
             const PdhgFields<float>& the_fields, const PdhgTapeView<float>& the_tape)
      : problem(the_problem),
        params(the_params),
        fields(the_fields),
        tape(the_tape),
        slabs(fields.x.extent, params.axes),
        n_lambda(problem.lambda.size(1)) {}

  static constexpr int64_t kX = 0, kXBar = 1, kP = 2, kQ = 3;
  const PdhgProblem<float>& problem;
  const PdhgParams& params;
  const PdhgFields<float>& fields;
  const PdhgTapeView<float>& tape;
  Slabs slabs;
  int64_t n_lambda;
  int64_t n_moving = kQ + slabs.A;
  int64_t z = n_moving, lambda = z + 1;
  // Neighbours of x_bar lie behind it, those of q along W in front of that.
  Line row{slabs, lambda + n_lambda, 1u << kX | 1u << kP | 1u << (kQ + slabs.A - 1)};
  int64_t lambda_of(int64_t a) const { return lambda + (n_lambda == 1 ? 0 : a); }

  void load(const Strip& strip) const;
  void wave(const Strip& strip, int64_t first, int64_t n, int64_t margin) const;  // pdhg_fused_forward.cpp
  void store(const Strip& strip) const;
};

// The adjoint sweep. Fields of a row: c, ab, ap, aq of each axis; then the sums lambda^ of each axis, or one
// where the axes share it, z^ where it is wanted, and for the steps r, x_bar and z.
struct AdjointJob {
  AdjointJob(View5<const float> the_picture, const PdhgParams& the_params,
             const PdhgTapeView<float>& the_tape, View5<const float> the_grad_x,
             const PdhgGradients<float>& the_grads, PdhgStepGradients* the_slab_sums)
      : picture(the_picture),
        params(the_params),
        tape(the_tape),
        grad_x(the_grad_x),
        grads(the_grads),
        slab_sums(the_slab_sums),
        slabs(grad_x.extent, params.axes),
        n_lambda(grads.lambda.size(1)) {}

  static constexpr int64_t kC = 0, kAb = 1, kAp = 2, kAq = 3;
  View5<const float> picture;
  const PdhgParams& params;
  const PdhgTapeView<float>& tape;
  View5<const float> grad_x;
  const PdhgGradients<float>& grads;
  PdhgStepGradients* slab_sums;  // [n_volumes, n_slabs], null: the steps are fixed
  Slabs slabs;
  int64_t n_lambda;
  int64_t n_moving = kAq + slabs.A;
  int64_t lambda = n_moving, z_sum = lambda + n_lambda;
  int64_t r = z_sum + (grads.z.data != nullptr ? 1 : 0), x_bar = r + 1, z = r + 2;
  // Neighbours of c and x_bar lie behind them, those of aq along W in front of that.
  Line row{slabs, slab_sums != nullptr ? z + 1 : r,
           1u << kC | 1u << kAb | 1u << (kAq + slabs.A - 1) | 1u << z};
  int64_t lambda_of(int64_t a) const { return lambda + (n_lambda == 1 ? 0 : a); }

  void load(const Strip& strip) const;
  // pdhg_fused_adjoint.cpp. Iterations count from the end of the run here: number 0 is iteration n_iter - 1.
  void wave(const Strip& strip, int64_t first, int64_t n, int64_t margin) const;
  void store(const Strip& strip) const;
};

}  // namespace primal::cpu::fused
