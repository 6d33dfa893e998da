// Fused forward PDHG for f32: an iteration is one sweep over slabs in cache (pdhg_fused.h). For each slab
//   pass A   q+ = clip(q + sigma G x_bar, -lambda, lambda), and its codes
//   pass B   p+, x+ and x_bar+, from q+ of this slab and of the one before
// with p+ = a p + b (x_bar - z), a = 1 / (1 + sigma), b = sigma / (1 + sigma). Every multiply-add is spelled out, so that
// no compiler's choice makes two copies of a row differ.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "solvers/pdhg/pdhg_fused_forward.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first: it includes this file once per instruction set.
#include "solvers/pdhg/pdhg_fused-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::fused::HWY_NAMESPACE {

// The slab, the line and the iteration a pass works on.
struct Place {
  const ForwardJob& job;
  const Strip& strip;
  int64_t slab, line, k;

  float* field(int64_t f) const { return strip.field(slab, line, f); }
};

// v = q + sigma (ahead - x_bar) of 16 pixels, clipped in place; ahead is x_bar one step along the component's axis.
HWY_INLINE void dual_step(Vec sigma, const float* x_bar, const float* ahead, const float* lambda, float* q,
                          CodeWord* code) {
  const Tag d;
  for (size_t u = 0; u < kVector; u += hn::Lanes(d)) {
    const Vec difference = hn::Sub(hn::LoadU(d, ahead + u), hn::Load(d, x_bar + u));
    const Vec v = hn::MulAdd(sigma, difference, hn::Load(d, q + u));
    const Vec bound = hn::Load(d, lambda + u);
    const Mask above = hn::Gt(v, bound), below = hn::Lt(v, hn::Neg(bound));
    hn::Store(hn::IfThenElse(above, bound, hn::IfThenElse(below, hn::Neg(bound), v)), d, q + u);
    if (code) {
      store_bits(d, above, &code->above, u);
      store_bits(d, below, &code->below, u);
    }
  }
}

// Pass A over one line of a slab.
template <bool kFrames, bool kCodes>
void pass_a(const Place& at) {
  const Slabs& slabs = at.job.slabs;
  const int64_t last = slabs.A - 1, words = slabs.padded / kVector;
  const Vec sigma = hn::Set(Tag(), static_cast<float>(at.job.params.sigma));
  const float* x_bar = at.field(ForwardJob::kXBar);
  const float* next_slab = at.strip.field(at.slab + 1, at.line, ForwardJob::kXBar);
  const int64_t line_after = at.line + 1 < slabs.n_lines ? at.line + 1 : 0;
  const float* next_line = at.strip.field(at.slab, line_after, ForwardJob::kXBar);
  const float* lambda_slab = at.field(at.job.lambda_of(0));
  const float* lambda_line = at.field(at.job.lambda_of(1));
  const float* lambda_w = at.field(at.job.lambda_of(last));
  float* q_slab = at.field(ForwardJob::kQ);
  float* q_line = at.field(ForwardJob::kQ + 1);
  float* q_w = at.field(ForwardJob::kQ + last);
  CodeWord* codes = nullptr;
  if (kCodes) {
    const Slabs::Row row = slabs.row(at.strip.volume, at.strip.global(at.slab), at.line);
    codes = at.job.tape.code_row(row.n, at.k, row.d, row.h, 0);
  }
  for (int64_t w = 0, i = 0; w < slabs.padded; w += kVector, ++i) {
    const auto code_of = [&](int64_t a) { return kCodes ? codes + a * words + i : nullptr; };
    dual_step(sigma, x_bar + w, next_slab + w, lambda_slab + w, q_slab + w, code_of(0));
    if (kFrames) dual_step(sigma, x_bar + w, next_line + w, lambda_line + w, q_line + w, code_of(1));
    dual_step(sigma, x_bar + w, x_bar + w + 1, lambda_w + w, q_w + w, code_of(last));
  }
  q_w[-1] = q_w[slabs.width - 1];
}

// Pass B over one line of a slab.
template <bool kFrames>
void pass_b(const Place& at) {
  const Tag d;
  const ForwardJob& job = at.job;
  const Slabs& slabs = job.slabs;
  const float s = static_cast<float>(job.params.sigma);
  const Vec a = hn::Set(d, 1.0f / (1.0f + s)), b = hn::Set(d, s / (1.0f + s));
  const Vec tau = hn::Set(d, static_cast<float>(job.params.tau));
  const Vec theta = hn::Set(d, static_cast<float>(job.params.theta));
  float* x = at.field(ForwardJob::kX);
  float* x_bar = at.field(ForwardJob::kXBar);
  float* p = at.field(ForwardJob::kP);
  const float* z = at.field(job.z);
  const float* q_slab = at.field(ForwardJob::kQ);
  const float* q_slab_before = at.strip.field(at.slab - 1, at.line, ForwardJob::kQ);
  const float* q_w = at.field(ForwardJob::kQ + slabs.A - 1);
  const int64_t line_before = (at.line > 0 ? at.line : slabs.n_lines) - 1;
  const float* q_line = at.field(ForwardJob::kQ + 1);
  const float* q_line_before = at.strip.field(at.slab, line_before, ForwardJob::kQ + 1);
  for (int64_t w = 0; w < slabs.padded; w += static_cast<int64_t>(hn::Lanes(d))) {
    // G' q+
    Vec div = hn::Sub(hn::Load(d, q_slab_before + w), hn::Load(d, q_slab + w));
    div = hn::Add(div, hn::Sub(hn::LoadU(d, q_w + w - 1), hn::Load(d, q_w + w)));
    if (kFrames) div = hn::Add(div, hn::Sub(hn::Load(d, q_line_before + w), hn::Load(d, q_line + w)));
    const Vec residual = hn::Sub(hn::Load(d, x_bar + w), hn::Load(d, z + w));
    const Vec p_new = hn::MulAdd(a, hn::Load(d, p + w), hn::Mul(b, residual));
    const Vec x_old = hn::Load(d, x + w);
    const Vec x_new = hn::NegMulAdd(tau, hn::Add(p_new, div), x_old);
    hn::Store(p_new, d, p + w);
    hn::Store(x_new, d, x + w);
    hn::Store(hn::MulAdd(theta, hn::Sub(x_new, x_old), x_new), d, x_bar + w);
  }
  x_bar[slabs.width] = x_bar[0];
  if (job.tape.x && at.strip.owns(at.slab)) {
    const Slabs::Row row = slabs.row(at.strip.volume, at.strip.global(at.slab), at.line);
    std::memcpy(job.tape.x_row(row.n, at.k, row.d, row.h), x,
                static_cast<size_t>(slabs.padded) * sizeof(float));
  }
}

