// The iterates themselves: hand arithmetic, an independent transcription of the equations, and the state
// that goes in and comes out.
#include <cmath>
#include <gtest/gtest.h>

#include "solvers/pdhg/pdhg.h"
#include "support/pictures.h"
#include "tensor/error.h"

namespace primal {
namespace {

void expect_near(const Tensor& t, const std::vector<double>& expected, double allowed = 1e-14) {
  const std::vector<double> got = t.to_doubles();
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], allowed) << "element " << i;
}

TEST(PdhgIteration, IteratesOneAndTwoMatchHandArithmetic) {
  // Two pixels z = (0, 1), lambda = (0.25, 0.1), sigma = tau = 1/2, p from 0.
  // 1: p = 0;  G x_bar = (1, -1);  v = (0.5, -0.5), q = (0.25, -0.1);
  //    G' q = (q1 - q0, q0 - q1) = (-0.35, 0.35)
  //    x = (0, 1) - (-0.175, 0.175) = (0.175, 0.825);  x_bar = x + theta (0.175, -0.175)
  const Tensor z = row({0, 1}), lambda = row({0.25, 0.1});
  struct Second {
    double theta;
    double x_bar, p, x;  // first pixel; the second is its mirror: 1 - x_bar, -p, 1 - x
  };
  // 2: p = (x_bar - z) / 3;  v stays beyond both bounds, q = (0.25, -0.1);  x = 0.175 - (p - 0.35) / 2
  for (const Second& s :
       {Second{0.0, 0.175, 0.175 / 3, 0.35 - 0.175 / 6}, Second{0.5, 0.2625, 0.0875, 0.30625},
        Second{1.0, 0.35, 0.35 / 3, 0.35 - 0.35 / 6}}) {
    const PdhgParams one{.n_iter = 1, .sigma = 0.5, .tau = 0.5, .theta = s.theta, .axes = {4}};
    const PdhgState state = pdhg_start(z, one);
    pdhg_iterate(z, lambda, one, state);
    expect_near(state.p, {0, 0});
    expect_near(state.q, {0.25, -0.1});
    expect_near(state.x, {0.175, 0.825});
    expect_near(state.x_bar, {s.x_bar, 1 - s.x_bar});
    pdhg_iterate(z, lambda, one, state);
    expect_near(state.p, {s.p, -s.p});
    expect_near(state.q, {0.25, -0.1});
    expect_near(state.x, {s.x, 1 - s.x});
  }
}

TEST(PdhgIteration, NoisyStartMatchesHandArithmetic) {
  // p = z / (1 + sigma) = (0, 2/3);  x = z - (p + G' q) / 2 with q as above
  const PdhgParams params{.n_iter = 1, .sigma = 0.5, .tau = 0.5, .axes = {4}, .p_start = PdhgStart::noisy};
  expect_near(pdhg_solve(row({0, 1}), row({0.25, 0.1}), params), {0.175, 0.825 - 1.0 / 3.0});
}

// The equations once more, written for one picture and axes (3,4) with nothing shared with the library.
struct Transcription {
  int H, W;
  std::vector<double> z, lambda_h, lambda_w, x, x_bar, p, q_h, q_w;

  Transcription(int h, int w, const std::vector<double>& picture, const std::vector<double>& lambda)
      : H(h),
        W(w),
        z(picture),
        lambda_h(lambda.begin(), lambda.begin() + h * w),
        lambda_w(lambda.begin() + h * w, lambda.end()),
        x(z),
        x_bar(z),
        p(z.size(), 0.0),
        q_h(z.size(), 0.0),
        q_w(z.size(), 0.0) {}

  size_t at(int i, int j) const { return static_cast<size_t>((i + H) % H * W + (j + W) % W); }

  void iterate(double sigma, double tau, double theta) {
    const std::vector<double> old_x = x;
    for (int i = 0; i < H; ++i) {
      for (int j = 0; j < W; ++j) {
        const size_t o = at(i, j);
        p[o] = (p[o] + sigma * (x_bar[o] - z[o])) / (1 + sigma);
        const double vh = q_h[o] + sigma * (x_bar[at(i + 1, j)] - x_bar[o]);
        const double vw = q_w[o] + sigma * (x_bar[at(i, j + 1)] - x_bar[o]);
        q_h[o] = std::fmax(-lambda_h[o], std::fmin(lambda_h[o], vh));
        q_w[o] = std::fmax(-lambda_w[o], std::fmin(lambda_w[o], vw));
      }
    }
    for (int i = 0; i < H; ++i) {
      for (int j = 0; j < W; ++j) {
        const size_t o = at(i, j);
        x[o] -= tau * p[o] + tau * (q_h[at(i - 1, j)] - q_h[o] + q_w[at(i, j - 1)] - q_w[o]);
        x_bar[o] = x[o] + theta * (x[o] - old_x[o]);
      }
    }
  }
};

