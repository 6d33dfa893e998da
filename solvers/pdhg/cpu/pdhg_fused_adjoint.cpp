// Fused adjoint of PDHG for f32: one step back is one sweep over slabs in cache (pdhg_fused.h), with c in the
// place that x_bar has in the forward sweep. For each slab
//   pass A   bq = aq - tau G c, lambda^ += s o bq, av = bq where inside
//   pass B   bp, z^, ab and the next c, from av of this slab and of the one before
// both at once where a slab is a row of a picture.
// ax is not kept: c <- ax + (1 + theta) ab = (c - theta ab) + (1 + theta) (sigma (G' av + ap)), where
// ap = bp / (1 + sigma), and at the start ax + ab = c - theta ab. Sums for the steps as in pdhg_kernels.h:
// over the vectors of a row in f32, rows in double.
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "solvers/pdhg/cpu/pdhg_fused_adjoint.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h comes first: it includes this file once per instruction set.
#include "solvers/pdhg/cpu/pdhg_fused-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::fused::HWY_NAMESPACE {
namespace {

using Place = PlaceOf<AdjointJob>;

// A line of x^j; z where j is 0 or -1.
const float* iterate(const Place& at, int64_t j) {
  if (j <= 0) return at.field(at.job.z);
  const Slabs::Row row = at.row();
  return at.job.tape.x_row(row.n, j - 1, row.d, row.h);
}

PdhgStepGradients& sums_of(const Place& at) {
  return at.job.slab_sums[at.strip.volume * at.job.slabs.n_slabs + at.strip.global(at.slab)];
}

double sum_lanes(Tag d, Vec v) {
  HWY_ALIGN float lane[kVector];
  hn::Store(v, d, lane);
  double sum = 0.0;
  for (size_t i = 0; i < hn::Lanes(d); ++i) sum += lane[i];
  return sum;
}

// x_bar^k = x^k + theta (x^k - x^(k-1)) of one line, from the tape.
void restore_x_bar(const Place& at) {
  const Tag d;
  const Vec theta = hn::Set(d, static_cast<float>(at.job.params.theta));
  const float* now = iterate(at, at.k);
  const float* before = iterate(at, at.k - 1);
  float* x_bar = at.field(at.job.x_bar);
  const Place ahead{at.job, at.strip, at.slab + 2, at.line,
                    at.k};  // asked for early: the tape comes from memory
  const float *next_now = iterate(ahead, at.k), *next_before = iterate(ahead, at.k - 1);
  for (int64_t w = 0; w < at.job.slabs.padded; w += static_cast<int64_t>(hn::Lanes(d))) {
    __builtin_prefetch(next_now + w);
    __builtin_prefetch(next_before + w);
    const Vec x = hn::LoadU(d, now + w);
    hn::Store(hn::MulAdd(theta, hn::Sub(x, hn::LoadU(d, before + w)), x), d, x_bar + w);
  }
  x_bar[at.job.slabs.width] = x_bar[0];
}

// av of one vector from its aq and the difference of c along the component's axis; s o bq is added to
// lambda_sum.
HWY_INLINE Vec dual_step(Vec tau, Vec difference, Vec aq, const CodeWord& word, size_t u, Vec& lambda_sum) {
  const Tag d;
  const Mask above = load_bits(d, &word.above, u), below = load_bits(d, &word.below, u);
  const Vec bq = hn::NegMulAdd(tau, difference, aq);
  lambda_sum = hn::Sub(hn::Add(lambda_sum, hn::IfThenElseZero(above, bq)), hn::IfThenElseZero(below, bq));
  return hn::IfThenZeroElse(hn::Or(above, below), bq);
}

// The sums for the steps over one line, where they are learnt.
template <bool kSteps>
struct StepSums {
  explicit StepSums(const Place& at) {
    if (!kSteps) return;
    x_after = iterate(at, at.k + 1), x_now = iterate(at, at.k);
    x_bar = at.field(at.job.x_bar), z = at.field(at.job.z), r = at.field(at.job.r);
  }

