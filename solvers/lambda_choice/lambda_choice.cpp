#include "solvers/lambda_choice/lambda_choice.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "solvers/grid_search/grid_search.h"
#include "solvers/probe/probe.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

constexpr double kLow = 0.03, kHigh = 3.0, kLowest = 0.001, kHighest = 30.0;  // lambda / sigma
constexpr int64_t kGrid = 13, kBetween = 5;

void check(const Tensor& z, double sigma) {
  if (!(sigma >= 0.0) || !std::isfinite(sigma))
    throw ConfigError("[lambda_choice] sigma must be at least 0 and finite, found {}", sigma);
  if (z.shape().rank() != 5 || z.size(0) != 1)
    throw ShapeError("[lambda_choice] z must be [1,1,D,H,W]: {}", z.str());
}

// sum over i of f(x_i, y_i), in double
template <class F>
double sum_over(const Tensor& x, const Tensor& y, const F& f) {
  double sum = 0.0;
  dispatch_floating(x.dtype(), "lambda_choice", [&]<class T>() {
    const T *a = x.data<T>(), *b = y.data<T>();
    for (int64_t i = 0; i < x.numel(); ++i) sum += f(i, static_cast<double>(a[i]), static_cast<double>(b[i]));
  });
  return sum;
}

// Calls each(i, x(lambda i)), with x on the CPU.
void solve_each(const Tensor& z, std::span<const double> lambdas, const LambdaChoiceParams& params,
                const std::function<void(size_t i, const Tensor& x)>& each) {
  size_t i = 0;
  grid_search(z, lambdas, {.pdhg = params.pdhg, .boundary = params.boundary}, [&](double, const Tensor& x) {
    each(i++, x.to(Device{}));
    return std::vector<double>{0.0};  // the best is chosen elsewhere
  });
}

int64_t probes_for(const Tensor& z, const LambdaChoiceParams& params) {
  constexpr int64_t kPixels = 65536, kMostProbes = 16;
  if (params.n_probes > 0) return params.n_probes;
  const int64_t n = std::max<int64_t>(z.numel(), 1);
  return std::clamp<int64_t>((kPixels + n - 1) / n, 1, kMostProbes);
}

// The risks of so few lambdas that their pictures fit into memory together.
void add_risks(const Tensor& z, double sigma, std::span<const double> lambdas,
               const LambdaChoiceParams& params, std::vector<LambdaPoint>& points) {
  const Tensor at_home = z.to(Device{});
  const auto n = static_cast<double>(z.numel());
  const size_t first = points.size();
  std::vector<Tensor> pictures;
  solve_each(z, lambdas, params, [&](size_t i, const Tensor& x) {
    const auto square = [](int64_t, double a, double b) { return (a - b) * (a - b); };
    points.push_back({lambdas[i], sum_over(x, at_home, square) / n, 0.0, 0.0});
    pictures.push_back(x);
  });
  const int64_t n_probes = probes_for(z, params);
  const double e = params.step * sigma;
  for (int64_t k = 0; k < n_probes && sigma > 0.0; ++k) {
    const Tensor b = probe_signs(z, params.seed, k);
    const double* sign = b.data<double>();
    solve_each(probe_moved(z, b, e), lambdas, params, [&](size_t i, const Tensor& x) {
      const auto along = [sign](int64_t at, double there, double here) { return sign[at] * (there - here); };
      points[first + i].divergence +=
          sum_over(x, pictures[i], along) / (e * n * static_cast<double>(n_probes));
    });
  }
  for (size_t i = first; i < points.size(); ++i) {
    LambdaPoint& p = points[i];
    p.risk = p.residual - sigma * sigma + 2.0 * sigma * sigma * p.divergence;
    if (!std::isfinite(p.risk)) {
      throw NumericError("[lambda_choice] the risk at lambda {} is not a number: residual {}, divergence {}",
                         p.lambda, p.residual, p.divergence);
    }
  }
}

// n values from low to high in equal ratios, both included.
std::vector<double> ratio_grid(double low, double high, int64_t n) {
  std::vector<double> grid = lambda_grid(std::log(low), std::log(high), n);
  for (double& value : grid) value = std::exp(value);
  return grid;
}

void insert(std::vector<LambdaPoint>& points, std::vector<LambdaPoint> more) {
  points.insert(points.end(), more.begin(), more.end());
  std::ranges::sort(points, {}, &LambdaPoint::lambda);
}

size_t least_risk(const std::vector<LambdaPoint>& points) {
  return static_cast<size_t>(std::ranges::min_element(points, {}, &LambdaPoint::risk) - points.begin());
}

// Widens the grid as long as `side` says which end the answer lies at: -1, 1, or 0 for neither.
template <class Side>
bool widen(std::vector<LambdaPoint>& points, double sigma, const Side& side,
           const std::function<std::vector<LambdaPoint>(std::vector<double>)>& risks) {
  const double ratio = std::pow(kHigh / kLow, 1.0 / static_cast<double>(kGrid - 1));
  while (const int at = side(points)) {
    const double end = at < 0 ? points.front().lambda / ratio : points.back().lambda * ratio;
    if (end < kLowest * sigma || end > kHighest * sigma) return false;
    insert(points, risks({at < 0 ? end / ratio : end, at < 0 ? end : end * ratio}));
  }
  return true;
}

