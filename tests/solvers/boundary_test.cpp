// The symmetric boundary: against hand arithmetic, a solution in closed form, and a solver that has the
// Neumann difference in its loops.
#include "solvers/boundary/boundary.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "solvers/grid_search/grid_search.h"
#include "solvers/pdhg/pdhg.h"
#include "solvers/tv_objective/tv_objective.h"
#include "support/op_test.h"
#include "support/pictures.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(Boundary, SymmetricIsProven) { expect_op_proven(symmetric_boundary_info()); }

TEST(Boundary, ZeroesTheComponentsThatWrap) {
  // 1 2 3
  // 4 5 6
  const Variable map(Tensor::from(Shape{1, 1, 1, 2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6}), true);
  const Variable y = symmetric_boundary(map, {1, 2, 3}, {3, 4});
  EXPECT_EQ(y.shape(), (Shape{1, 2, 1, 2, 3}));
  EXPECT_EQ(y.value().to_doubles(),
            (std::vector<double>{1, 2, 3, 0, 0, 0,     // down: none below the last row
                                 1, 2, 0, 4, 5, 0}));  // right: none beyond the last column
  y.backward(Tensor::from(y.shape(), std::vector<double>{10, 20, 30, 40, 50, 60, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(map.grad().to_doubles(), (std::vector<double>{11, 22, 30, 4, 5, 0}));
}

TEST(Boundary, TakesScalarsAsPdhgDoes) {
  const Variable one(Tensor::scalar(0.5, DType::f64), true);
  const Variable y = symmetric_boundary(one, {1, 2, 2}, {3, 4});
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{0.5, 0.5, 0, 0, 0.5, 0, 0.5, 0}));
  y.backward(Tensor::full(y.shape(), 1.0, DType::f64));
  EXPECT_EQ(one.grad().shape(), Shape{});
  EXPECT_EQ(one.grad().item(), 4.0);
  const Variable two(Tensor::from(Shape{2}, std::vector<double>{1, 3}));
  EXPECT_EQ(symmetric_boundary(two, {1, 1, 2}, {4}).value().to_doubles(), (std::vector<double>{1, 0, 3, 0}));
}

TEST(Boundary, PeriodicLeavesLambdaAsItIs) {
  const Variable map(Tensor::full({1, 1, 1, 3, 3}, 0.5));
  EXPECT_EQ(weights_at(Boundary::periodic, map, {1, 1, 1, 3, 3}, {3, 4}).value().raw(), map.value().raw());
}

TEST(Boundary, RefusesWhatDoesNotFit) {
  EXPECT_THROW(symmetric_boundary(Variable(Tensor::zeros({1, 1, 1, 3, 4})), {1, 4, 4}, {3, 4}), ShapeError);
  EXPECT_THROW(symmetric_boundary(Variable(Tensor::zeros({1, 3, 1, 4, 4})), {1, 4, 4}, {3, 4}), ShapeError);
  EXPECT_THROW(symmetric_boundary(Variable(Tensor::zeros({4, 4})), {1, 4, 4}, {3, 4}), ShapeError);
  EXPECT_THROW(symmetric_boundary(Variable(Tensor::zeros({})), {1, 0, 4}, {3, 4}), ShapeError);
  EXPECT_THROW(parse_boundary("neumann"), ConfigError);
}

// The ends of the solution for a ramp that rises by `step` a pixel: total variation flattens an end to a
// plateau of the m lowest pixels, c above the first, and there the optimality condition says sum over them of
// (c - z) = pull. The plateau is as wide as makes c least.
double lift_of_the_end(double step, double pull) {
  double least = std::numeric_limits<double>::infinity();
  for (int m = 1; m < 100; ++m) least = std::min(least, pull / m + step * (m - 1) / 2.0);
  return least;
}

TEST(Boundary, TheEndsOfARampAreFreeOrPulledTogether) {
  // 20 .. 230 of 255 over 256 pixels, lambda 0.3. An end is pulled by lambda towards its neighbour, and where
  // the picture is periodic by lambda more towards the other end.
  constexpr int64_t kWidth = 256;
  constexpr double kLambda = 0.3, kStep = 210.0 / 255.0 / (kWidth - 1);
  std::vector<double> ramp;
  for (int64_t i = 0; i < kWidth; ++i) ramp.push_back(20.0 / 255.0 + kStep * static_cast<double>(i));
  const Tensor z = Tensor::from(Shape{1, 1, 1, 1, kWidth}, ramp);
  const auto ends = [&](Boundary boundary) {
    const PdhgParams params{.n_iter = 100000};
    const PdhgState state = pdhg_start(z, params);
    const Variable weights =
        weights_at(boundary, Tensor::scalar(kLambda, DType::f64), z.shape(), params.axes);
    EXPECT_TRUE(pdhg_solve(z, weights.value(), params, state, {.relative_gap = 1e-8}).converged);
    return std::pair(255.0 * state.x.data<double>()[0], 255.0 * state.x.data<double>()[kWidth - 1]);
  };
  const auto [free_low, free_high] = ends(Boundary::symmetric);
  EXPECT_NEAR(free_low, 20.0 + 255.0 * lift_of_the_end(kStep, kLambda), 0.02);
  EXPECT_NEAR(free_high, 230.0 - 255.0 * lift_of_the_end(kStep, kLambda), 0.02);
  EXPECT_EQ(std::lround(free_low), 31);
  EXPECT_EQ(std::lround(free_high), 219);
  const auto [low, high] = ends(Boundary::periodic);
  EXPECT_NEAR(low, 20.0 + 255.0 * lift_of_the_end(kStep, 2.0 * kLambda), 0.02);
  EXPECT_NEAR(high, 230.0 - 255.0 * lift_of_the_end(kStep, 2.0 * kLambda), 0.02);
  EXPECT_EQ(std::lround(low), 35);
  EXPECT_EQ(std::lround(high), 215);
}

// PDHG with the Neumann difference in its loops: no component at the last index at all. One map serves all
// axes.
Tensor neumann_solution(const Tensor& z, const Tensor& map, const Axes& axes, int n_iter) {
  const std::vector<double> data = z.to_doubles(), weight = map.to_doubles();
  const int64_t n = std::ssize(data);
  const double step = 1.0 / pdhg_norm(axes);
  std::vector<double> x = data, x_bar = data, p(data.size(), 0.0);
  std::vector<std::vector<double>> q(static_cast<size_t>(axes.count()), p);
  const auto stride = [&](int axis) {
    int64_t s = 1;
    for (int inner = 4; inner > axis; --inner) s *= z.size(inner);
    return s;
  };
  const auto has_next = [&](int64_t i, int axis) {
    return i / stride(axis) % z.size(axis) + 1 < z.size(axis);
  };
  for (int k = 0; k < n_iter; ++k) {
    std::vector<double> divergence(data.size(), 0.0);  // G' q
    for (int a = 0; a < axes.count(); ++a) {
      for (int64_t i = 0; i < n; ++i) {
        if (!has_next(i, axes[a])) continue;
        const auto here = static_cast<size_t>(i), next = static_cast<size_t>(i + stride(axes[a]));
        double& dual = q[static_cast<size_t>(a)][here];
        dual = std::clamp(dual + step * (x_bar[next] - x_bar[here]), -weight[here], weight[here]);
        divergence[next] += dual;
        divergence[here] -= dual;
      }
    }
    for (size_t i = 0; i < x.size(); ++i) {
      p[i] = (p[i] + step * (x_bar[i] - data[i])) / (1.0 + step);
      const double before = x[i];
      x[i] -= step * p[i] + step * divergence[i];
      x_bar[i] = 2.0 * x[i] - before;
    }
  }
  return Tensor::from(z.shape(), x);
}

void expect_near(const Tensor& a, const Tensor& b, double tolerance) {
  ASSERT_EQ(a.shape(), b.shape());
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  double worst = 0.0;
  for (size_t i = 0; i < u.size(); ++i) worst = std::max(worst, std::abs(u[i] - v[i]));
  EXPECT_LE(worst, tolerance);
}

TEST(Boundary, SymmetricEqualsASolverWithTheNeumannDifference) {
  const struct {
    Shape shape;
    Axes axes;
  } cases[] = {{{1, 1, 1, 13, 37}, {3, 4}},
               {{1, 1, 4, 9, 11}, {2, 3, 4}},
               {{1, 1, 1, 1, 21}, {3, 4}},
               {{1, 1, 5, 6, 3}, {4, 2}}};
  for (const auto& [shape, axes] : cases) {
    const Tensor z = random_uniform(shape, 0.0, 1.0, 1), map = random_uniform(shape, 0.0, 0.3, 2);
    const Tensor expected = neumann_solution(z, map, axes, 40);
    const double step = 1.0 / pdhg_norm(axes);
    const PdhgParams params{.n_iter = 40, .sigma = step, .tau = step, .axes = axes};
    const auto solve = [&, &shape = shape, &axes = axes](DType type, Device device) {
      const Tensor there = z.to(type).to(device);
      const Variable weights = weights_at(Boundary::symmetric, map.to(type).to(device), shape, axes);
      return pdhg_solve(there, weights.value(), params).to(Device{});
    };
    expect_near(solve(DType::f64, {}), expected, 1e-13);             // measured 1e-15
    expect_near(solve(DType::f32, {}), expected, 2e-6);              // measured 2e-7
    expect_near(solve(DType::f32, Device::simt()), expected, 2e-6);  // the same
    EXPECT_GT(std::sqrt(dot(expected, expected)), 0.1);
  }
}

TEST(Boundary, GridSearchTakesIt) {
  const Tensor z = random_uniform({1, 1, 1, 12, 20}, 0.0, 1.0, 1).to(DType::f32);
  const std::vector<double> grid = lambda_grid(0.0, 0.4, 5);
  for (const int64_t max_bytes : {int64_t{1}, int64_t{1} << 30}) {
    const GridSearchParams params{
        .pdhg = {.n_iter = 30}, .boundary = Boundary::symmetric, .max_state_bytes = max_bytes};
    grid_search(z, grid, params, [&](double lambda, const Tensor& x) -> std::vector<double> {
      const Variable weights =
          weights_at(Boundary::symmetric, Tensor::scalar(lambda), z.shape(), params.pdhg.axes);
      EXPECT_EQ(x.to_doubles(), pdhg_solve(z, weights.value(), {.n_iter = 30}).to_doubles());
      return {0.0};
    });
  }
}

}  // namespace
}  // namespace primal
