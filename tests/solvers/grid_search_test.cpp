#include "solvers/grid_search/grid_search.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "support/pictures.h"
#include "tensor/error.h"

namespace primal {
namespace {

double distance(const Tensor& a, const Tensor& b) {
  const Tensor d = a.clone();
  for (int64_t i = 0; i < d.numel(); ++i) d.data<float>()[i] -= b.data<float>()[i];
  return std::sqrt(dot(d, d));
}

TEST(GridSearch, SolvesEachLambdaWhateverTheSliceSize) {
  const Tensor z = random_uniform({1, 1, 1, 12, 20}, 0.0, 1.0, 1).to(DType::f32);
  const std::vector<double> grid = lambda_grid(0.0, 0.4, 7);
  for (const int64_t max_bytes : {int64_t{1}, int64_t{3 * 5 * 12 * 20 * 4}, int64_t{1} << 30}) {
    std::vector<double> seen;
    grid_search(z, grid, {.pdhg = {.n_iter = 30}, .max_state_bytes = max_bytes},
                [&](double lambda, const Tensor& x) -> std::vector<double> {
                  seen.push_back(lambda);
                  EXPECT_EQ(x.to_doubles(),
                            pdhg_solve(z, Tensor::scalar(lambda), {.n_iter = 30}).to_doubles());
                  return {0.0};
                });
    EXPECT_EQ(seen, grid);
  }
}

TEST(GridSearch, FindsTheBestOfEachScore) {
  const Tensor z = random_uniform({1, 1, 1, 10, 10}, 0.0, 1.0, 2).to(DType::f32);
  const std::vector<double> grid = lambda_grid(0.0, 0.2, 9);
  const Tensor target = pdhg_solve(z, Tensor::scalar(grid[5]), {.n_iter = 50});
  const GridSearchResult result = grid_search(z, grid, {.pdhg = {.n_iter = 50}},
                                              [&](double lambda, const Tensor& x) -> std::vector<double> {
                                                return {-distance(x, target), lambda, -lambda};
                                              });
  EXPECT_EQ(result.best, (std::vector<size_t>{5, 8, 0}));
  EXPECT_EQ(result.best_x[0].to_doubles(), target.to_doubles());
  EXPECT_EQ(result.best_x[2].to_doubles(), z.to_doubles());  // lambda = 0
  EXPECT_EQ(result.scores.size(), 9u);
  EXPECT_EQ(result.scores[5][0], 0.0);
}

TEST(GridSearch, SolvesEachTupleOfWeightsWhateverTheSliceSize) {
  const Tensor z = random_uniform({1, 1, 4, 5, 6}, 0.0, 1.0, 4).to(DType::f32);
  const std::vector<WeightTuple> tuples{{0.0, 0.1, 0.3}, {0.2, 0.2, 0.0}, {0.05, 0.0, 0.4}};
  PdhgParams pdhg{.n_iter = 30, .axes = {2, 3, 4}};
  pdhg.sigma = pdhg.tau = 1.0 / pdhg_norm(pdhg.axes);
  for (const Boundary boundary : {Boundary::periodic, Boundary::symmetric}) {
    for (const int64_t max_bytes : {int64_t{1}, int64_t{1} << 30}) {
      size_t n = 0;
      const GridSearchResult result = grid_search_tuples(
          z, tuples, {.pdhg = pdhg, .boundary = boundary, .max_state_bytes = max_bytes},
          [&](size_t index, const Tensor& x) -> std::vector<double> {
            EXPECT_EQ(index, n++);
            const Tensor weights = Tensor::from(Shape{1, 3, 1, 1, 1}, tuples[index]).to(DType::f32);
            EXPECT_EQ(x.to_doubles(),
                      pdhg_solve(z, weights_at(boundary, weights, z.shape(), pdhg.axes).value(), pdhg)
                          .to_doubles());
            return {index == 1 ? 1.0 : 0.0};
          });
      EXPECT_EQ(n, 3u);
      EXPECT_EQ(result.best, std::vector<size_t>{1});
    }
  }
  const std::vector<WeightTuple> short_tuple{{0.1, 0.1}};
  EXPECT_THROW(grid_search_tuples(z, short_tuple, {.pdhg = pdhg},
                                  [](size_t, const Tensor&) -> std::vector<double> { return {0.0}; }),
               ConfigError);
}

TEST(GridSearch, TakesTheFirstOfEqualScoresAndNeverANaN) {
  const Tensor z = Tensor::full({1, 1, 1, 4, 4}, 0.5);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> grid = {0.1, 0.2, 0.3, 0.4}, scores = {nan, 1.0, 1.0, nan};
  size_t i = 0;
  const GridSearchResult result =
      grid_search(z, grid, {.pdhg = {.n_iter = 1}},
                  [&](double, const Tensor&) -> std::vector<double> { return {scores[i++]}; });
  EXPECT_EQ(result.best, std::vector<size_t>{1});
  const auto all_nan = [&](double, const Tensor&) -> std::vector<double> { return {nan}; };
  EXPECT_THROW(grid_search(z, grid, {.pdhg = {.n_iter = 1}}, all_nan), NumericError);
}

TEST(GridSearch, GridIncludesBothEnds) {
  const std::vector<double> grid = lambda_grid(0.0, 0.8, 81);
  ASSERT_EQ(grid.size(), 81u);
  EXPECT_EQ(grid.front(), 0.0);
  EXPECT_EQ(grid.back(), 0.8);
  EXPECT_NEAR(grid[7], 0.07, 1e-15);
  EXPECT_EQ(lambda_grid(0.3, 0.9, 1), std::vector<double>{0.3});
}

TEST(GridSearch, RefusesWhatIsNoGridOrNoPicture) {
  const auto score = [](double, const Tensor&) { return std::vector<double>{0.0}; };
  const Tensor z = Tensor::zeros({1, 1, 1, 4, 4});
  EXPECT_THROW(grid_search(z, {}, {}, score), ConfigError);
  EXPECT_THROW(grid_search(Tensor::zeros({2, 1, 1, 4, 4}), std::vector<double>{0.1}, {}, score), ShapeError);
  EXPECT_THROW(grid_search(z, std::vector<double>{-0.1}, {}, score), NumericError);
  EXPECT_THROW(lambda_grid(0.0, 1.0, 0), ConfigError);
}

TEST(GridSearch, RunsOnADevice) {
  const Tensor z = random_uniform({1, 1, 1, 6, 9}, 0.0, 1.0, 1).to(DType::f32);
  const std::vector<double> grid = lambda_grid(0.0, 0.2, 3);
  const auto run = [&](Device device) {
    return grid_search(z.to(device), grid, {.pdhg = {.n_iter = 7}},
                       [&](double, const Tensor& x) -> std::vector<double> {
                         EXPECT_EQ(x.device(), device);
                         return {-distance(x.to(Device{}), z)};
                       });
  };
  const GridSearchResult here = run({}), there = run(Device::simt());
  EXPECT_EQ(there.best, here.best);
  for (size_t i = 0; i < grid.size(); ++i) EXPECT_NEAR(there.scores[i][0], here.scores[i][0], 1e-6);
}

}  // namespace
}  // namespace primal
