#include "autograd/finite_check.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "autograd/variable.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// y = factor x, whose backward multiplies by `back`: an op that can go wrong in either direction.
Variable scaled(const char* name, const Variable& x, double factor, double back) {
  const Tensor y = Tensor::full(x.shape(), 0.0, DType::f64);
  for (int64_t i = 0; i < y.numel(); ++i) y.data<double>()[i] = factor * x.value().data<double>()[i];
  return record(name, y, {x}, [back](Gradients& g) {
    const Tensor& to = g.grad_of(0);
    for (int64_t i = 0; i < to.numel(); ++i) to.data<double>()[i] += back * g.upstream().data<double>()[i];
  });
}

Variable leaf() { return {Tensor::full({1}, 2.0, DType::f64), true}; }

TEST(FiniteCheck, NamesTheFirstOpWhoseResultIsNotFinite) {
  const FiniteCheck check;
  const Variable y = scaled("third", scaled("second", scaled("first", leaf(), 3, 3), kInfinity, 1), 0, 1);
  y.backward();  // infinity times zero: a NaN, but not the first
  ASSERT_TRUE(check.first().has_value());
  EXPECT_EQ(check.first()->str(), "second, op 2, forward: 1 of 1 elements of its result [1] are not finite");
}

TEST(FiniteCheck, NamesTheFirstOpWhoseGradientIsNotFinite) {
  const FiniteCheck check;
  scaled("third", scaled("second", scaled("first", leaf(), 3, 3), 1, NAN), 1, 1).backward();
  ASSERT_TRUE(check.first().has_value());
  EXPECT_EQ(check.first()->str(),
            "second, op 2, backward: 1 of 1 elements of its gradient of input 0 [1] are not finite");
}

TEST(FiniteCheck, IsSilentWhereAllIsFiniteAndWhenItIsGone) {
  {
    const FiniteCheck check;
    scaled("a", leaf(), 1, 1).backward();
    EXPECT_FALSE(check.first().has_value());
  }
  EXPECT_EQ(FiniteCheck::current(), nullptr);
  scaled("a", leaf(), kInfinity, 1).backward();
}

TEST(FiniteCheck, CountsWhatIsNotFinite) {
  const Tensor t = Tensor::full({4}, 1.0, DType::f32);
  t.data<float>()[1] = NAN;
  t.data<float>()[3] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(count_non_finite(t), 2);
  EXPECT_EQ(count_non_finite(Tensor()), 0);
  EXPECT_EQ(count_non_finite(Tensor::zeros({2}, DType::i64)), 0);
}

TEST(FiniteCheck, CountsInManyTensorsOfADeviceAtOnce) {
  for (const Device device : {Device{}, Device::simt()}) {
    std::vector<Tensor> tensors{Tensor(), Tensor::zeros({0}, DType::f32, device),
                                Tensor::zeros({3}, DType::i64, device)};
    for (int64_t k = 0; k < 70; ++k) {  // more than one launch takes
      const Tensor t = Tensor::full({1 + 131 * k}, 1.0, DType::f32);
      for (int64_t i = 0; i < k; ++i) t.data<float>()[i * t.numel() / k] = i % 2 == 0 ? NAN : -INFINITY;
      tensors.push_back(t.to(device));
    }
    const std::vector<int64_t> counts = count_non_finite(tensors);
    ASSERT_EQ(counts.size(), 73u);
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(counts[i], 0);
    for (size_t k = 0; k < 70; ++k) EXPECT_EQ(counts[3 + k], static_cast<int64_t>(k)) << device.str();
  }
}

TEST(FiniteCheck, RefusesTensorsOfDifferentDevices) {
  const std::vector<Tensor> tensors{Tensor::zeros({2}), Tensor::zeros({2}, DType::f32, Device::simt())};
  EXPECT_THROW(count_non_finite(tensors), DeviceError);
}

}  // namespace
}  // namespace primal
