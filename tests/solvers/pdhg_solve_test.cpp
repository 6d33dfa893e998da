// Solving: the limit, batches and shared weights, the stopping rule, and what is refused.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "solvers/pdhg/pdhg.h"
#include "solvers/tv_objective/tv_objective.h"
#include "support/pictures.h"
#include "tensor/error.h"

namespace primal {
namespace {

TEST(PdhgSolve, EveryStepRuleReachesTheSameLimit) {
  const Shape shape{1, 1, 1, 7, 6};
  const Tensor z = random_uniform(shape, 0.0, 1.0, 1),
               lambda = random_uniform(shape.with(1, 2), 0.02, 0.2, 2);
  const Tensor limit = pdhg_solve(z, lambda, {.n_iter = 20000});
  for (const PdhgParams& params :
       {PdhgParams{.n_iter = 20000, .sigma = 1.0, .tau = 1.0 / 9.0},
        PdhgParams{.n_iter = 20000, .sigma = 0.1, .tau = 0.5, .p_start = PdhgStart::noisy}}) {
    EXPECT_LT(relative_l2(pdhg_solve(z, lambda, params), limit), 1e-7);  // measured 4e-16
  }
}

TEST(PdhgSolve, LargeLambdaGivesTheMean) {
  const Tensor z = random_uniform({1, 1, 1, 6, 8}, 0.0, 1.0, 3);
  double mean = 0.0;
  for (double v : z.to_doubles()) mean += v / 48.0;
  for (double v : pdhg_solve(z, Tensor::scalar(50.0, DType::f64), {.n_iter = 5000}).to_doubles()) {
    EXPECT_NEAR(v, mean, 1e-9);
  }
}

TEST(PdhgSolve, ABatchIsItsProblemsOneByOne) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Shape shape{3, 1, 2, 9, 21};
    const Tensor z = random_uniform(shape, 0.0, 1.0, 4).to(dtype),
                 lambda = random_uniform(shape.with(1, 2), 0.0, 0.2, 5).to(dtype);
    const PdhgParams params{.n_iter = 30};
    const Tensor together = pdhg_solve(z, lambda, params);
    for (int64_t n = 0; n < 3; ++n) {
      const Tensor alone = pdhg_solve(z.slice(n, n + 1), lambda.slice(n, n + 1), params);
      EXPECT_EQ(alone.to_doubles(), together.slice(n, n + 1).to_doubles());
    }
  }
}

TEST(PdhgSolve, OnePictureWithManyLambdas) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor z = random_uniform({1, 1, 1, 10, 18}, 0.0, 1.0, 6).to(dtype);
    const std::vector<double> grid = {0.0, 0.05, 0.3};
    const PdhgParams params{.n_iter = 40};
    const Tensor all = pdhg_solve(z, Tensor::from(Shape{3}, grid).to(dtype), params);
    ASSERT_EQ(all.shape(), (Shape{3, 1, 1, 10, 18}));
    for (int64_t n = 0; n < 3; ++n) {
      const Tensor map = Tensor::full({1, 2, 1, 10, 18}, grid[static_cast<size_t>(n)], dtype);
      EXPECT_EQ(all.slice(n, n + 1).to_doubles(), pdhg_solve(z, map, params).to_doubles());
    }
  }
}

TEST(PdhgSolve, AMapForAllAxesIsTheSameMapTwice) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor z = random_uniform({2, 1, 1, 8, 8}, 0.0, 1.0, 7).to(dtype);
    const Tensor one = random_uniform({2, 1, 1, 8, 8}, 0.0, 0.2, 8).to(dtype),
                 two = Tensor::empty({2, 2, 1, 8, 8}, dtype);
    for (int64_t n = 0; n < 2; ++n) {
      for (int64_t a = 0; a < 2; ++a) {
        two.slice(n, n + 1).reshape({2, 1, 1, 8, 8}).slice(a, a + 1).copy_from(one.slice(n, n + 1));
      }
    }
    EXPECT_EQ(pdhg_solve(z, one, {.n_iter = 20}).to_doubles(),
              pdhg_solve(z, two, {.n_iter = 20}).to_doubles());
  }
}

