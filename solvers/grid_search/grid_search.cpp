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

// Enters the scores of problem number i, and keeps its picture where it is the best so far.
void enter(GridSearchResult& result, size_t i, std::vector<double> scores, const Tensor& x) {
  if (i == 0) {
    result.best.assign(scores.size(), kNone);
    result.best_x.resize(scores.size());
  }
  if (scores.size() != result.best.size()) {
    throw ConfigError("[grid_search] {} scores for the problem of index {}, {} for the first", scores.size(),
                      i, result.best.size());
  }
  for (size_t s = 0; s < scores.size(); ++s) {
    const size_t best = result.best[s];
    if (std::isnan(scores[s]) || (best != kNone && scores[s] <= result.scores[best][s])) continue;
    result.best[s] = i;
    result.best_x[s] = x;
  }
  result.scores.push_back(std::move(scores));
}

// The problems begin .. begin + n - 1 as one tensor, as pdhg takes it.
using MakeWeights = std::function<Tensor(int64_t begin, int64_t n)>;

GridSearchResult search(const Tensor& z, int64_t n_problems, const MakeWeights& make_weights,
                        const GridSearchParams& params, const TupleScoreFunction& score) {
  const Range range("grid_search");
  if (z.shape().rank() != 5 || z.size(0) != 1)
    throw ShapeError("[grid_search] z must be [1,1,D,H,W]: {}", z.str());
  if (n_problems == 0) throw ConfigError("[grid_search] the grid has no lambda");
  // x, x_bar, p, q; and weights of each pixel, where the boundary makes them of the scalar
  const int64_t n_dual = params.pdhg.axes.count();
  const int64_t n_fields = 3 + n_dual + (params.boundary == Boundary::periodic ? 0 : n_dual);
  const int64_t bytes_each = n_fields * static_cast<int64_t>(z.bytes());
  int64_t n_each =
      std::clamp<int64_t>(params.max_state_bytes / std::max<int64_t>(bytes_each, 1), 1, n_problems);
  // As many in a slice as go evenly around the threads: each takes whole problems, and none is left to be
  // shared.
  const int64_t n_threads = Exec{}.n_threads;
  if (n_each > n_threads && n_each < n_problems) n_each -= n_each % n_threads;

  GridSearchResult result;
  for (int64_t begin = 0; begin < n_problems; begin += n_each) {
    const int64_t n = std::min(n_each, n_problems - begin);
    const Tensor lambda = make_weights(begin, n).to(z.dtype()).to(z.device());
    const Variable weights = weights_at(params.boundary, lambda, z.shape(), params.pdhg.axes);
    const PdhgState state = pdhg_start(z, params.pdhg, n);
    pdhg_iterate(z, weights.value(), params.pdhg, state);
    for (int64_t i = 0; i < n; ++i) {
      const Tensor x =
          state.x.slice(i, i + 1).clone();  // of its own: the slice would keep the whole batch alive
      const auto at = static_cast<size_t>(begin + i);
      enter(result, at, score(at, x), x);
    }
  }
  for (size_t s = 0; s < result.best.size(); ++s) {
    if (result.best[s] == kNone)
      throw NumericError("[grid_search] score {} is not a number for any lambda", s);
  }
  return result;
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
  GridSearchResult result = search(
      z, std::ssize(lambdas),
      [&](int64_t begin, int64_t n) {
        return Tensor::from(Shape{n},
                            std::vector<double>(lambdas.begin() + begin, lambdas.begin() + begin + n));
      },
      params, [&](size_t index, const Tensor& x) { return score(lambdas[index], x); });
  result.lambdas.assign(lambdas.begin(), lambdas.end());
  return result;
}

GridSearchResult grid_search_tuples(const Tensor& z, std::span<const WeightTuple> tuples,
                                    const GridSearchParams& params, const TupleScoreFunction& score) {
  const int64_t n_axes = params.pdhg.axes.count();
  for (const WeightTuple& tuple : tuples) {
    if (std::ssize(tuple) != n_axes)
      throw ConfigError("[grid_search] {} weights for {} axes", tuple.size(), n_axes);
  }
  return search(
      z, std::ssize(tuples),
      [&](int64_t begin, int64_t n) {
        std::vector<double> all;
        for (int64_t i = begin; i < begin + n; ++i) {
          const WeightTuple& tuple = tuples[static_cast<size_t>(i)];
          all.insert(all.end(), tuple.begin(), tuple.end());
        }
        return Tensor::from(Shape{n, n_axes, 1, 1, 1}, all);
      },
      params, score);
}

}  // namespace primal
