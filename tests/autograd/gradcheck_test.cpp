// The checkers are checked: planted mistakes must be caught, and told in a useful order.
#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>

#include "autograd/differentiable_op.h"
#include "autograd/op_check.h"
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
        g.grad_of(0).data<double>()[(i + shift) % n] +=
            derivative(x.data<double>()[i], g.upstream().data<double>()[i]);
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

// y = 3 x on two implementations; the backward of one of them is 2.
OpInfo tripled(std::string_view broken) {
  OpInfo info;
  info.name = "tripled";
  info.judge = judge_relative_l2(1e-6, 1e-6);
  info.corner_cases = {{"a", {}, {{"x", {3}}}}, {"b", {}, {{"x", {2, 2}}}}};
  info.linear_in = {"x"};
  info.implementations = {{"fused", "faster"}, {kReference, "plain"}};
  info.run = differentiable([broken](const VariableMap& inputs, const Attributes&) -> VariableMap {
    const Variable& x = inputs.at("x");
    const bool f64 = x.dtype() == DType::f64;  // fused is of f32
    std::string chosen = wanted_implementation("tripled", "forward", "");
    if (f64) chosen = kReference;
    note_implementation({"tripled", "forward", "", chosen});
    const double slope = chosen == broken ? 2.0 : 3.0;
    const auto times = [](const Tensor& t, double factor) {
      std::vector<double> values = t.to_doubles();
      for (double& v : values) v *= factor;
      return Tensor::from(t.shape(), values).to(t.dtype());
    };
    return {{"y", record("tripled", times(x.value(), 3.0), {x},
                         [=](Gradients& g) { g.grad_of(0).copy_from(times(g.upstream(), slope)); })}};
  });
  return info;
}

TEST(OpCheck, OwnProofsOfTheReferenceComeFirst) {
  const std::vector<OpCheckRow> rows = check_op(tripled("fused"));
  ASSERT_EQ(rows.size(),
            12u);  // gradient, adjoint and two comparisons, of two cases; for fused the comparisons
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].implementation, i < 8 ? "reference" : "fused") << i;
    EXPECT_EQ(stands_alone(rows[i]), i < 4) << i << " " << rows[i].proof;
    EXPECT_EQ(rows[i].ok, rows[i].proof != "reference grad.x" || i < 8) << i;
  }
  EXPECT_FALSE(reference_fails(rows));
}

TEST(OpCheck, KnowsAReferenceThatFails) {
  const std::vector<OpCheckRow> rows = check_op(tripled(kReference));
  EXPECT_TRUE(reference_fails(rows));
  EXPECT_FALSE(rows.front().ok);
  EXPECT_EQ(rows.front().proof, "gradient");
  EXPECT_EQ(rows.front().implementation, "reference");
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
