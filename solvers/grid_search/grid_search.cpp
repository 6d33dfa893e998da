#include "solvers/grid_search/grid_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();

// Enters the scores of lambda number i, and keeps its picture where it is the best so far.
void enter(GridSearchResult& result, size_t i, std::vector<double> scores, const Tensor& x) {
  if (i == 0) {
    result.best.assign(scores.size(), kNone);
    result.best_x.resize(scores.size());
  }
  if (scores.size() != result.best.size()) {
    throw ConfigError("[grid_search] {} scores for lambda {}, {} for the first", scores.size(),
                      result.lambdas[i], result.best.size());
  }
  for (size_t s = 0; s < scores.size(); ++s) {
    const size_t best = result.best[s];
    if (std::isnan(scores[s]) || (best != kNone && scores[s] <= result.scores[best][s])) continue;
    result.best[s] = i;
    result.best_x[s] = x;
  }
  result.scores.push_back(std::move(scores));
}

}  // namespace

std::vector<double> lambda_grid(double low, double high, int64_t n) {
  if (n < 1) throw ConfigError("[grid_search] a grid of {} values", n);
  std::vector<double> grid;
  for (int64_t i = 0; i < n; ++i) {
    const double share = n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) : 0.0;
    grid.push_back(low + (high - low) * share);
  }
  return grid;
}

GridSearchResult grid_search(const Tensor& z, std::span<const double> lambdas, const GridSearchParams& params,
                             const ScoreFunction& score) {
  const Range range("grid_search");
  if (z.shape().rank() != 5 || z.size(0) != 1)
    throw ShapeError("[grid_search] z must be [1,1,D,H,W]: {}", z.str());
  if (lambdas.empty()) throw ConfigError("[grid_search] the grid has no lambda");
  const int64_t n_lambdas = std::ssize(lambdas);
  // x, x_bar, p, q; and weights of each pixel, where the boundary makes them of the scalar
  const int64_t n_dual = params.pdhg.axes.count();
  const int64_t n_fields = 3 + n_dual + (params.boundary == Boundary::periodic ? 0 : n_dual);
  const int64_t bytes_each = n_fields * static_cast<int64_t>(z.bytes());
  int64_t n_each =
      std::clamp<int64_t>(params.max_state_bytes / std::max<int64_t>(bytes_each, 1), 1, n_lambdas);
  // As many in a slice as go evenly around the threads: each takes whole problems, and none is left to be shared.
  const int64_t n_threads = Exec{}.n_threads;
  if (n_each > n_threads && n_each < n_lambdas) n_each -= n_each % n_threads;

  GridSearchResult result;
  result.lambdas.assign(lambdas.begin(), lambdas.end());
  for (int64_t begin = 0; begin < n_lambdas; begin += n_each) {
    const int64_t n = std::min(n_each, n_lambdas - begin);
    const std::vector<double> slice(lambdas.begin() + begin, lambdas.begin() + begin + n);
    const Tensor lambda = Tensor::from(Shape{n}, slice).to(z.dtype()).to(z.device());
    const Variable weights = weights_at(params.boundary, lambda, z.shape(), params.pdhg.axes);
    const PdhgState state = pdhg_start(z, params.pdhg, n);
    pdhg_iterate(z, weights.value(), params.pdhg, state);
    for (int64_t i = 0; i < n; ++i) {
      const Tensor x =
          state.x.slice(i, i + 1).clone();  // of its own: the slice would keep the whole batch alive
      const auto at = static_cast<size_t>(begin + i);
      enter(result, at, score(lambdas[at], x), x);
    }
  }
  for (size_t s = 0; s < result.best.size(); ++s) {
    if (result.best[s] == kNone)
      throw NumericError("[grid_search] score {} is not a number for any lambda", s);
  }
  return result;
}

}  // namespace primal