TEST(PdhgIteration, MatchesATranscriptionForSmallLargeAndUsualSteps) {
  const Shape shape{1, 1, 1, 4, 3};
  const Tensor z = random_uniform(shape, 0.0, 1.0, 1), lambda = random_uniform(shape.with(1, 2), 0.0, 0.3, 2);
  for (const double scale : {0.3, 1.0, 5.0}) {  // norm of the scaled operator sqrt(tau sigma) [I, G]
    for (const double theta : {0.0, 0.5, 1.0}) {
      const double sigma = scale / 3.0, tau = 0.9 * scale / 3.0;
      Transcription expected(4, 3, z.to_doubles(), lambda.to_doubles());
      const PdhgParams one{.n_iter = 1, .sigma = sigma, .tau = tau, .theta = theta};
      const PdhgState state = pdhg_start(z, one);
      for (int k = 0; k < 2; ++k) {
        expected.iterate(sigma, tau, theta);
        pdhg_iterate(z, lambda, one, state);
        expect_near(state.x, expected.x, 1e-13);
        expect_near(state.x_bar, expected.x_bar, 1e-13);
        expect_near(state.p, expected.p, 1e-13);
        std::vector<double> q = expected.q_h;
        q.insert(q.end(), expected.q_w.begin(), expected.q_w.end());
        expect_near(state.q, q, 1e-13);
      }
    }
  }
}

TEST(PdhgIteration, TwoAndThreeIterationsEqualFive) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const Axes& axes : {Axes{3, 4}, Axes{2, 3, 4}, Axes{2}}) {
      const Shape shape{2, 1, 3, 6, 19};
      const Tensor z = random_uniform(shape, 0.0, 1.0, 3).to(dtype),
                   lambda = random_uniform(shape.with(1, axes.count()), 0.0, 0.2, 4).to(dtype);
      PdhgParams params{.n_iter = 5, .axes = axes, .p_start = PdhgStart::noisy};
      const PdhgState five = pdhg_start(z, params), parts = pdhg_start(z, params);
      pdhg_iterate(z, lambda, params, five);
      params.n_iter = 2;
      pdhg_iterate(z, lambda, params, parts);
      params.n_iter = 3;
      pdhg_iterate(z, lambda, params, parts);
      EXPECT_EQ(parts.x.to_doubles(), five.x.to_doubles()) << name_of(dtype) << axes.str();
      EXPECT_EQ(parts.x_bar.to_doubles(), five.x_bar.to_doubles());
      EXPECT_EQ(parts.p.to_doubles(), five.p.to_doubles());
      EXPECT_EQ(parts.q.to_doubles(), five.q.to_doubles());
    }
  }
}

TEST(PdhgIteration, NoIterationLeavesTheStart) {
  const Tensor z = random_uniform({1, 1, 1, 5, 5}, 0.0, 1.0, 5);
  EXPECT_EQ(pdhg_solve(z, Tensor::scalar(0.1, DType::f64), {.n_iter = 0}).to_doubles(), z.to_doubles());
}

TEST(PdhgIteration, LambdaZeroGivesDualZeroAndThePictureItself) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor z = random_uniform({1, 1, 1, 6, 7}, 0.0, 1.0, 6).to(dtype);
    const PdhgParams params{.n_iter = 300};
    const PdhgState state = pdhg_start(z, params);
    pdhg_iterate(z, Tensor::scalar(0.0, dtype), params, state);
    for (double q : state.q.to_doubles()) EXPECT_EQ(q, 0.0);
    EXPECT_EQ(state.x.to_doubles(), z.to_doubles());  // p stays 0: nothing moves
  }
}

TEST(PdhgIteration, StepRuleUsesTheNormOfTheStackedOperator) {
  EXPECT_DOUBLE_EQ(pdhg_norm({3, 4}), 3.0);
  EXPECT_DOUBLE_EQ(pdhg_norm({2, 3, 4}), std::sqrt(13.0));
  EXPECT_DOUBLE_EQ(pdhg_norm({4}), std::sqrt(5.0));
}

}  // namespace
}  // namespace primal
