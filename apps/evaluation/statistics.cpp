#include "apps/evaluation/statistics.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "data/metrics/score_summary.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/random.h"

namespace primal {
namespace {

double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Interval bootstrap_interval(std::span<const double> all, uint64_t seed, int64_t n_resamples, double level) {
  if (all.empty() || n_resamples < 1) {
    throw ShapeError("[statistics] {} values, {} resamples", all.size(), n_resamples);
  }
  const std::vector<double> values = finite_of(all);
  if (values.size() < 2) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none};
  }
  const RandomStream stream(seed, RandomPurpose::bootstrap);
  const size_t n = values.size();
  std::vector<double> means(static_cast<size_t>(n_resamples));
  parallel_for(Exec{}, n_resamples, 64, [&, mean_of = means.data()](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      double sum = 0.0;
      for (size_t i = 0; i < n; ++i) {
        const double u = stream.uniform(static_cast<uint64_t>(r) * n + i);
        sum += values[std::min(static_cast<size_t>(u * static_cast<double>(n)), n - 1)];
      }
      mean_of[r] = sum / static_cast<double>(n);
    }
  });
  std::ranges::sort(means);
  return {quantile(means, (1.0 - level) / 2.0), quantile(means, (1.0 + level) / 2.0)};
}

}  // namespace primal
