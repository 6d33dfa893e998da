// Fused forward PDHG for f32: an iteration is one sweep over slabs in cache (pdhg_fused.h). For each slab
//   pass A   q+ = clip(q + sigma G x_bar, -lambda, lambda), and its codes
//   pass B   p+, x+ and x_bar+, from q+ of this slab and of the one before
// both at once where a slab is a row of a picture: what pass A made is still in registers for pass B. Here
// p+ = a p + b (x_bar - z), a = 1 / (1 + sigma), b = sigma / (1 + sigma). Every multiply-add is spelled out,
// so that no compiler's choice makes two copies of a row differ.
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "solvers/pdhg/cpu/pdhg_fused_forward.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first: it includes this file once per instruction set.
#include "solvers/pdhg/cpu/pdhg_fused-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::fused::HWY_NAMESPACE {
namespace {

using Place = PlaceOf<ForwardJob>;

struct Constants {
  explicit Constants(const PdhgParams& params)
      : Constants(static_cast<float>(params.sigma), static_cast<float>(params.tau),
                  static_cast<float>(params.theta)) {}
  Constants(float s, float t, float th)
      : sigma(hn::Set(Tag(), s)),
        a(hn::Set(Tag(), 1.0f / (1.0f + s))),
        b(hn::Set(Tag(), s / (1.0f + s))),
        tau(hn::Set(Tag(), t)),
        theta(hn::Set(Tag(), th)) {}
  Vec sigma, a, b, tau, theta;
};

// q+ of one vector, and its codes at pixel u of a block; difference is that of x_bar along the component's
// axis.
HWY_INLINE Vec dual_step(Vec sigma, Vec difference, Vec q, Vec bound, CodeWord* code, size_t u) {
  const Tag d;
  const Vec v = hn::MulAdd(sigma, difference, q);
  const Mask above = hn::Gt(v, bound), below = hn::Lt(v, hn::Neg(bound));
  if (code) {
    store_bits(d, above, &code->above, u);
    store_bits(d, below, &code->below, u);
  }
  return hn::IfThenElse(above, bound, hn::IfThenElse(below, hn::Neg(bound), v));
}

// The rows of one line that pass B works on.
struct PrimalRows {
  explicit PrimalRows(const Place& at)
      : x(at.field(ForwardJob::kX)),
        x_bar(at.field(ForwardJob::kXBar)),
        p(at.field(ForwardJob::kP)),
        z(at.field(at.job.z)) {
    if (at.job.tape.x == nullptr || !at.own()) return;
    const Slabs::Row row = at.row();
    x_tape = at.job.tape.x_row(row.n, at.k, row.d, row.h);
  }
  float *x, *x_bar, *p;
  const float* z;
  float* x_tape = nullptr;  // where x+ is kept too