TEST(PdhgSolve, StopsAtTheGapAskedForAndReportsIt) {
  const Tensor z = random_uniform({2, 1, 1, 12, 12}, 0.0, 1.0, 9), lambda = Tensor::scalar(0.1, DType::f64);
  const PdhgParams params{.n_iter = 5000};
  const PdhgState state = pdhg_start(z, params);
  const PdhgReport report = pdhg_solve(z, lambda, params, state, {.relative_gap = 1e-4, .check_every = 10});
  EXPECT_TRUE(report.converged);
  EXPECT_LT(report.iterations, 5000);
  EXPECT_EQ(report.iterations % 10, 0);
  const Tensor map = lambda.reshape({1, 1, 1, 1, 1});
  EXPECT_EQ(report.gap, tv_gap(state.x, state.q, z, map, {3, 4}));
  EXPECT_EQ(report.objective, tv_objective(state.x, z, map, {3, 4}));
  for (size_t n = 0; n < 2; ++n) EXPECT_LE(report.gap[n], 1e-4 * report.objective[n]);

  // Ten iterations fewer would not have been enough, and the state is that of so many iterations.
  const PdhgState earlier = pdhg_start(z, params);
  PdhgParams fewer = params;
  fewer.n_iter = report.iterations - 10;
  pdhg_iterate(z, lambda, fewer, earlier);
  const std::vector<double> gap = tv_gap(earlier.x, earlier.q, z, map, {3, 4}),
                            objective = tv_objective(earlier.x, z, map, {3, 4});
  EXPECT_TRUE(gap[0] > 1e-4 * objective[0] || gap[1] > 1e-4 * objective[1]);
  fewer.n_iter = 10;
  pdhg_iterate(z, lambda, fewer, earlier);
  EXPECT_EQ(earlier.x.to_doubles(), state.x.to_doubles());
}

TEST(PdhgSolve, ReportsWhatItHasWhereTheGapIsNotReached) {
  const Tensor z = random_uniform({1, 1, 1, 12, 12}, 0.0, 1.0, 10), lambda = Tensor::scalar(0.1, DType::f64);
  const PdhgParams params{.n_iter = 25};
  const PdhgReport report = pdhg_solve(z, lambda, params, pdhg_start(z, params), {.relative_gap = 1e-12});
  EXPECT_FALSE(report.converged);
  EXPECT_EQ(report.iterations, 25);
  EXPECT_GT(report.gap[0], 0.0);
}

std::string message_of(const Tensor& z, const Tensor& lambda, const PdhgParams& params = {.n_iter = 1}) {
  try {
    pdhg_solve(z, lambda, params);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(PdhgSolve, RefusesALambdaThatIsNoWeightAndSaysWhere) {
  const Tensor z = Tensor::zeros({1, 1, 1, 2, 2});
  for (const float bad :
       {-0.5f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Tensor lambda = Tensor::zeros({1, 2, 1, 2, 2});
    lambda.data<float>()[5] = bad;
    EXPECT_THROW(pdhg_solve(z, lambda, {.n_iter = 1}), NumericError);
    EXPECT_NE(message_of(z, lambda).find("element 5 of f32[1,2,1,2,2]"), std::string::npos)
        << message_of(z, lambda);
  }
}

TEST(PdhgSolve, RefusesShapesThatDoNotFit) {
  const Tensor z = Tensor::zeros({2, 1, 1, 4, 4});
  EXPECT_THROW(pdhg_solve(z, Tensor::zeros({2, 3, 1, 4, 4}), {}), ShapeError);
  EXPECT_THROW(pdhg_solve(z, Tensor::zeros({3}), {}), ShapeError);
  EXPECT_THROW(pdhg_solve(z, Tensor::zeros({2, 2, 1, 4, 4}, DType::f64), {}), ShapeError);
  EXPECT_THROW(pdhg_solve(Tensor::zeros({2, 2, 1, 4, 4}), Tensor::zeros({}), {}), ShapeError);
  EXPECT_THROW(pdhg_solve(Tensor::zeros({4, 4}), Tensor::zeros({}), {}), ShapeError);
  EXPECT_THROW(pdhg_solve(Tensor::zeros({1, 1, 1, 0, 4}), Tensor::zeros({}), {}), ShapeError);
  PdhgState state = pdhg_start(z, {});
  state.q = Tensor::zeros({2, 3, 1, 4, 4});
  EXPECT_THROW(pdhg_iterate(z, Tensor::scalar(0.1), {}, state), ShapeError);
}

TEST(PdhgSolve, RefusesStepsThatAreNoSteps) {
  const Tensor z = Tensor::zeros({1, 1, 1, 4, 4}), lambda = Tensor::scalar(0.1);
  EXPECT_THROW(pdhg_solve(z, lambda, {.n_iter = -1}), ConfigError);
  EXPECT_THROW(pdhg_solve(z, lambda, {.sigma = 0.0}), ConfigError);
  EXPECT_THROW(pdhg_solve(z, lambda, {.tau = -0.1}), ConfigError);
  EXPECT_THROW(pdhg_solve(z, lambda, {.theta = std::nan("")}), NumericError);
  EXPECT_THROW(pdhg_solve(z, lambda, {.sigma = std::numeric_limits<double>::infinity()}), NumericError);
}

}  // namespace
}  // namespace primal
