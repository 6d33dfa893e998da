// The checkers are checked: planted mistakes must be caught.
#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>

#include "tensor/random.h"

namespace primal {
namespace {

using Derivative = std::function<double(double x, double grad_y)>;

// y_i = value(x_i), and a backward that writes derivative(x_i, grad_y_i) at position i + shift.
DifferentiableFunction pointwise(std::function<double(double)> value, Derivative derivative,
                                 int64_t shift = 0) {
  return [=](const std::vector<Variable>& inputs) -> std::vector<Variable> {
    const Tensor x = inputs[0].value(), y = Tensor::empty(x.shape(), DType::f64);
    std::ranges::transform(x.span<double>(), y.data<double>(), value);
    return {record("pointwise", y, inputs, [=](Gradients& g) {
      const int64_t n = x.numel();
      for (int64_t i = 0; i < n; ++i) {
        g.input(0).data<double>()[(i + shift) % n] +=
            derivative(x.data<double>()[i], g.output().data<double>()[i]);
      }
    })};
  };
}

double sine(double x) { return std::sin(x); }

std::vector<Tensor> random_input(int64_t n) {
  const Tensor x = Tensor::empty({n}, DType::f64);
  RandomStream(11, RandomPurpose::test).fill_normal(x);
  return {x};
}

TEST(Gradcheck, PassesARightBackward) {
  const CheckReport report =
      gradcheck(pointwise(sine, [](double x, double g) { return g * std::cos(x); }), random_input(20));
  EXPECT_TRUE(report.ok) << report.message;
  EXPECT_EQ(report.n_points, 20);
  EXPECT_LT(report.worst, 1e-8);  // measured 3e-10
}

TEST(Gradcheck, CatchesAFlippedSign) {
  EXPECT_FALSE(
      gradcheck(pointwise(sine, [](double x, double g) { return -g * std::cos(x); }), random_input(20)).ok);
}

TEST(Gradcheck, CatchesAFactorTwo) {
  const CheckReport report =
      gradcheck(pointwise(sine, [](double x, double g) { return 2 * g * std::cos(x); }), random_input(20));
  EXPECT_FALSE(report.ok);
  EXPECT_NE(report.message.find("ratio 2"), std::string::npos) << report.message;
}

TEST(Gradcheck, CatchesAShiftedIndex) {
  EXPECT_FALSE(gradcheck(pointwise(
                             sine, [](double x, double g) { return g * std::cos(x); }, 1),
                         random_input(20))
                   .ok);
}

TEST(Gradcheck, CatchesMistakesAlongRandomDirectionsToo) {
  const auto right = [](double x, double g) { return g * std::cos(x); };
  EXPECT_TRUE(gradcheck(pointwise(sine, right), random_input(500)).ok);
  EXPECT_FALSE(gradcheck(pointwise(sine, right, 1), random_input(500)).ok);
}

TEST(Gradcheck, CatchesANaN) {
  EXPECT_FALSE(gradcheck(pointwise(sine, [](double, double) { return NAN; }), random_input(3)).ok);
}

TEST(Gradcheck, SkipsKinksAndCountsThem) {
  const auto absolute =
      pointwise([](double x) { return std::abs(x); }, [](double x, double g) { return x < 0 ? -g : g; });
  std::vector<double> values(20, 1.0);
  values[3] = 2e-7;  // closer to the kink than the step
  const CheckReport report = gradcheck(absolute, {Tensor::from(Shape{20}, values)});
  EXPECT_TRUE(report.ok) << report.message;
  EXPECT_EQ(report.n_skipped, 1);
  const CheckReport all_on_kink = gradcheck(absolute, {Tensor::full({5}, 1e-8, DType::f64)});
  EXPECT_FALSE(all_on_kink.ok);
}

Tensor matrix_product(const std::vector<double>& matrix, int64_t rows, int64_t cols, const Tensor& x,
                      bool transpose) {
  const Tensor y = Tensor::zeros({transpose ? cols : rows}, DType::f64);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const double m = matrix[static_cast<size_t>(r * cols + c)];
      if (transpose)
        y.data<double>()[c] += m * x.data<double>()[r];
      else
        y.data<double>()[r] += m * x.data<double>()[c];
    }
  }
  return y;
}

TEST(AdjointCheck, PassesTheTransposeAndNamesAMissingFactor) {
  const std::vector<double> m = {1, -2, 0.5, 3, 4, -1};
  const Tensor x = random_input(3)[0], y = Tensor::from(Shape{2}, std::vector<double>{0.3, -1.2});
  const auto forward = [&](const Tensor& v) { return matrix_product(m, 2, 3, v, false); };
  const auto adjoint = [&](const Tensor& v) { return matrix_product(m, 2, 3, v, true); };
  EXPECT_TRUE(adjoint_check(forward, adjoint, x, y).ok);

  const auto halved = [&](const Tensor& v) {
    const Tensor t = adjoint(v);
    for (double& e : t.span<double>()) e *= 0.5;
    return t;
  };
  const CheckReport report = adjoint_check(forward, halved, x, y);
  EXPECT_FALSE(report.ok);
  EXPECT_NE(report.message.find("ratio 2"), std::string::npos) << report.message;

  const auto shifted = [&](const Tensor& v) {
    const Tensor t = adjoint(v);
    std::rotate(t.data<double>(), t.data<double>() + 1, t.data<double>() + t.numel());
    return t;
  };
  EXPECT_FALSE(adjoint_check(forward, shifted, x, y).ok);
  const auto negated = [&](const Tensor& v) {
    const Tensor t = adjoint(v);
    for (double& e : t.span<double>()) e = -e;
    return t;
  };
  EXPECT_FALSE(adjoint_check(forward, negated, x, y).ok);
}

}  // namespace
}  // namespace primal
