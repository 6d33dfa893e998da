#include "nn/sure_loss/sure_loss.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "solvers/pdhg/pdhg.h"
#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/random.h"

namespace primal {
namespace {

Tensor vector_of(std::vector<double> values) { return Tensor::from(Shape{std::ssize(values)}, values); }

TEST(SureLoss, IsProven) { expect_op_proven(sure_loss_info()); }

TEST(SureLoss, MatchesHandArithmetic) {
  // Two pictures of two elements, sigma 1 and 2, eps 1/2 for both.
  const Variable f(Tensor::from(Shape{2, 2}, std::vector<double>{1, 2, 3, 4}), true);
  const Variable h(Tensor::from(Shape{2, 2}, std::vector<double>{2, 2, 1, 5}), true);
  const Tensor z = Tensor::from(Shape{2, 2}, std::vector<double>{0, 2, 5, 4});
  const Tensor b = Tensor::from(Shape{2, 2}, std::vector<double>{1, -1, -1, 1});
  const Variable y = sure_loss(f, h, {z, b, vector_of({1, 2}), vector_of({0.5})});
  EXPECT_EQ(y.shape(), Shape{});
  // (f-z)^2: 1 0 4 0;  sigma^2: 1 1 4 4;  b (h-f): 1 0 2 1, times 2 sigma^2 / eps: 4 4 16 16
  EXPECT_DOUBLE_EQ(y.value().item(), (5.0 - 10.0 + 4.0 + 0.0 + 32.0 + 16.0) / 4.0);
  y.backward();
  // 2/n = 1/2; 2 sigma^2 / (n eps) = 1 1 4 4
  EXPECT_EQ(f.grad().to_doubles(), (std::vector<double>{0.5 - 1, 0 + 1, -1 + 4, 0 - 4}));
  EXPECT_EQ(h.grad().to_doubles(), (std::vector<double>{1, -1, -4, 4}));
}

TEST(SureLoss, WithoutNoiseItIsTheDistanceToThePicture) {
  const Tensor f = vector_of({1, 2, 4}), z = vector_of({1, 3, 2});
  const Tensor b = vector_of({1, 1, 1});
  EXPECT_DOUBLE_EQ(sure_loss(f, b, {z, b, vector_of({0}), vector_of({1})}).value().item(), 5.0 / 3.0);
}

// ---- the mean over many draws of the noise is the true error ----------------------------------------------

constexpr int64_t kSide = 12;

Tensor clean_picture() {
  const Tensor x = Tensor::empty({1, 1, 1, kSide, kSide}, DType::f64);
  for (int64_t i = 0; i < x.numel(); ++i)
    x.data<double>()[i] = (i / kSide < 5 ? 0.2 : 0.7) + 0.1 * std::sin(0.7 * static_cast<double>(i % kSide));
  return x;
}

// x + scale d
Tensor moved(const Tensor& x, const Tensor& d, double scale) {
  const Tensor sum = x.clone();
  for (int64_t i = 0; i < x.numel(); ++i) sum.data<double>()[i] += scale * d.data<double>()[i];
  return sum;
}

double mean_square(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double d = a.data<double>()[i] - b.data<double>()[i];
    sum += d * d;
  }
  return sum / static_cast<double>(a.numel());
}

// Each row's mean with its neighbours: 1/4, 1/2, 1/4, around the edge. Linear, with the divergence n / 2.
Tensor smoothed(const Tensor& z) {
  const Tensor y = Tensor::empty(z.shape(), DType::f64);
  const double* in = z.data<double>();
  for (int64_t i = 0; i < z.numel(); ++i) {
    const int64_t row = i / kSide * kSide, column = i % kSide;
    y.data<double>()[i] =
        0.5 * in[i] + 0.25 * in[row + (column + 1) % kSide] + 0.25 * in[row + (column + kSide - 1) % kSide];
  }
  return y;
}

Tensor total_variation(const Tensor& z) {
  const Tensor lambda = Tensor::full({1, 1, 1, kSide, kSide}, 0.06, DType::f64);
  return pdhg(z, lambda, {.n_iter = 30}).value();
}

struct Comparison {
  double difference;      // mean of SURE - true error, of all draws
  double standard_error;  // of that mean
  double true_error;      // the mean
};

using Picture = Tensor (*)(const Tensor&);

// z of the clean picture and of normal numbers n.
using NoiseModel = Tensor (*)(const Tensor& x, const Tensor& n, double sigma);
Tensor white(const Tensor& x, const Tensor& n, double sigma) { return moved(x, n, sigma); }

Comparison compare(Picture denoise, double sigma, double assumed_sigma, double eps, NoiseModel noise = white,
                   const Tensor& x = clean_picture()) {
  constexpr uint32_t kDraws = 2000;
  const Tensor n = Tensor::empty(x.shape(), DType::f64), b = Tensor::empty(x.shape(), DType::f64);
  double sum = 0.0, squares = 0.0, errors = 0.0;
  for (uint32_t draw = 0; draw < kDraws; ++draw) {
    RandomStream(11, RandomPurpose::noise, 0, draw).fill_normal(n);
    RandomStream(11, RandomPurpose::probe, 0, draw).fill_signs(b);
    const Tensor z = noise(x, n, sigma), f = denoise(z), h = denoise(moved(z, b, eps));
    const double error = mean_square(f, x);
    const SureInputs inputs{z, b, vector_of({assumed_sigma}), vector_of({eps})};
    const double estimate = sure_loss(f, h, inputs).value().item();
    sum += estimate - error;
    squares += (estimate - error) * (estimate - error);
    errors += error;
  }
  const double mean = sum / kDraws;
  return {mean, std::sqrt((squares / kDraws - mean * mean) / kDraws), errors / kDraws};
}

void expect_unbiased(Picture denoise, double eps) {
  const Comparison c = compare(denoise, 0.1, 0.1, eps);
  EXPECT_LT(c.standard_error, 0.02 * c.true_error);  // sharp enough to mean something
  EXPECT_LT(std::abs(c.difference), 4.0 * c.standard_error)
      << "true error " << c.true_error << ", SURE is off by " << c.difference << " +- " << c.standard_error;
}

TEST(SureLoss, ItsMeanIsTheTrueErrorOfALinearSmoother) { expect_unbiased(smoothed, 0.01); }
TEST(SureLoss, ItsMeanIsTheTrueErrorOfPdhg) { expect_unbiased(total_variation, 1e-3); }

TEST(SureLoss, OfALinearSmootherTheProbesFindTheExactDivergence) {
  // b . (S b) has the mean trace S = n / 2: SURE without the residual, sigma^2 (2 div / n - 1) = 0.
  double sum = 0.0;
  constexpr uint32_t kProbes = 4000;
  const Tensor z = clean_picture(), f = smoothed(z), b = Tensor::empty(z.shape(), DType::f64);
  for (uint32_t k = 0; k < kProbes; ++k) {
    RandomStream(5, RandomPurpose::probe, 0, k).fill_signs(b);
    const Tensor h = smoothed(moved(z, b, 0.1));
    sum += sure_loss(f, h, {z, b, vector_of({1.0}), vector_of({0.1})}).value().item() - mean_square(f, z);
  }
  EXPECT_NEAR(sum / kProbes, 0.0, 4.0 * 2.0 * std::sqrt(2.0 * 0.125 / 144.0 / kProbes));
}

TEST(SureLoss, AWrongSigmaIsSeenInTheMean) {
  // The bias is (s^2 - sigma^2) (2 div / n - 1) for an assumed s: of the identity's opposite, a constant,
  // div = 0.
  const auto constant = [](const Tensor& z) { return Tensor::full(z.shape(), 0.4, DType::f64); };
  const Comparison c = compare(constant, 0.1, 0.2, 0.01);
  EXPECT_NEAR(c.difference, -(0.04 - 0.01), 4.0 * c.standard_error);
}

TEST(SureLoss, CorrelatedNoiseIsTakenForThePicture) {
  // Neighbours share noise (1 2 1, the deviation kept): correlation 2/3 at one pixel. The smoother follows
  // it, and the divergence does not see that:
  // 2/n (sum of df_i/dz_j cov_ij - sigma^2 div f) = 2 sigma^2 (2 1/4 2/3) is missing from the estimate.
  const auto correlated = [](const Tensor& x, const Tensor& n, double sigma) {
    return moved(x, smoothed(n), sigma * 4.0 / std::sqrt(6.0));
  };
  const Comparison c = compare(smoothed, 0.1, 0.1, 0.01, correlated);
  EXPECT_NEAR(c.difference, -2.0 * 0.01 / 3.0, 4.0 * c.standard_error);
  EXPECT_LT(c.standard_error, 1e-4);
}

TEST(SureLoss, ClippedNoiseHasAnotherMean) {
  // A black picture: half of the noise is cut off, and a denoiser that leaves z alone is wrong by half of
  // sigma^2, not by sigma^2.
  const auto clipped = [](const Tensor& x, const Tensor& n, double sigma) {
    const Tensor z = moved(x, n, sigma);
    for (int64_t i = 0; i < z.numel(); ++i) z.data<double>()[i] = std::max(0.0, z.data<double>()[i]);
    return z;
  };
  const auto unchanged = [](const Tensor& z) { return z; };
  const Tensor black = Tensor::zeros({1, 1, 1, kSide, kSide}, DType::f64);
  const Comparison c = compare(unchanged, 0.1, 0.1, 0.01, clipped, black);
  EXPECT_NEAR(c.true_error, 0.005, 1e-4);
  EXPECT_NEAR(c.difference, 0.005, 4.0 * c.standard_error);
}

TEST(SureLoss, ItsMeanGradientIsThatOfTheTrueError) {
  // f = a z: the true error is (a - 1)^2 mean(x^2) + a^2 sigma^2,
  // its slope 2 (a - 1) mean(x^2) + 2 a sigma^2.
  constexpr double a = 0.7, sigma = 0.1, eps = 0.01;
  constexpr uint32_t kDraws = 4000;
  const Tensor x = clean_picture(), n = Tensor::empty(x.shape(), DType::f64),
               b = Tensor::empty(x.shape(), DType::f64);
  const Tensor zero = Tensor::zeros(x.shape(), DType::f64);
  double sum = 0.0, squares = 0.0;
  for (uint32_t draw = 0; draw < kDraws; ++draw) {
    RandomStream(12, RandomPurpose::noise, 0, draw).fill_normal(n);
    RandomStream(12, RandomPurpose::probe, 0, draw).fill_signs(b);
    const Tensor z = moved(x, n, sigma), z_moved = moved(z, b, eps);
    const Variable f(moved(zero, z, a), true), h(moved(zero, z_moved, a), true);
    sure_loss(f, h, {z, b, vector_of({sigma}), vector_of({eps})}).backward();
    double slope = 0.0;  // grad_f . df/da + grad_h . dh/da
    for (int64_t i = 0; i < z.numel(); ++i)
      slope += f.grad().data<double>()[i] * z.data<double>()[i] +
               h.grad().data<double>()[i] * z_moved.data<double>()[i];
    sum += slope;
    squares += slope * slope;
  }
  const double mean = sum / kDraws, standard_error = std::sqrt((squares / kDraws - mean * mean) / kDraws);
  EXPECT_NEAR(mean, 2.0 * (a - 1.0) * mean_square(x, zero) + 2.0 * a * sigma * sigma, 4.0 * standard_error);
}

// ---- bits, devices and errors -----------------------------------------------------------------------------

TEST(SureLoss, GivesTheSameBitsForAnyThreadCount) {
  const Tensor t = Tensor::empty({2, 100000});
  RandomStream(1, RandomPurpose::test).fill_normal(t);
  const SureInputs in{Tensor::zeros(t.shape()), t, Tensor::full({2}, 0.3), Tensor::full({1}, 0.1)};
  const int before = num_threads();
  std::vector<double> losses;
  for (int n : {1, 2, 5}) {
    set_num_threads(n);
    losses.push_back(sure_loss(t, in.z, in).value().item());
  }
  set_num_threads(before);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
}

TEST(SureLoss, NamesWhatDiffers) {
  const auto message_of = [](const Tensor& f, const SureInputs& in) -> std::string {
    try {
      sure_loss(f, f, in);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const Tensor f = Tensor::zeros({2, 3}), one = Tensor::full({1}, 1.0);
  EXPECT_EQ(message_of(f, {Tensor::zeros({3, 2}), f, one, one}),
            "[sure_loss] z must be as f: f=f32[2,3] z=f32[3,2]");
  EXPECT_EQ(message_of(f, {f, Tensor::zeros({2, 3}, DType::f64), one, one}),
            "[sure_loss] b must be as f: f=f32[2,3] b=f64[2,3]");
  EXPECT_EQ(message_of(f, {f, f, Tensor::full({3}, 1.0), one}),
            "[sure_loss] sigma must be [2] or [1], of f's type: f=f32[2,3] sigma=f32[3]");
  EXPECT_EQ(message_of(f, {f, f, one, Tensor::full({2, 1}, 1.0)}),
            "[sure_loss] eps must be [2] or [1], of f's type: f=f32[2,3] eps=f32[2,1]");
  const Tensor none = Tensor::zeros({0, 2});
  EXPECT_EQ(message_of(none, {none, none, one, one}), "[sure_loss] f has no elements: f32[0,2]");
  EXPECT_EQ(message_of(f, {f, f, Tensor::full({1}, -0.5), one}),
            "[sure_loss] sigma must be at least 0, found -0.5 at 0");
  EXPECT_EQ(message_of(f, {f, f, one, Tensor::zeros({2})}), "[sure_loss] eps must be above 0, found 0 at 0");
}

TEST(SureLoss, StaysOnItsDeviceAndRefusesTwo) {
  const Tensor f = Tensor::full({3}, 2.0, DType::f32, Device::simt());
  const Tensor one = Tensor::full({1}, 1.0, DType::f32, Device::simt());
  EXPECT_EQ(sure_loss(f, f, {f, f, one, one}).value().device(), Device::simt());
  EXPECT_THROW(sure_loss(f, f, {Tensor::zeros({3}), f, one, one}), DeviceError);
}

}  // namespace
}  // namespace primal
