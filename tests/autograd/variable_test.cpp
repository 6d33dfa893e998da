#include "autograd/variable.h"

#include <gtest/gtest.h>

#include "autograd/gradient_ready.h"
#include "tensor/error.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

// y = a * b, element by element: the smallest op with two inputs.
Variable multiply(const Variable& a, const Variable& b) {
  const Tensor x = a.value(), w = b.value(), y = Tensor::empty(x.shape(), DType::f64);
  for (int64_t i = 0; i < x.numel(); ++i) y.data<double>()[i] = x.data<double>()[i] * w.data<double>()[i];
  return record("multiply", y, {a, b}, [x, w](Gradients& g) {
    for (int64_t i = 0; i < x.numel(); ++i) {
      const double grad_y = g.upstream().data<double>()[i];
      if (g.needs(0)) g.grad_of(0).data<double>()[i] += grad_y * w.data<double>()[i];
      if (g.needs(1)) g.grad_of(1).data<double>()[i] += grad_y * x.data<double>()[i];
    }
  });
}

Variable leaf(double value) { return {Tensor::full({1}, value, DType::f64), true}; }

TEST(Variable, SharedInputsAddUp) {
  const Variable x = leaf(3.0);
  multiply(multiply(x, x), x).backward();  // x^3
  EXPECT_EQ(x.grad().item(), 27.0);
}

TEST(Variable, DiamondsWaitForAllPaths) {
  const Variable x = leaf(2.0);
  const Variable a = multiply(x, x);       // x^2
  const Variable b = multiply(a, x);       // x^3
  multiply(multiply(b, a), b).backward();  // x^8
  EXPECT_EQ(x.grad().item(), 8.0 * 128.0);
}

TEST(Variable, GradientsOfLeavesAddUpUntilZeroed) {
  const Variable x = leaf(2.0);
  multiply(x, x).backward();
  multiply(x, x).backward();
  EXPECT_EQ(x.grad().item(), 8.0);
  x.zero_grad();
  EXPECT_EQ(x.grad().item(), 0.0);
}

TEST(Variable, ConstantsAreLeftAlone) {
  const Variable x = leaf(2.0), c = Tensor::full({1}, 5.0, DType::f64);
  const Variable y = multiply(x, c);
  EXPECT_EQ(y.made_by(), "multiply");
  y.backward();
  EXPECT_EQ(x.grad().item(), 5.0);
  EXPECT_FALSE(multiply(c, c).requires_grad());
  EXPECT_THROW(c.grad(), ShapeError);
}

TEST(Variable, NothingIsRecordedUnderNoGrad) {
  const Variable x = leaf(2.0);
  const NoGrad no_grad;
  EXPECT_FALSE(multiply(x, x).requires_grad());
}

TEST(Variable, ASpentTapeSaysSo) {
  const Variable x = leaf(2.0), y = multiply(x, x);
  y.backward();
  EXPECT_THROW(y.backward(), ShapeError);
}

TEST(Variable, WrongUpstreamIsRefused) {
  const Variable x(Tensor::zeros({2}, DType::f64), true);
  const Variable y = multiply(x, x);
  EXPECT_THROW(y.backward(), ShapeError);
  EXPECT_THROW(y.backward(Tensor::zeros({3}, DType::f64)), ShapeError);
  EXPECT_THROW(y.backward(Tensor::zeros({2}, DType::f32)), ShapeError);
  EXPECT_THROW(Variable(Tensor::zeros({1}, DType::i64), true), ShapeError);
}

TEST(Variable, ALeafAddsUpItsGradientsWhereItLives) {
  for (const Device device : {Device{}, Device::simt()}) {
    const Variable x(Tensor::zeros({300}, DType::f32, device), true);
    for (const double seed : {1.0, 2.5}) x.backward(Tensor::full({300}, seed, DType::f32, device));
    EXPECT_EQ(x.grad().device(), device);
    EXPECT_EQ(x.grad().to_doubles(), std::vector<double>(300, 3.5));
  }
}

TEST(Variable, BackwardFreesWhatTheTapeHeld) {
  const size_t before = host_pool().stats().live_bytes;
  {
    const Variable x(Tensor::full({1 << 16}, 1.0, DType::f64), true);
    Variable y = x;
    for (int i = 0; i < 10; ++i) y = multiply(y, x);
    y.backward(Tensor::full({1 << 16}, 1.0, DType::f64));
    EXPECT_EQ(x.grad().to_doubles()[0], 11.0);
    // Left alive: x, its gradient, and y's value.
    EXPECT_EQ(host_pool().stats().live_bytes - before, 3u * MemoryPool::size_class(sizeof(double) << 16));
  }
  EXPECT_EQ(host_pool().stats().live_bytes, before);
}

TEST(GradientReady, HearsOfEachLeafOnceItsGradientIsComplete) {
  const auto leaf = [](double value) { return Variable(Tensor::full({1}, value, DType::f64), true); };
  const Variable x = leaf(2), a = leaf(3), b = leaf(5), unused = leaf(7);
  // a is used first and last: its gradient is complete at the very end.
  const Variable y = multiply(a, multiply(b, multiply(a, x)));
  std::vector<size_t> order;
  {
    const GradientReady watch({x, a, b, unused}, [&](size_t i) {
      order.push_back(i);
      const Variable ready = std::vector<Variable>{x, a, b, unused}[i];
      const double expected = i == 0 ? 3 * 3 * 5 : i == 1 ? 2 * 2 * 3 * 5 : 3 * 3 * 2;
      EXPECT_EQ(ready.grad().item(), expected) << i;
    });
    y.backward();
  }
  ASSERT_EQ(order.size(), 3U);
  EXPECT_EQ(order[0], 2U) << "b";
  multiply(a, x).backward();  // nobody listens any more
  EXPECT_EQ(order.size(), 3U);
}

}  // namespace
}  // namespace primal
