#include "apps/scores/pair_search.h"

#include <cmath>
#include <vector>

#include "apps/scores/sequence_scores.h"
#include "solvers/grid_search/grid_search.h"

namespace primal {
namespace {

constexpr double kSmallest = 0.004;
constexpr int kDoublings = 8, kReach = 3;

std::vector<double> coarse_weights() {
  std::vector<double> weights{0.0};
  for (int k = 0; k <= kDoublings; ++k) weights.push_back(kSmallest * std::exp2(k));
  return weights;
}

std::vector<double> weights_around(double weight, double step) {
  if (weight == 0.0) return {0.0, 0.25 * kSmallest, 0.5 * kSmallest};
  std::vector<double> weights;
  for (int j = -kReach; j <= kReach; ++j) weights.push_back(weight * std::exp2(step * j));
  return weights;
}

std::vector<LambdaPair> pairs_of(const std::vector<double>& xy, const std::vector<double>& t) {
  std::vector<LambdaPair> pairs;
  for (const double a : xy) {
    for (const double b : t) pairs.push_back({a, b});
  }
  return pairs;
}

// Solves with all pairs and keeps what is better than before.
void try_pairs(const Tensor& z, const Tensor& clean, const std::vector<LambdaPair>& pairs,
               const PairSearchOptions& options, PairSearch& search) {
  GridSearchParams params{.pdhg = sequence_pdhg(), .boundary = options.boundary};
  params.pdhg.n_iter = options.iterations;
  std::vector<WeightTuple> tuples;
  for (const LambdaPair& pair : pairs) tuples.push_back({pair.xy, pair.xy, pair.t});
  std::vector<Scores> scores;
  const GridSearchResult found = grid_search_tuples(z, tuples, params, [&](size_t, const Tensor& x) {
    scores.push_back(mean_over_frames(x, clean));
    return std::vector<double>{scores.back().psnr, scores.back().ssim};
  });
  const auto take = [&](PairSearch::Best& best, size_t which, double Scores::*score) {
    const size_t i = found.best[which];
    if (best.x.defined() && !(scores[i].*score > best.scores.*score)) return;
    best = {pairs[i], scores[i], found.best_x[which]};
  };
  take(search.by_psnr, 0, &Scores::psnr);
  take(search.by_ssim, 1, &Scores::ssim);
  search.n_solved += std::ssize(pairs);
}

}  // namespace

PairSearch search_pair(const Tensor& z, const Tensor& clean, const PairSearchOptions& options) {
  PairSearch search;
  try_pairs(z, clean, pairs_of(coarse_weights(), coarse_weights()), options, search);
  double step = 0.25;
  for (int i = 0; i < options.refinements; ++i, step *= 0.25) {
    const LambdaPair by_psnr = search.by_psnr.lambda, by_ssim = search.by_ssim.lambda;
    const auto around = [&](const LambdaPair& p) {
      try_pairs(z, clean, pairs_of(weights_around(p.xy, step), weights_around(p.t, step)), options, search);
    };
    around(by_psnr);
    if (options.by_ssim && (by_ssim.xy != by_psnr.xy || by_ssim.t != by_psnr.t)) around(by_ssim);
  }
  return search;
}

}  // namespace primal