  // p+, x+ and x_bar+ of the vector at w, whose x_bar and G' q+ are given.
  HWY_INLINE void step(Constants k, int64_t w, Vec x_bar_old, Vec div) const {
    const Tag d;
    const Vec residual = hn::Sub(x_bar_old, hn::Load(d, z + w));
    const Vec p_new = hn::MulAdd(k.a, hn::Load(d, p + w), hn::Mul(k.b, residual));
    const Vec x_old = hn::Load(d, x + w);
    const Vec x_new = hn::NegMulAdd(k.tau, hn::Add(p_new, div), x_old);
    hn::Store(p_new, d, p + w);
    hn::Store(x_new, d, x + w);
    if (x_tape)
      hn::Stream(x_new, d, x_tape + w);  // past the cache: it is read when all of the tape is written
    hn::Store(hn::MulAdd(k.theta, hn::Sub(x_new, x_old), x_new), d, x_bar + w);
  }
};

template <bool kCodes>
CodeWord* codes_of(const Place& at) {
  if (!kCodes) return nullptr;
  const Slabs::Row row = at.row();
  return at.job.tape.code_row(row.n, at.k, row.d, row.h, 0);
}

// Pass A over one line of a slab.
template <bool kCodes>
void pass_a(const Constants& constants, const Place& at) {
  const Tag d;
  const Constants k = constants;  // in registers
  const Slabs& slabs = at.job.slabs;
  const float* x_bar = at.field(ForwardJob::kXBar);
  const int64_t line_after = at.line + 1 < slabs.n_lines ? at.line + 1 : 0;
  CodeWord* codes = codes_of<kCodes>(at);
  const auto component = [&](int64_t a, const float* ahead) {
    const float* lambda = at.field(at.job.lambda_of(a));
    float* q = at.field(ForwardJob::kQ + a);
    for (int64_t w = 0; w < slabs.padded; w += kVector) {
      CodeWord* const code = kCodes ? codes++ : nullptr;
      for (size_t u = 0; u < kVector; u += hn::Lanes(d)) {
        const int64_t i = w + static_cast<int64_t>(u);
        const Vec difference = hn::Sub(hn::LoadU(d, ahead + i), hn::Load(d, x_bar + i));
        hn::Store(dual_step(k.sigma, difference, hn::Load(d, q + i), hn::Load(d, lambda + i), code, u), d,
                  q + i);
      }
    }
  };
  component(0, at.strip.field(at.slab + 1, at.line, ForwardJob::kXBar));
  if (slabs.frames) component(1, at.strip.field(at.slab, line_after, ForwardJob::kXBar));
  component(slabs.A - 1, x_bar + 1);
  float* q_w = at.field(ForwardJob::kQ + slabs.A - 1);
  q_w[-1] = q_w[slabs.width - 1];
}

// Pass B over one line of a frame.
void pass_b(const Constants& constants, const Place& at) {
  const Tag d;
  const Constants k = constants;  // in registers
  const Slabs& slabs = at.job.slabs;
  const PrimalRows rows(at);
  const float* q_slab = at.field(ForwardJob::kQ);
  const float* q_slab_before = at.strip.field(at.slab - 1, at.line, ForwardJob::kQ);
  const float* q_w = at.field(ForwardJob::kQ + slabs.A - 1);
  const int64_t line_before = (at.line > 0 ? at.line : slabs.n_lines) - 1;
  const float* q_line = at.field(ForwardJob::kQ + 1);
  const float* q_line_before = at.strip.field(at.slab, line_before, ForwardJob::kQ + 1);
  for (int64_t w = 0; w < slabs.padded; w += static_cast<int64_t>(hn::Lanes(d))) {
    Vec div = hn::Sub(hn::Load(d, q_slab_before + w), hn::Load(d, q_slab + w));
    div = hn::Add(div, hn::Sub(hn::LoadU(d, q_w + w - 1), hn::Load(d, q_w + w)));
    div = hn::Add(div, hn::Sub(hn::Load(d, q_line_before + w), hn::Load(d, q_line + w)));
    rows.step(k, w, hn::Load(d, rows.x_bar + w), div);
  }
  rows.x_bar[slabs.width] = rows.x_bar[0];
}

// Both passes over one row of a picture at once: pass B of a pixel needs q+ of its left neighbour, and pass
// A of none that pass B has been to. Only for the first pixel that neighbour is the last, whose q+ is
// therefore computed ahead.
template <bool kCodes>
void both_passes(const Constants& constants, const Place& at) {
  const Tag d;
  const Constants k = constants;  // in registers
  const Slabs& slabs = at.job.slabs;
  const PrimalRows rows(at);
  const float* next_slab = at.strip.field(at.slab + 1, 0, ForwardJob::kXBar);
  const float* q_slab_before = at.strip.field(at.slab - 1, 0, ForwardJob::kQ);
  const float *lambda_slab = at.field(at.job.lambda_of(0)), *lambda_w = at.field(at.job.lambda_of(1));
  float *q_slab = at.field(ForwardJob::kQ), *q_w = at.field(ForwardJob::kQ + 1);
  CodeWord* const codes = codes_of<kCodes>(at);
  const int64_t words = slabs.padded / kVector, last = slabs.width - 1;
  if (kCodes) {  // the next row's: stores wait for each other in order, so one that misses the cache holds up all
    for (int64_t i = 0; i < 2 * words; i += 16) __builtin_prefetch(codes + 2 * words + i, 1);
  }

  const auto at_last = [&](const float* row) { return hn::Set(d, row[last]); };
  Vec left = dual_step(k.sigma, hn::Sub(at_last(rows.x_bar + 1), at_last(rows.x_bar)), at_last(q_w),
                       at_last(lambda_w), nullptr, 0);
  for (int64_t word = 0; word < words; ++word) {
    CodeWord* const code_slab = kCodes ? codes + word : nullptr;
    CodeWord* const code_w = kCodes ? codes + words + word : nullptr;
    for (size_t u = 0; u < kVector; u += hn::Lanes(d)) {
      const int64_t w = word * kVector + static_cast<int64_t>(u);
      const Vec x_bar = hn::Load(d, rows.x_bar + w);
      const Vec q_slab_new = dual_step(k.sigma, hn::Sub(hn::Load(d, next_slab + w), x_bar),
                                       hn::Load(d, q_slab + w), hn::Load(d, lambda_slab + w), code_slab, u);
      const Vec q_w_new = dual_step(k.sigma, hn::Sub(hn::LoadU(d, rows.x_bar + w + 1), x_bar),
                                    hn::Load(d, q_w + w), hn::Load(d, lambda_w + w), code_w, u);
      hn::Store(q_slab_new, d, q_slab + w);
      hn::Store(q_w_new, d, q_w + w);
      const Vec div = hn::Add(hn::Sub(hn::Load(d, q_slab_before + w), q_slab_new),
                              hn::Sub(shift_in(d, q_w_new, left), q_w_new));
      rows.step(k, w, x_bar, div);
    }
  }
  rows.x_bar[slabs.width] = rows.x_bar[0];
}

// One iteration on one slab; pass B only where the slab before is valid.
template <bool kCodes>
void step(const Constants& constants, const ForwardJob& job, const Strip& strip, int64_t slab, int64_t k,
          bool with_b) {
  if (with_b && !job.slabs.frames) return both_passes<kCodes>(constants, {job, strip, slab, 0, k});
  // Pass B of a line needs pass A of the line before, around the ring, and pass A of a line the line after as
  // it was.
  const int64_t last = job.slabs.n_lines - 1;
  pass_a<kCodes>(constants, {job, strip, slab, last, k});
  for (int64_t line = 0; line <= last; ++line) {
    if (line < last) pass_a<kCodes>(constants, {job, strip, slab, line, k});
    if (with_b) pass_b(constants, {job, strip, slab, line, k});
  }
}

void forward_wave(const ForwardJob& job, const Strip& strip, int64_t first, int64_t n, int64_t margin) {
  const Constants constants(job.params);
  wave(strip, n, margin, [&](int64_t slab, int64_t i, bool with_b) {
    const bool codes = job.tape.codes && strip.owns(slab);
    const auto take = codes ? step<true> : step<false>;
    take(constants, job, strip, slab, first + i, with_b);
  });
}

}  // namespace
}  // namespace primal::cpu::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu::fused {

HWY_EXPORT(forward_wave);

void ForwardJob::wave(const Strip& strip, int64_t first, int64_t n, int64_t margin) const {
  HWY_DYNAMIC_DISPATCH(forward_wave)(*this, strip, first, n, margin);
}

}  // namespace primal::cpu::fused
#endif  // HWY_ONCE
