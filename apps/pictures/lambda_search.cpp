#include "apps/pictures/lambda_search.h"

#include <cstdio>
#include <fmt/format.h>

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

namespace {

// 0.07 for 0.06999999999999999: what is printed is the number meant, not the rounding of the grid's arithmetic.
std::vector<double> written_lambdas(const std::vector<double>& lambdas) {
  std::vector<double> written;
  for (const double lambda : lambdas) written.push_back(std::stod(fmt::format("{:.12g}", lambda)));
  return written;
}

}  // namespace

LambdaSearch search_lambda(const Tensor& z, const Tensor& clean, const LambdaGrid& grid, int64_t n_iter) {
  GridSearchParams params;
  params.pdhg.n_iter = n_iter;
  const GridSearchResult found =
      grid_search(z, lambda_grid(grid.low, grid.high, grid.n), params, [&](double, const Tensor& x) {
        const Scores s = scores_of(x, clean);
        return std::vector<double>{s.psnr, s.ssim};
      });
  LambdaSearch search{written_lambdas(found.lambdas),
                      {},
                      {found.best[0], found.best_x[0].to(Device{})},
                      {found.best[1], found.best_x[1].to(Device{})}};
  for (const std::vector<double>& s : found.scores) search.scores.push_back({s[0], s[1]});
  return search;
}

}  // namespace primal
