#include "solvers/lambda_choice/lambda_choice.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "solvers/grid_search/grid_search.h"
#include "support/pictures.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

// Two plateaus, a ramp and some texture, in double.
Tensor clean_picture(int64_t height, int64_t width) {
  const Tensor x = Tensor::empty({1, 1, 1, height, width}, DType::f64);
  for (int64_t i = 0; i < height; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      const double ramp = 0.3 * static_cast<double>(j) / static_cast<double>(width);
      x.data<double>()[i * width + j] =
          (i < height / 2 ? 0.25 : 0.75) + (j > width / 3 ? ramp : 0.0) +
          0.08 * std::sin(0.4 * static_cast<double>(i)) * std::cos(0.3 * static_cast<double>(j));
    }
  }
  return x;
}

Tensor noisy_picture(const Tensor& clean, double sigma, uint32_t draw) {
  const Tensor z = clean.clone(), n = Tensor::empty(clean.shape(), DType::f64);
  RandomStream(3, RandomPurpose::noise, 0, draw).fill_normal(n);
  for (int64_t i = 0; i < z.numel(); ++i) z.data<double>()[i] += sigma * n.data<double>()[i];
  return z;
}

double mean_square(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  for (size_t i = 0; i < u.size(); ++i) sum += (u[i] - v[i]) * (u[i] - v[i]);
  return sum / static_cast<double>(u.size());
}

std::vector<Tensor> solutions(const Tensor& z, const std::vector<double>& lambdas,
                              const LambdaChoiceParams& p) {
  std::vector<Tensor> all;
  grid_search(z, lambdas, {.pdhg = p.pdhg, .boundary = p.boundary}, [&](double, const Tensor& x) {
    all.push_back(x);
    return std::vector<double>{0.0};
  });
  return all;
}

TEST(LambdaRisks, ProbesFindTheDivergenceThatEveryPixelHas) {
  const double sigma = 0.1;
  const Tensor z = noisy_picture(clean_picture(10, 12), sigma, 0);
  const std::vector<double> lambdas = {0.02, 0.08, 0.2};
  LambdaChoiceParams params{.pdhg = {.n_iter = 100}, .n_probes = 400, .step = 1e-4};
  const std::vector<LambdaPoint> points = lambda_risks(z, sigma, lambdas, params);

  // 1/N sum of dx_i/dz_i, by the solver's exact adjoint: the gradient of x_i alone, pixel by pixel.
  const int64_t n = z.numel();
  for (size_t l = 0; l < lambdas.size(); ++l) {
    double exact = 0.0;
    for (int64_t i = 0; i < n; ++i) {
      const Variable leaf(z, true);
      const Variable weights =
          weights_at(params.boundary, Tensor::full({1}, lambdas[l], DType::f64), z.shape(), params.pdhg.axes);
      const Tensor one = Tensor::zeros(z.shape(), DType::f64);
      one.data<double>()[i] = 1.0;
      pdhg(leaf, weights, params.pdhg).backward(one);
      exact += leaf.grad().span<const double>()[static_cast<size_t>(i)] / static_cast<double>(n);
    }
    // sqrt(2 / (N probes)) times the norm of the derivative is 6e-3 at most; measured 1e-3
    EXPECT_NEAR(points[l].divergence, exact, 6e-3) << "lambda " << lambdas[l];
    EXPECT_GT(exact, 0.02);
    EXPECT_LT(exact, 0.95);
  }
}

TEST(LambdaRisks, AreWhatTheEquationsSay) {
  const double sigma = 0.1;
  const Tensor z = noisy_picture(clean_picture(12, 12), sigma, 1);
  const std::vector<double> lambdas = {0.0, 0.05, 0.3};
  const LambdaChoiceParams params{.pdhg = {.n_iter = 50}, .n_probes = 2};
  const std::vector<LambdaPoint> points = lambda_risks(z, sigma, lambdas, params);
  const std::vector<Tensor> x = solutions(z, lambdas, params);
  ASSERT_EQ(points.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(points[i].lambda, lambdas[i]);
    EXPECT_NEAR(points[i].residual, mean_square(x[i], z), 1e-15);
    EXPECT_DOUBLE_EQ(points[i].risk,
                     points[i].residual - sigma * sigma + 2.0 * sigma * sigma * points[i].divergence);
  }
  // lambda = 0 gives z back, whose every derivative is 1 and whose error is the noise.
  EXPECT_NEAR(points[0].divergence, 1.0, 1e-9);
  EXPECT_NEAR(points[0].risk, sigma * sigma, 1e-9);
}

TEST(LambdaRisks, AreTheTrueErrorInTheMeanOfManyDraws) {
  const double sigma = 0.1;
  const Tensor clean = clean_picture(32, 32);
  const std::vector<double> lambdas = {0.02, 0.06, 0.15};
  constexpr int kDraws = 60;
  std::vector<double> difference(lambdas.size()), squares(lambdas.size()), truth(lambdas.size());
  for (uint32_t draw = 0; draw < kDraws; ++draw) {
    const Tensor z = noisy_picture(clean, sigma, draw + 10).to(DType::f32);
    // Other probes for each draw: those of one seed have the same chance in all of them.
    const LambdaChoiceParams params{.pdhg = {.n_iter = 60}, .seed = draw};
    const std::vector<LambdaPoint> points = lambda_risks(z, sigma, lambdas, params);
    const std::vector<Tensor> x = solutions(z, lambdas, params);
    for (size_t i = 0; i < lambdas.size(); ++i) {
      const double error = mean_square(x[i], clean), d = points[i].risk - error;
      difference[i] += d / kDraws;
      squares[i] += d * d / kDraws;
      truth[i] += error / kDraws;
    }
  }
  for (size_t i = 0; i < lambdas.size(); ++i) {
    const double standard_error = std::sqrt(squares[i] / kDraws);
    EXPECT_LT(std::abs(difference[i]), 3.0 * standard_error) << "lambda " << lambdas[i];
    EXPECT_LT(standard_error, 0.1 * truth[i]) << "too few draws to say anything";
  }
}