// The lambda between the neighbours of the best, where the parabola through the three is least.
double parabola_minimum(const std::vector<LambdaPoint>& points, size_t best) {
  if (best == 0 || best + 1 == points.size()) return points[best].lambda;
  const double l = std::log(points[best - 1].lambda), m = std::log(points[best].lambda),
               r = std::log(points[best + 1].lambda);
  const double fl = points[best - 1].risk, fm = points[best].risk, fr = points[best + 1].risk;
  const double a = (m - l) * (fm - fr), b = (m - r) * (fm - fl);
  const double below = a - b;
  if (below == 0.0) return points[best].lambda;
  const double at = m - 0.5 * ((m - l) * a - (m - r) * b) / below;
  return std::exp(std::clamp(at, l, r));
}

}  // namespace

std::vector<LambdaPoint> lambda_risks(const Tensor& z, double sigma, std::span<const double> lambdas,
                                      const LambdaChoiceParams& params) {
  const Range range("lambda_risks");
  check(z, sigma);
  if (lambdas.empty()) throw ConfigError("[lambda_choice] there are no lambdas");
  const auto bytes = std::max<int64_t>(static_cast<int64_t>(z.bytes()), 1);
  const auto n_each = static_cast<size_t>(std::max<int64_t>(params.max_bytes / bytes, 1));
  std::vector<LambdaPoint> points;
  for (size_t begin = 0; begin < lambdas.size(); begin += n_each)
    add_risks(z, sigma, lambdas.subspan(begin, std::min(n_each, lambdas.size() - begin)), params, points);
  return points;
}

LambdaChoice lambda_by_risk(const Tensor& z, double sigma, const LambdaChoiceParams& params) {
  check(z, sigma);
  if (sigma == 0.0) return {};
  const auto risks = [&](const std::vector<double>& lambdas) {
    return lambda_risks(z, sigma, lambdas, params);
  };
  LambdaChoice choice;
  choice.points = risks(ratio_grid(kLow * sigma, kHigh * sigma, kGrid));
  const auto side = [](const std::vector<LambdaPoint>& points) {
    const size_t best = least_risk(points);
    return best == 0 ? -1 : best + 1 == points.size() ? 1 : 0;
  };
  choice.at_the_edge = !widen(choice.points, sigma, side, risks);
  const size_t best = least_risk(choice.points);
  if (!choice.at_the_edge) {
    // The best itself is among the five between its neighbours and need not be computed again.
    std::vector<double> between =
        ratio_grid(choice.points[best - 1].lambda, choice.points[best + 1].lambda, kBetween + 2);
    between = {between.begin() + 1, between.end() - 1};
    std::erase_if(between, [&](double l) { return std::abs(l / choice.points[best].lambda - 1.0) < 1e-9; });
    insert(choice.points, risks(between));
  }
  choice.lambda = parabola_minimum(choice.points, least_risk(choice.points));
  return choice;
}

LambdaChoice lambda_by_discrepancy(const Tensor& z, double sigma, const LambdaChoiceParams& params) {
  check(z, sigma);
  if (sigma == 0.0) return {};
  const auto risks = [&](const std::vector<double>& lambdas) {
    return lambda_risks(z, sigma, lambdas, params);
  };
  // The first point whose residual exceeds the noise's; r grows with lambda.
  const auto beyond = [&](const std::vector<LambdaPoint>& points) {
    return static_cast<size_t>(
        std::ranges::find_if(points, [&](const LambdaPoint& p) { return p.residual >= sigma * sigma; }) -
        points.begin());
  };
  LambdaChoice choice;
  choice.points = risks(ratio_grid(kLow * sigma, kHigh * sigma, kGrid));
  const auto side = [&](const std::vector<LambdaPoint>& points) {
    const size_t at = beyond(points);
    return at == 0 ? -1 : at == points.size() ? 1 : 0;
  };
  choice.at_the_edge = !widen(choice.points, sigma, side, risks);
  if (choice.at_the_edge) {
    choice.lambda = side(choice.points) < 0 ? choice.points.front().lambda : choice.points.back().lambda;
    return choice;
  }
  const size_t after = beyond(choice.points);
  const std::vector<double> grid =
      ratio_grid(choice.points[after - 1].lambda, choice.points[after].lambda, kBetween + 2);
  insert(choice.points, risks({grid.begin() + 1, grid.end() - 1}));
  const size_t at = beyond(choice.points);
  const LambdaPoint &low = choice.points[at - 1], &high = choice.points[at];
  const double share = (sigma * sigma - low.residual) / (high.residual - low.residual);
  choice.lambda = low.lambda * std::pow(high.lambda / low.lambda, share);
  return choice;
}

}  // namespace primal