  // The pixels of the vector at w that lie in the picture.
  HWY_INLINE Mask inside(const Place& at, int64_t w) const {
    return hn::FirstN(Tag(), static_cast<size_t>(std::max<int64_t>(at.job.slabs.width - w, 0)));
  }
  // x_bar_ahead is one step along the component's axis.
  HWY_INLINE void add_dual(const Place& at, int64_t w, Vec av, const float* x_bar_ahead) {
    if (!kSteps) return;
    const Tag d;
    const Vec difference = hn::Sub(hn::LoadU(d, x_bar_ahead + w), hn::Load(d, x_bar + w));
    dual = hn::MulAdd(hn::IfThenElseZero(inside(at, w), av), difference, dual);
  }
  HWY_INLINE void add_primal(const Place& at, int64_t w, Vec a, Vec c_old, Vec ab_old, Vec ap_new) {
    if (!kSteps) return;
    const Tag d;
    const Mask in = inside(at, w);
    const Vec moved = hn::IfThenElseZero(in, hn::Sub(hn::LoadU(d, x_after + w), hn::LoadU(d, x_now + w)));
    tau = hn::MulAdd(c_old, moved, tau);
    theta = hn::MulAdd(ab_old, moved, theta);
    const Vec r_old = hn::Load(d, r + w);
    const Vec r_new = hn::MulAdd(a, r_old, ap_new);
    hn::Store(r_new, d, r + w);
    const Vec residual = hn::IfThenElseZero(in, hn::Sub(hn::Load(d, x_bar + w), hn::Load(d, z + w)));
    primal = hn::MulAdd(hn::Sub(r_new, r_old), residual, primal);
  }
  void finish(const Place& at) const {
    if (!kSteps) return;
    const Tag d;
    PdhgStepGradients& sums = sums_of(at);
    sums.sigma += sum_lanes(d, dual) + sum_lanes(d, primal) / (1.0 + at.job.params.sigma);
    sums.tau += sum_lanes(d, tau) / at.job.params.tau;
    sums.theta += sum_lanes(d, theta);
  }

  const float *x_after = nullptr, *x_now = nullptr, *x_bar = nullptr, *z = nullptr;
  float* r = nullptr;
  Vec dual = hn::Zero(Tag()), primal = dual, tau = dual, theta = dual;
};

// One component of pass A; c_ahead and x_bar_ahead are one step along its axis.
template <bool kSteps>
void dual_row(const Place& at, int64_t a, const CodeWord* codes, const float* c_ahead,
              const float* x_bar_ahead) {
  const Tag d;
  const AdjointJob& job = at.job;
  const Vec tau = hn::Set(d, static_cast<float>(job.params.tau));
  const float* c = at.field(AdjointJob::kC);
  float* aq = at.field(AdjointJob::kAq + a);
  float* lambda_sum = at.own() ? at.field(job.lambda_of(a)) : nullptr;
  StepSums<kSteps> steps(at);
  for (int64_t w = 0; w < job.slabs.padded; w += kVector) {
    for (size_t u = 0; u < kVector; u += hn::Lanes(d)) {
      const int64_t i = w + static_cast<int64_t>(u);
      const Vec difference = hn::Sub(hn::LoadU(d, c_ahead + i), hn::Load(d, c + i));
      Vec sum = lambda_sum ? hn::Load(d, lambda_sum + i) : hn::Zero(d);
      const Vec av = dual_step(tau, difference, hn::Load(d, aq + i), codes[w / kVector], u, sum);
      if (lambda_sum) hn::Store(sum, d, lambda_sum + i);
      hn::Store(av, d, aq + i);
      steps.add_dual(at, i, av, x_bar_ahead);
    }
  }
  steps.finish(at);
}

// Pass A over one line of a slab.
template <bool kSteps>
void pass_a(const Place& at) {
  const AdjointJob& job = at.job;
  const Slabs& slabs = job.slabs;
  const int64_t last = slabs.A - 1, x_bar = kSteps ? job.x_bar : AdjointJob::kC;
  const Slabs::Row row = at.row();
  const CodeWord* codes = job.tape.code_row(row.n, at.k, row.d, row.h, 0);
  const int64_t words = slabs.padded / kVector;
  const Place ahead{job, at.strip, at.slab + 1, at.line, at.k};
  dual_row<kSteps>(at, 0, codes, ahead.field(AdjointJob::kC), ahead.field(x_bar));
  if (slabs.frames) {
    const Place next{job, at.strip, at.slab, at.line + 1 < slabs.n_lines ? at.line + 1 : 0, at.k};
    dual_row<kSteps>(at, 1, codes + words, next.field(AdjointJob::kC), next.field(x_bar));
  }
  dual_row<kSteps>(at, last, codes + last * words, at.field(AdjointJob::kC) + 1, at.field(x_bar) + 1);
  float* aq_w = at.field(AdjointJob::kAq + last);
  aq_w[-1] = aq_w[slabs.width - 1];
}

// The rows of one line that pass B works on.
struct PrimalRows {
  explicit PrimalRows(const Place& at)
      : c(at.field(AdjointJob::kC)), ab(at.field(AdjointJob::kAb)), ap(at.field(AdjointJob::kAp)) {
    const Tag d;
    const float s = static_cast<float>(at.job.params.sigma), t = static_cast<float>(at.job.params.theta);
    a = hn::Set(d, 1.0f / (1.0f + s)), sigma = hn::Set(d, s);
    tau = hn::Set(d, static_cast<float>(at.job.params.tau));
    theta = hn::Set(d, t), one_plus_theta = hn::Set(d, 1.0f + t);
  }
  float *c, *ab, *ap;
  Vec a, sigma, tau, theta, one_plus_theta;

