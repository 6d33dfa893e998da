#include "nn/activation/activation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <type_traits>
#include <vector>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

Variable leaf(std::vector<double> values) {
  const int64_t n = std::ssize(values);
  return {Tensor::from(Shape{n}, values), true};
}

TEST(Activation, ReluIsProven) { expect_op_proven(relu_info()); }
TEST(Activation, LeakyReluIsProven) { expect_op_proven(leaky_relu_info()); }
TEST(Activation, SigmoidIsProven) { expect_op_proven(sigmoid_info()); }
TEST(Activation, SoftplusIsProven) { expect_op_proven(softplus_info()); }

TEST(Activation, LeakyReluMatchesHandArithmetic) {
  const Variable x = leaf({-2.0, 0.0, 3.0});
  const Variable y = leaky_relu(x, 0.1);
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{-0.2, 0.0, 3.0}));
  y.backward(Tensor::from(Shape{3}, std::vector<double>{1.0, 1.0, 2.0}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{0.1, 0.1, 2.0}));  // the kink takes the slope
}

TEST(Activation, ReluHasSlopeZeroOnTheKink) {
  const Variable x = leaf({0.0});
  relu(x).backward(Tensor::full({1}, 1.0, DType::f64));
  EXPECT_EQ(x.grad().item(), 0.0);
}

// The equations of the header, one value at a time, at everything that an arithmetic form of a choice may get
// wrong.
template <class T>
void expect_bits_of_the_equations(ActivationKind kind, double slope) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  using Limits = std::numeric_limits<T>;
  std::vector<T> values{0,
                        -T(0),
                        1,
                        -1,
                        Limits::infinity(),
                        -Limits::infinity(),
                        Limits::quiet_NaN(),
                        -Limits::quiet_NaN(),
                        Limits::denorm_min(),
                        -Limits::denorm_min(),
                        Limits::max(),
                        Limits::lowest(),
                        Limits::min(),
                        -Limits::min()};
  const RandomStream random(1, RandomPurpose::test);
  while (values.size() < 61)
    values.push_back(static_cast<T>(random.normal(values.size())));  // whole vectors and a rest
  const int64_t n = std::ssize(values);
  const T s = kind == ActivationKind::relu ? T(0) : static_cast<T>(slope);
  for (int64_t shift = 0; shift < n; ++shift) {  // every value in every lane, and beside every gradient
    std::vector<T> x(values), grad_y(values);
    std::rotate(x.begin(), x.begin() + shift, x.end());
    const Tensor x_tensor = Tensor::empty({n}, sizeof(T) == 4 ? DType::f32 : DType::f64);
    const Tensor grad_tensor = Tensor::empty(x_tensor.shape(), x_tensor.dtype());
    std::copy(x.begin(), x.end(), x_tensor.span<T>().begin());
    std::copy(grad_y.begin(), grad_y.end(), grad_tensor.span<T>().begin());
    const Variable leaf(x_tensor, true);
    const Variable y = activation(leaf, {.kind = kind, .slope = slope});
    y.backward(grad_tensor);
    for (size_t i = 0; i < x.size(); ++i) {
      T at = x[i], factor = 1;
      if (!(x[i] > 0)) at = kind == ActivationKind::relu ? T(0) : s * x[i];
      if (!(at > 0)) factor = s;
      const T grad = T(0) + grad_y[i] * factor;
      ASSERT_EQ(std::bit_cast<Bits>(y.value().span<T>()[i]), std::bit_cast<Bits>(at)) << "x " << x[i];
      if (std::isnan(grad)) {  // which of two NaN a product hands on is the compiler's choice
        ASSERT_TRUE(std::isnan(leaf.grad().span<T>()[i])) << "x " << x[i] << " grad_y " << grad_y[i];
      } else {
        ASSERT_EQ(std::bit_cast<Bits>(leaf.grad().span<T>()[i]), std::bit_cast<Bits>(grad))
            << "x " << x[i] << " grad_y " << grad_y[i];
      }
    }
  }
}

