#include "apps/scores/lambda_search.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <set>

#include "solvers/grid_search/grid_search.h"
#include "tensor/error.h"

namespace primal {

LambdaGrid parse_lambda_grid(const std::string& text) {
  LambdaGrid grid;
  long long n = 0;
  int end = 0;
  const int found = std::sscanf(text.c_str(), "%lf:%lf:%lld%n", &grid.low, &grid.high, &n, &end);
  grid.n = n;
  const bool whole = found == 3 && static_cast<size_t>(end) == text.size();
  if (!whole || !(grid.low >= 0.0 && grid.low <= grid.high && grid.high <= 100.0) || n < 1 || n > 100000) {
    throw ConfigError(
        "[--grid] expected LOW:HIGH:N with 0 <= LOW <= HIGH <= 100 and N from 1 to 100000, as {}; found '{}'",
        kDefaultGrid, text);
  }
  return grid;
}

std::vector<double> lambdas_of(const LambdaGrid& grid) {
  std::vector<double> written;
  for (const double lambda : lambda_grid(grid.low, grid.high, grid.n))
    written.push_back(std::stod(fmt::format("{:.12g}", lambda)));
  return written;
}

LambdaSearch search_lambda(const Tensor& z, const Tensor& clean, const LambdaGrid& grid, int64_t n_iter,
                           Boundary boundary, const Watch& watch) {
  GridSearchParams params;
  params.boundary = boundary;
  params.pdhg.n_iter = n_iter;
  int64_t n_done = 0;
  const GridSearchResult found =
      grid_search(z, lambda_grid(grid.low, grid.high, grid.n), params, [&](double, const Tensor& x) {
        const Scores s = scores_of(x, clean);
        if (watch) watch("lambda", ++n_done, grid.n);
        return std::vector<double>{s.psnr, s.ssim};
      });
  LambdaSearch search{lambdas_of(grid),
                      {},
                      {found.best[0], found.best_x[0].to(Device{})},
                      {found.best[1], found.best_x[1].to(Device{})}};
  for (const std::vector<double>& s : found.scores) search.scores.push_back({s[0], s[1]});
  return search;
}

Scores best_scalar_scores(const Tensor& z, const Tensor& clean, Boundary boundary, int64_t n_iter) {
  constexpr LambdaGrid kFine;
  constexpr int64_t kStride = 5;
  static_assert((kFine.n - 1) % kStride == 0);
  const double step = (kFine.high - kFine.low) / static_cast<double>(kFine.n - 1);
  const LambdaSearch coarse =
      search_lambda(z, clean, {kFine.low, kFine.high, (kFine.n - 1) / kStride + 1}, n_iter, boundary);
  Scores best{coarse.scores[coarse.by_psnr.index].psnr, coarse.scores[coarse.by_ssim.index].ssim};
  std::set<size_t> centres{coarse.by_psnr.index, coarse.by_ssim.index};
  for (const size_t centre : centres) {
    const double around = coarse.lambdas[centre], reach = static_cast<double>(kStride - 1) * step;
    const double low = std::max(kFine.low, around - reach), high = std::min(kFine.high, around + reach);
    const LambdaSearch fine =
        search_lambda(z, clean, {low, high, std::lround((high - low) / step) + 1}, n_iter, boundary);
    best.psnr = std::max(best.psnr, fine.scores[fine.by_psnr.index].psnr);
    best.ssim = std::max(best.ssim, fine.scores[fine.by_ssim.index].ssim);
  }
  return best;
}

}  // namespace primal