  // ap, ab and c of the vector at w, whose c, ab and G' av are given; returns the new ap.
  HWY_INLINE Vec step(int64_t w, Vec c_old, Vec ab_old, Vec div) const {
    const Tag d;
    const Vec bp = hn::NegMulAdd(tau, c_old, hn::Load(d, ap + w));
    const Vec ap_new = hn::Mul(a, bp);
    const Vec ab_new = hn::Mul(sigma, hn::Add(div, ap_new));
    hn::Store(ap_new, d, ap + w);
    hn::Store(ab_new, d, ab + w);
    hn::Store(hn::MulAdd(one_plus_theta, ab_new, hn::NegMulAdd(theta, ab_old, c_old)), d, c + w);
    return ap_new;
  }
};

// Pass B over one line of a frame.
template <bool kSteps>
void pass_b(const Place& at) {
  const Tag d;
  const AdjointJob& job = at.job;
  const Slabs& slabs = job.slabs;
  const PrimalRows rows(at);
  const float* av_slab = at.field(AdjointJob::kAq);
  const float* av_slab_before = at.strip.field(at.slab - 1, at.line, AdjointJob::kAq);
  const float* av_w = at.field(AdjointJob::kAq + slabs.A - 1);
  const int64_t line_before = (at.line > 0 ? at.line : slabs.n_lines) - 1;
  const float* av_line = at.field(AdjointJob::kAq + 1);
  const float* av_line_before = at.strip.field(at.slab, line_before, AdjointJob::kAq + 1);
  float* z_sum = job.grads.z.data && at.own() ? at.field(job.z_sum) : nullptr;
  StepSums<kSteps> steps(at);
  for (int64_t w = 0; w < slabs.padded; w += static_cast<int64_t>(hn::Lanes(d))) {
    // G' av
    Vec div = hn::Sub(hn::Load(d, av_slab_before + w), hn::Load(d, av_slab + w));
    div = hn::Add(div, hn::Sub(hn::LoadU(d, av_w + w - 1), hn::Load(d, av_w + w)));
    div = hn::Add(div, hn::Sub(hn::Load(d, av_line_before + w), hn::Load(d, av_line + w)));
    const Vec c = hn::Load(d, rows.c + w), ab = hn::Load(d, rows.ab + w);
    const Vec ap_new = rows.step(w, c, ab, div);
    if (z_sum) hn::Store(hn::NegMulAdd(rows.sigma, ap_new, hn::Load(d, z_sum + w)), d, z_sum + w);
    steps.add_primal(at, w, rows.a, c, ab, ap_new);
  }
  rows.c[slabs.width] = rows.c[0];
  steps.finish(at);
}

// Both passes over one row of a picture at once, as in the forward sweep. kOwn: lambda^ is summed,
// and z^ where it is wanted.
template <bool kOwn, bool kSharedLambda, bool kSteps>
void both_passes(const Place& at) {
  const Tag d;
  const AdjointJob& job = at.job;
  const Slabs& slabs = job.slabs;
  const PrimalRows rows(at);
  const float* c_next = at.strip.field(at.slab + 1, 0, AdjointJob::kC);
  const float* av_slab_before = at.strip.field(at.slab - 1, 0, AdjointJob::kAq);
  float *aq_slab = at.field(AdjointJob::kAq), *aq_w = at.field(AdjointJob::kAq + 1);
  float *lambda_slab = at.field(job.lambda_of(0)), *lambda_w = at.field(job.lambda_of(1));
  float* z_sum = kOwn && job.grads.z.data ? at.field(job.z_sum) : nullptr;
  const Slabs::Row row = at.row();
  const int64_t words = slabs.padded / kVector, last = slabs.width - 1;
  const CodeWord* codes_slab = job.tape.code_row(row.n, at.k, row.d, row.h, 0);
  const CodeWord* codes_w = codes_slab + words;
  for (int64_t i = 0; i < 2 * words; i += 16)
    __builtin_prefetch(codes_slab + 2 * words + i);  // the next row's
  const auto bits = static_cast<size_t>(last % kVector);

  // av of the last pixel, the left neighbour of the first.
  const CodeWord& last_code = codes_w[last / kVector];
  const bool inside = ((last_code.above | last_code.below) >> bits & 1) == 0;
  const Vec last_bq = hn::NegMulAdd(rows.tau, hn::Sub(hn::Set(d, rows.c[last + 1]), hn::Set(d, rows.c[last])),
                                    hn::Set(d, aq_w[last]));
  Vec left = inside ? last_bq : hn::Zero(d);
  StepSums<kSteps> steps(at);
  const float* x_bar_next = kSteps ? at.strip.field(at.slab + 1, 0, job.x_bar) : nullptr;
  for (int64_t word = 0; word < words; ++word) {
    for (size_t u = 0; u < kVector; u += hn::Lanes(d)) {
      const int64_t w = word * kVector + static_cast<int64_t>(u);
      const Vec c = hn::Load(d, rows.c + w);
      Vec sum = kOwn ? hn::Load(d, lambda_slab + w) : hn::Zero(d);
      const Vec av_slab = dual_step(rows.tau, hn::Sub(hn::Load(d, c_next + w), c), hn::Load(d, aq_slab + w),
                                    codes_slab[word], u, sum);
      if (kOwn && !kSharedLambda) {
        hn::Store(sum, d, lambda_slab + w);
        sum = hn::Load(d, lambda_w + w);
      }
      const Vec av_w = dual_step(rows.tau, hn::Sub(hn::LoadU(d, rows.c + w + 1), c), hn::Load(d, aq_w + w),
                                 codes_w[word], u, sum);
      if (kOwn) hn::Store(sum, d, lambda_w + w);
      hn::Store(av_slab, d, aq_slab + w);
      hn::Store(av_w, d, aq_w + w);
      const Vec div =
          hn::Add(hn::Sub(hn::Load(d, av_slab_before + w), av_slab), hn::Sub(shift_in(d, av_w, left), av_w));
      const Vec ab = hn::Load(d, rows.ab + w), ap_new = rows.step(w, c, ab, div);
      if (z_sum) hn::Store(hn::NegMulAdd(rows.sigma, ap_new, hn::Load(d, z_sum + w)), d, z_sum + w);
      steps.add_dual(at, w, av_slab, x_bar_next);
      steps.add_dual(at, w, av_w, steps.x_bar + 1);
      steps.add_primal(at, w, rows.a, c, ab, ap_new);
    }
  }
  rows.c[slabs.width] = rows.c[0];
  steps.finish(at);
}

// Both passes over one slab for iteration k; pass B only where the slab before is valid.
void step_back(const AdjointJob& job, const Strip& strip, int64_t slab, int64_t k, bool with_b) {
  const bool steps = job.slab_sums != nullptr && strip.owns(slab);
  const int64_t last = job.slabs.n_lines - 1;
  if (steps && slab == strip.halo) {
    for (int64_t line = 0; line <= last; ++line) restore_x_bar(Place{job, strip, slab, line, k});
  }
  if (with_b && !job.slabs.frames) {
    if (steps) restore_x_bar(Place{job, strip, slab + 1, 0, k});
    const bool shared = job.n_lambda == 1;
    const auto both = !strip.owns(slab) ? both_passes<false, false, false>
                      : shared ? (steps ? both_passes<true, true, true> : both_passes<true, true, false>)
                               : (steps ? both_passes<true, false, true> : both_passes<true, false, false>);
    return both({job, strip, slab, 0, k});
  }
  // Pass B of a line needs pass A of the line before, around the ring, and pass A of a line the line after as
  // it was.
  const auto dual = [&](int64_t line) {
    if (steps) restore_x_bar(Place{job, strip, slab + 1, line, k});
    (steps ? pass_a<true> : pass_a<false>)(Place{job, strip, slab, line, k});
  };
  dual(last);
  for (int64_t line = 0; line <= last; ++line) {
    if (line < last) dual(line);
    if (with_b) (steps ? pass_b<true> : pass_b<false>)(Place{job, strip, slab, line, k});
  }
}

void adjoint_wave(const AdjointJob& job, const Strip& strip, int64_t first, int64_t n, int64_t margin) {
  wave(strip, n, margin, [&](int64_t slab, int64_t i, bool with_b) {
    step_back(job, strip, slab, job.params.n_iter - 1 - (first + i), with_b);
  });
}

}  // namespace
}  // namespace primal::cpu::fused::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu::fused {

HWY_EXPORT(adjoint_wave);

void AdjointJob::wave(const Strip& strip, int64_t first, int64_t n, int64_t margin) const {
  HWY_DYNAMIC_DISPATCH(adjoint_wave)(*this, strip, first, n, margin);
}

}  // namespace primal::cpu::fused
#endif  // HWY_ONCE