TEST(Activation, ChoicesKeepTheBitsOfTheirEquations) {
  for (const double slope : {0.0, 0.01, 1.0, 3.0}) {
    SCOPED_TRACE(slope);
    expect_bits_of_the_equations<float>(ActivationKind::leaky_relu, slope);
    expect_bits_of_the_equations<double>(ActivationKind::leaky_relu, slope);
  }
  expect_bits_of_the_equations<float>(ActivationKind::relu, 0.01);
  expect_bits_of_the_equations<double>(ActivationKind::relu, 0.01);
}

TEST(Activation, SigmoidAndSoftplusStayFiniteFarOut) {
  const Variable x = leaf({-1000.0, 1000.0});
  EXPECT_EQ(sigmoid(x).value().to_doubles(), (std::vector<double>{0.0, 1.0}));
  EXPECT_EQ(softplus(x).value().to_doubles(), (std::vector<double>{0.0, 1000.0}));
}

TEST(Activation, SoftplusKeepsItsPrecisionForSmallValues) {
  const Variable x = leaf({-30.0});
  const Variable y = softplus(x);
  EXPECT_NEAR(y.value().item() / std::exp(-30.0), 1.0, 1e-12);
  y.backward(Tensor::full({1}, 1.0, DType::f64));
  EXPECT_NEAR(x.grad().item() / std::exp(-30.0), 1.0, 1e-12);
}

// y jumps down at the threshold: 0.4 from the left is log(1 + e^2) / 5 = 0.4254, which x = 0.4254 has too.
TEST(Activation, SoftplusComparesXWithItsThresholdForwardAndBackward) {
  constexpr double kBeta = 5.0, kThreshold = 2.0;
  const std::vector<double> below{-0.3, 0.0, 0.3, 0.38, 0.3999}, above{0.4001, 0.41, 0.4254, 1.0};
  std::vector<double> all(below);
  all.insert(all.end(), above.begin(), above.end());
  for (const Device device : {Device{}, Device::simt()}) {
    const DType dtype = device.is_cpu() ? DType::f64 : DType::f32;
    const double allowed = device.is_cpu() ? 1e-15 : 2e-7;
    const Variable x(Tensor::from(Shape{9}, all).to(dtype).to(device), true);
    const Variable y = softplus(x, kBeta, kThreshold);
    y.backward(Tensor::full({9}, 1.0, dtype, device));
    const std::vector<double> values = y.value().to(Device{}).to_doubles(),
                              slopes = x.grad().to(Device{}).to_doubles();
    for (size_t i = 0; i < all.size(); ++i) {
      const bool linear = i >= below.size();
      const double e = std::exp(kBeta * all[i]);
      EXPECT_NEAR(values[i], linear ? all[i] : std::log(1 + e) / kBeta, allowed) << all[i];
      EXPECT_NEAR(slopes[i], linear ? 1.0 : e / (1 + e), allowed) << all[i];
    }
  }
}

TEST(Activation, SoftplusStaysFiniteBelowAHighThreshold) {
  const Variable x = leaf({-900.0, 800.0, 1000.0});
  const Variable y = softplus(x, 2.0, 1e4);  // exp(2 x) has no double
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{0.0, 800.0, 1000.0}));
  y.backward(Tensor::full({3}, 1.0, DType::f64));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{0.0, 1.0, 1.0}));
}

TEST(Activation, RefusesWhatHasNoSignedDerivative) {
  EXPECT_THROW(leaky_relu(leaf({1.0}), -0.5), ShapeError);
  EXPECT_THROW(softplus(leaf({1.0}), 0.0), ShapeError);
  EXPECT_THROW(relu(Variable(Tensor::zeros({2}, DType::i64))), ShapeError);
}

}  // namespace
}  // namespace primal
