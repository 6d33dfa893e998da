// The fused kernels of PDHG on the CPU: what is compiled once, for all instruction sets. pdhg_fused.h says
// how they walk over a volume; pdhg_fused_forward.cpp and pdhg_fused_adjoint.cpp have the arithmetic.
#include "solvers/pdhg/cpu/pdhg_fused.h"

namespace primal::cpu {
namespace fused {

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

void AdjointJob::load(const Strip& strip) const {
  std::memset(strip.memory, 0, strip.bytes());
  const auto bytes = static_cast<size_t>(slabs.width) * sizeof(float);
  for (int64_t local = 0; local < strip.n_local(); ++local) {
    for (int64_t line = 0; line < slabs.n_lines; ++line) {
      const auto [n, d, h] = slabs.row(strip.volume, strip.global(local), line);
      float* c = strip.field(local, line, kC);
      std::memcpy(c, &grad_x(n, 0, d, h, 0), bytes);
      c[slabs.width] = c[0];
      if (slab_sums) std::memcpy(strip.field(local, line, z), &picture(n, 0, d, h, 0), bytes);
    }
  }
}

void AdjointJob::store(const Strip& strip) const {
  const bool noisy = params.p_start == PdhgStart::noisy;
  const auto theta = static_cast<float>(params.theta);
  for (int64_t local = strip.halo; local < strip.halo + strip.own; ++local) {
    for (int64_t line = 0; line < slabs.n_lines; ++line) {
      const auto [n, d, h] = slabs.row(strip.volume, strip.global(local), line);
      for (int64_t a = 0; a < n_lambda; ++a) {
        const float* sum = strip.field(local, line, lambda_of(a));
        float* out = &grads.lambda(n, a, d, h, 0);
        for (int64_t w = 0; w < slabs.width; ++w) out[w] += sum[w];
      }
      const float* c = strip.field(local, line, kC);
      const float* ab = strip.field(local, line, kAb);
      const float* ap = strip.field(local, line, kAp);
      if (grads.z.data) {
        // The start: x = x_bar = z, and p = z where it is noisy.
        const float* sum = strip.field(local, line, z_sum);
        float* out = &grads.z(n, 0, d, h, 0);
        for (int64_t w = 0; w < slabs.width; ++w)
          out[w] += sum[w] + c[w] - theta * ab[w] + (noisy ? ap[w] : 0.0f);
      }
      if (slab_sums && noisy) {
        const float* r_row = strip.field(local, line, r);
        const float* z_row = strip.field(local, line, z);
        double dot = 0.0;
        for (int64_t w = 0; w < slabs.width; ++w) dot += static_cast<double>(r_row[w]) * z_row[w];
        slab_sums[strip.volume * slabs.n_slabs + strip.global(local)].sigma -= dot / (1.0 + params.sigma);
      }
    }
  }
}

}  // namespace fused

namespace {

bool supports(const PdhgGeometry& geometry) {
  return geometry.axes == Axes{3, 4} || geometry.axes == Axes{2, 3, 4};
}

void forward(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgFields<float>& fields, const PdhgTapeView<float>& tape) {
  const fused::ForwardJob job(problem, params, fields, tape);
  fused::sweep(exec, job.slabs, params.n_iter, job);
}

void adjoint(const Exec& exec, const PdhgProblem<float>& problem, const PdhgParams& params,
             const PdhgTapeView<float>& tape, View5<const float> grad_x, const PdhgGradients<float>& grads) {
  std::vector<PdhgStepGradients> slab_sums;
  if (grads.steps) {
    const fused::Slabs slabs(grad_x.extent, params.axes);
    slab_sums.resize(static_cast<size_t>(slabs.n_volumes * slabs.n_slabs));
  }
  const fused::AdjointJob job(problem.z, params, tape, grad_x, grads,
                              grads.steps ? slab_sums.data() : nullptr);
  fused::sweep(exec, job.slabs, params.n_iter, job);
  for (const PdhgStepGradients& sums : slab_sums) {
    grads.steps->sigma += sums.sigma;
    grads.steps->tau += sums.tau;
    grads.steps->theta += sums.theta;
  }
}

}  // namespace

const PdhgImplementation<float> pdhg_fused{
    {"fused", "one sweep per iteration over rows in cache, vectorised, several iterations per visit"},
    supports,
    {forward, adjoint, pdhg_add_reduced<float>}};

}  // namespace primal::cpu
