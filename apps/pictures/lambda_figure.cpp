#include "apps/pictures/lambda_figure.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "data/metrics/metrics.h"
#include "solvers/grid_search/grid_search.h"
#include "tensor/error.h"

namespace primal {
namespace {

Line curve(const std::vector<double>& lambdas, const std::vector<double>& values, const std::string& name) {
  Line line{.x = lambdas, .y = values, .name = name};
  const auto least = std::ranges::min_element(values);
  line.mark = static_cast<size_t>(least - values.begin());
  line.mark_name = fmt::format("least of it: {:.3g} at {:.3g}", *least, lambdas[*line.mark]);
  return line;
}

}  // namespace

Figure lambda_figure(const LambdaChoice& choice, double sigma, const Tensor& z, const Tensor& clean,
                     const LambdaChoiceParams& params) {
  if (choice.points.empty())
    throw DataError("[lambda] nothing to draw: there is no noise, and lambda 0 leaves the picture as it is");
  std::vector<double> lambdas, risk, residual, error;
  for (const LambdaPoint& p : choice.points) {
    lambdas.push_back(p.lambda);
    risk.push_back(p.risk);
    residual.push_back(p.residual);
  }
  if (clean.defined()) {
    const Tensor there = clean.to(z.device());
    grid_search(z, lambdas, {.pdhg = params.pdhg, .boundary = params.boundary}, [&](double, const Tensor& x) {
      error.push_back(mse(x, there));
      return std::vector<double>{0.0};
    });
  }
  const Level chosen{choice.lambda, fmt::format("chosen: {:.4g}", choice.lambda), true};
  Chart risks{.x = {.label = "lambda", .logarithmic = true},
              .y = {.label = "mean square error", .logarithmic = true},
              .layers = {curve(lambdas, risk, "estimated (SURE)")}};
  if (!error.empty()) risks.layers.push_back(curve(lambdas, error, "true"));
  risks.layers.push_back(chosen);
  const Chart residuals{
      .x = {.label = "lambda", .logarithmic = true},
      .y = {.label = "mean square of x - z", .logarithmic = true},
      .layers = {Line{.x = lambdas, .y = residual, .name = "residual"},
                 Level{sigma * sigma, fmt::format("sigma squared, sigma = {:.3g}", sigma)}, chosen}};
  return {.rows = {{Panel{"", risks}, Panel{"", residuals}}}};
}

}  // namespace primal