TEST(LambdaRisks, DoNotChangeWithThreadsOrSlices) {
  const Tensor z = noisy_picture(clean_picture(20, 24), 0.1, 2).to(DType::f32);
  const std::vector<double> lambdas = {0.01, 0.03, 0.05, 0.1, 0.2};
  LambdaChoiceParams params{.pdhg = {.n_iter = 40}};
  set_num_threads(1);
  const std::vector<LambdaPoint> one = lambda_risks(z, 0.1, lambdas, params);
  set_num_threads(3);
  params.max_bytes = 1;  // a lambda at a time
  const std::vector<LambdaPoint> three = lambda_risks(z, 0.1, lambdas, params);
  set_num_threads(1);
  for (size_t i = 0; i < lambdas.size(); ++i) EXPECT_EQ(one[i].risk, three[i].risk) << i;
}

TEST(LambdaChoice, ByRiskIsNearlyAsGoodAsTheBestThatTheCleanPictureTells) {
  const double sigma = 0.15;
  const Tensor clean = clean_picture(96, 96);
  const Tensor z = noisy_picture(clean, sigma, 3).to(DType::f32);
  const LambdaChoiceParams params;
  const LambdaChoice choice = lambda_by_risk(z, sigma, params);
  const std::vector<double> grid = lambda_grid(0.0, 0.8, 81);
  double best = std::numeric_limits<double>::infinity();
  for (const Tensor& x : solutions(z, grid, params)) best = std::min(best, mean_square(x, clean));
  const double found = mean_square(solutions(z, {choice.lambda}, params)[0], clean);
  EXPECT_LT(10.0 * std::log10(found / best), 0.15) << "lambda " << choice.lambda;
  EXPECT_FALSE(choice.at_the_edge);
  EXPECT_TRUE(std::ranges::is_sorted(choice.points, {}, &LambdaPoint::lambda));
  EXPECT_GT(choice.points.size(), 13u);
}

TEST(LambdaChoice, ByDiscrepancyTakesAwayAsMuchAsTheNoise) {
  const double sigma = 0.1;
  const Tensor z = noisy_picture(clean_picture(64, 64), sigma, 4).to(DType::f32);
  const LambdaChoiceParams params;
  const LambdaChoice choice = lambda_by_discrepancy(z, sigma, params);
  EXPECT_FALSE(choice.at_the_edge);
  const double residual = mean_square(solutions(z, {choice.lambda}, params)[0], z);
  EXPECT_NEAR(residual, sigma * sigma, 0.005 * sigma * sigma);
  EXPECT_GT(choice.lambda, lambda_by_risk(z, sigma, params).lambda);  // it smooths more
}

TEST(LambdaChoice, ScalesWithThePicture) {
  const Tensor z = noisy_picture(clean_picture(48, 48), 0.1, 5), large = z.clone();
  for (double& v : large.span<double>()) v *= 8.0;
  const LambdaChoiceParams params{.pdhg = {.n_iter = 60}};
  EXPECT_NEAR(lambda_by_risk(large, 0.8, params).lambda, 8.0 * lambda_by_risk(z, 0.1, params).lambda, 1e-6);
}

TEST(LambdaChoice, HasAnAnswerForPicturesWithoutNoiseAndOfNothingElse) {
  const Tensor constant = Tensor::full({1, 1, 1, 16, 16}, 0.5);
  for (const auto& choose : {lambda_by_risk, lambda_by_discrepancy}) {
    const LambdaChoice nothing = choose(constant, 0.0, {});
    EXPECT_EQ(nothing.lambda, 0.0);
    EXPECT_TRUE(nothing.points.empty());
    EXPECT_TRUE(std::isfinite(choose(constant, 0.1, {.pdhg = {.n_iter = 30}}).lambda));
  }
  // More noise than the picture has deviation: no lambda takes away so much.
  const LambdaChoice beyond = lambda_by_discrepancy(noisy_picture(constant.to(DType::f64), 0.1, 6), 1.0, {});
  EXPECT_TRUE(beyond.at_the_edge);
  EXPECT_EQ(beyond.lambda, beyond.points.back().lambda);
}

TEST(LambdaChoice, RefusesWhatItCannotUse) {
  const Tensor z = Tensor::full({1, 1, 1, 16, 16}, 0.5);
  EXPECT_THROW(lambda_by_risk(z, -0.1), ConfigError);
  EXPECT_THROW(lambda_by_discrepancy(z, std::numeric_limits<double>::quiet_NaN()), ConfigError);
  EXPECT_THROW(lambda_risks(z, 0.1, {}), ConfigError);
  EXPECT_THROW(lambda_by_risk(Tensor::full({2, 1, 1, 16, 16}, 0.5), 0.1), ShapeError);
  const Tensor bad = z.clone();
  bad.data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(lambda_by_risk(bad, 0.1), NumericError);
}

}  // namespace
}  // namespace primal
