#include "model/tv_solution.h"

#include <algorithm>

namespace primal {
namespace {

constexpr int64_t kMostIterations = 10000;  // with a gap, where nobody said otherwise
constexpr int64_t kAMoment = 50'000'000;    // pixels times iterations that take about a tenth of a second

}  // namespace

Denoised solve_tv(const Tensor& z, const Tensor& lambda, PdhgParams params, Boundary boundary,
                  const TvLimits& limits) {
  if (limits.gap > 0.0) params.n_iter = kMostIterations;
  if (limits.iterations > 0) params.n_iter = limits.iterations;
  const Tensor weights = weights_at(boundary, lambda, z.shape(), params.axes).value();
  const PdhgState state = pdhg_start(z, params);
  PdhgStop stop{.relative_gap = limits.gap};
  // A CUDA device takes all iterations at once and is not waited for in between.
  const bool slow = z.device().kind == Device::Kind::simt || z.numel() * params.n_iter > kAMoment;
  if (limits.watch != nullptr && *limits.watch && slow && z.device().kind != Device::Kind::cuda) {
    const int64_t total = limits.gap > 0.0 ? 0 : params.n_iter;
    stop.watch = [watch = limits.watch, total](int64_t iterations) {
      (*watch)("iteration", iterations, total);
    };
  }
  const PdhgReport report = pdhg_solve(z, weights, params, state, stop);
  // What is constant has objective 0 and gap 0: solved.
  double relative_gap = 0.0;
  for (size_t i = 0; i < report.gap.size(); ++i) {
    if (report.gap[i] > 0.0) relative_gap = std::max(relative_gap, report.gap[i] / report.objective[i]);
  }
  return {lambda, state.x, report.iterations, relative_gap};
}

}  // namespace primal
