#include "solvers/tv_objective/tv_objective.h"

#include <cmath>
#include <gtest/gtest.h>

#include "solvers/pdhg/pdhg.h"
#include "support/pictures.h"
#include "tensor/error.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

// q with |q| <= lambda.
Tensor feasible_dual(const Tensor& lambda, uint64_t seed) {
  const Tensor q = random_uniform(lambda.shape(), -1.0, 1.0, seed);
  for (int64_t i = 0; i < q.numel(); ++i) q.data<double>()[i] *= lambda.data<double>()[i];
  return q;
}

TEST(TvObjective, MatchesHandArithmetic) {
  // x - z = (1, 0, 2); G x = (2, -3, 1)
  const Tensor x = row({1, 3, 0}), z = row({0, 3, -2}), lambda = row({0.5, 0.25, 2});
  EXPECT_EQ(tv_objective(x, z, lambda, {4}), (std::vector<double>{2.5 + 1.0 + 0.75 + 2.0}));
}

TEST(TvObjective, DualMatchesHandArithmetic) {
  // G' q = (q2 - q0, q0 - q1, q1 - q2) = (1, -1.5, 0.5)
  const Tensor q = row({-0.5, 1, 0.5}), z = row({2, 1, 0});
  EXPECT_EQ(tv_dual_objective(q, z, {4}), (std::vector<double>{2.0 - 1.5 - 0.5 * (1 + 2.25 + 0.25)}));
}

TEST(TvObjective, GapIsPrimalMinusDual) {
  for (const Axes& axes : {Axes{3, 4}, Axes{2, 3, 4}, Axes{4, 2}}) {
    const Shape shape{2, 1, 3, 4, 5};
    const Tensor x = random_normal(shape, 1), z = random_normal(shape, 2);
    const Tensor lambda = random_uniform(shape.with(1, axes.count()), 0.0, 1.0, 3);
    const Tensor q = feasible_dual(lambda, 4);
    const std::vector<double> gap = tv_gap(x, q, z, lambda, axes), primal = tv_objective(x, z, lambda, axes),
                              dual = tv_dual_objective(q, z, axes);
    ASSERT_EQ(gap.size(), 2u);
    for (size_t n = 0; n < 2; ++n) {
      EXPECT_NEAR(gap[n], primal[n] - dual[n], 1e-12 * primal[n]) << axes.str();
      EXPECT_GT(gap[n], 0.0);
    }
  }
}

TEST(TvObjective, GapClosesAtTheSolutionAndBoundsTheError) {
  const Shape shape{1, 1, 1, 9, 8};
  const Tensor z = random_normal(shape, 5), lambda = random_uniform(shape.with(1, 2), 0.05, 0.4, 6);
  PdhgParams params{.n_iter = 20000};
  const PdhgState best = pdhg_start(z, params);
  pdhg_iterate(z, lambda, params, best);
  EXPECT_LT(tv_gap(best.x, best.q, z, lambda, {3, 4})[0], 1e-12);  // measured 2e-17

  params.n_iter = 20;
  const PdhgState early = pdhg_start(z, params);
  pdhg_iterate(z, lambda, params, early);
  double error = 0.0;
  for (int64_t i = 0; i < z.numel(); ++i) {
    const double e = early.x.data<double>()[i] - best.x.data<double>()[i];
    error += 0.5 * e * e;
  }
  EXPECT_LE(error, tv_gap(early.x, early.q, z, lambda, {3, 4})[0]);
  EXPECT_GT(error, 1e-6);  // so that the bound says something
}

TEST(TvObjective, ReadsSharedZAndLambda) {
  const Tensor x = random_normal({2, 1, 1, 4, 5}, 7), z = random_normal({1, 1, 1, 4, 5}, 8);
  const Tensor each = Tensor::from(Shape{2, 1, 1, 1, 1}, std::vector<double>{0.1, 0.7});
  const std::vector<double> both = tv_objective(x, z, each, {3, 4});
  for (int64_t n = 0; n < 2; ++n) {
    const Tensor map = Tensor::full({1, 2, 1, 4, 5}, n == 0 ? 0.1 : 0.7, DType::f64);
    EXPECT_EQ(both[static_cast<size_t>(n)], tv_objective(x.slice(n, n + 1), z, map, {3, 4})[0]);
  }
}

TEST(TvObjective, RefusesWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({1, 1, 1, 4, 5}), lambda = Tensor::zeros({1, 2, 1, 4, 5});
  EXPECT_THROW(tv_objective(x, Tensor::zeros({1, 1, 1, 4, 4}), lambda, {3, 4}), ShapeError);
  EXPECT_THROW(tv_objective(x, x, Tensor::zeros({1, 3, 1, 4, 5}), {3, 4}), ShapeError);
  EXPECT_THROW(tv_objective(x, x, lambda.to(DType::f64), {3, 4}), ShapeError);
  EXPECT_THROW(tv_gap(x, x, x, lambda, {3, 4}), ShapeError);
  EXPECT_THROW(tv_dual_objective(x, x, {3, 4}), ShapeError);
}

TEST(TvObjective, IsTheSameOnADevice) {
  const Device device = Device::simt();
  for (const Axes& axes : {Axes{3, 4}, Axes{2, 3, 4}, Axes{4, 2}}) {
    const Shape shape{2, 1, 3, 19, 25};  // two blocks for each sample
    const Tensor x = random_normal(shape, 1).to(DType::f32),
                 z = random_normal(shape.with(0, 1), 2).to(DType::f32);
    const Tensor lambda = random_uniform({2, axes.count(), 1, 19, 1}, 0.0, 1.0, 3).to(DType::f32);
    const Tensor q = random_normal(shape.with(1, axes.count()), 4).to(DType::f32);
    const auto compare = [](const std::vector<double>& there, const std::vector<double>& here) {
      ASSERT_EQ(there.size(), here.size());
      for (size_t n = 0; n < here.size(); ++n) EXPECT_NEAR(there[n], here[n], 1e-12 * std::abs(here[n]));
    };
    const auto run = [&](Device on) {
      return std::vector{tv_objective(x.to(on), z.to(on), lambda.to(on), axes),
                         tv_dual_objective(q.to(on), z.to(on), axes),
                         tv_gap(x.to(on), q.to(on), z.to(on), lambda.to(on), axes)};
    };
    const auto here = run({}), there = run(device);
    for (size_t i = 0; i < here.size(); ++i) compare(there[i], here[i]);
    simt::same_in_all_orders("tv_gap", [&] { return run(device)[2]; });
    simt::Recording recording;
    run(device);
    simt::require_no_races(recording.launches());
  }
  const Tensor x = row({1, 3, 0});
  EXPECT_THROW(tv_objective(x.to(device), x, x, {4}), DeviceError);
}

// A grid may have 2^31 - 1 blocks along x but only 65535 along y.
TEST(TvObjective, BlocksOfAllSamplesAreCountedAlongX) {
  const Tensor x =
      Tensor::zeros({3, 1, 1, 32, 33}, DType::f32, Device::simt());  // two blocks for each sample
  const simt::Recording recording({.races = false});
  tv_objective(x, x, Tensor::zeros({1, 1, 1, 1, 1}, DType::f32, Device::simt()), {3, 4});
  ASSERT_EQ(recording.launches().size(), 2U);
  EXPECT_EQ(recording.launches()[0].counters.grid, (std::array<unsigned, 3>{3 * 2, 1, 1}));
}

}  // namespace
}  // namespace primal