// One iteration on one slab; pass B only where the slab before is valid.
template <bool kFrames>
void step(const ForwardJob& job, const Strip& strip, int64_t slab, int64_t k, bool with_b) {
  const bool codes = job.tape.codes && strip.owns(slab);
  for (int64_t line = 0; line < job.slabs.n_lines; ++line) {
    const Place at{job, strip, slab, line, k};
    codes ? pass_a<kFrames, true>(at) : pass_a<kFrames, false>(at);
  }
  if (!with_b) return;
  for (int64_t line = 0; line < job.slabs.n_lines; ++line) pass_b<kFrames>({job, strip, slab, line, k});
}

// n iterations on a strip as one wave. Before iteration i of them, slabs [margin + i, n_local - margin - i) are valid; pass
// A needs the slab after, pass B the slab before.
void forward_wave(const ForwardJob& job, const Strip& strip, int64_t first, int64_t n, int64_t margin) {
  for (int64_t front = 0; front < strip.n_local() + n; ++front) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t slab = front - i, begin = margin + i, end = strip.n_local() - margin - i - 1;
      if (slab < begin || slab >= end) continue;
      job.slabs.frames ? step<true>(job, strip, slab, first + i, slab > begin)
                       : step<false>(job, strip, slab, first + i, slab > begin);
    }
  }
}

}  // namespace primal::cpu::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
namespace fused {

HWY_EXPORT(forward_wave);

void ForwardJob::wave(const Strip& strip, int64_t first, int64_t n, int64_t margin) const {
  HWY_DYNAMIC_DISPATCH(forward_wave)(*this, strip, first, n, margin);
}

void ForwardJob::load(const Strip& strip) const {
  std::memset(strip.memory, 0, strip.bytes());
  const BroadcastView<const float> z_view(problem.z), lambda_view(problem.lambda);
  const auto fill = [&](float* to, const float* from, int64_t step) {
    for (int64_t w = 0; w < slabs.width; ++w) to[w] = from[w * step];
  };
  for (int64_t local = 0; local < strip.n_local(); ++local) {
    for (int64_t line = 0; line < slabs.n_lines; ++line) {
      const auto [n, d, h] = slabs.row(strip.volume, strip.global(local), line);
      fill(strip.field(local, line, kX), &fields.x(n, 0, d, h, 0), 1);
      float* x_bar = strip.field(local, line, kXBar);
      fill(x_bar, &fields.x_bar(n, 0, d, h, 0), 1);
      x_bar[slabs.width] = x_bar[0];
      fill(strip.field(local, line, kP), &fields.p(n, 0, d, h, 0), 1);
      for (int64_t a = 0; a < slabs.A; ++a) {
        fill(strip.field(local, line, kQ + a), &fields.q(n, a, d, h, 0), 1);
        fill(strip.field(local, line, lambda_of(a)), lambda_view.row(n, a, d, h), lambda_view.step());
      }
      fill(strip.field(local, line, z), z_view.row(n, 0, d, h), z_view.step());
    }
  }
}

void ForwardJob::store(const Strip& strip) const {
  for (int64_t local = strip.halo; local < strip.halo + strip.own; ++local) {
    for (int64_t line = 0; line < slabs.n_lines; ++line) {
      const auto [n, d, h] = slabs.row(strip.volume, strip.global(local), line);
      const auto copy = [&](int64_t field, float* to) {
        std::memcpy(to, strip.field(local, line, field), static_cast<size_t>(slabs.width) * sizeof(float));
      };
      copy(kX, &fields.x(n, 0, d, h, 0));
      copy(kXBar, &fields.x_bar(n, 0, d, h, 0));
      copy(kP, &fields.p(n, 0, d, h, 0));
      for (int64_t a = 0; a < slabs.A; ++a) copy(kQ + a, &fields.q(n, a, d, h, 0));
    }
  }
}

}  // namespace fused

bool pdhg_fused_supports(const PdhgGeometry& geometry) {
  return geometry.axes == Axes{3, 4} || geometry.axes == Axes{2, 3, 4};
}

void pdhg_forward_fused(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
                        const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  const fused::ForwardJob job(problem, params, fields, tape);
  fused::sweep(exec, job.slabs, params.n_iter, job);
}

}  // namespace primal::cpu
#endif  // HWY_ONCE
