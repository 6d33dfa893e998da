#include "nn/conv3d_leaky_relu/conv3d_leaky_relu.h"

#include <gtest/gtest.h>

#include "nn/activation/activation.h"
#include "nn/concat/concat.h"
#include "support/op_test.h"
#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

const Conv3dParams kSame{.padding = {0, 1, 1}};

Variable random_leaf(const char* name, const Shape& shape, DType dtype = DType::f32) {
  return {make_inputs({name, {}, {{name, shape}}}, dtype).at(name), true};
}

TEST(Conv3dLeakyRelu, MatchesHandArithmetic) {
  // u = 1 a - 2 b + 0.5 at each pixel: 0.5, -1.5
  const Variable a(Tensor::from({1, 1, 1, 1, 2}, std::vector<float>{2, 0}), true);
  const Variable b(Tensor::from({1, 1, 1, 1, 2}, std::vector<float>{1, 1}), true);
  const Variable weight(Tensor::from({1, 2, 1, 1, 1}, std::vector<float>{1, -2}), true);
  const Variable bias(Tensor::from({1}, std::vector<float>{0.5}), true);
  const Variable y = conv3d_leaky_relu({a, b}, weight, bias, {}, 0.25);
  EXPECT_EQ(y.made_by(), "conv3d_leaky_relu");
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{0.5, -0.375}));
  y.backward(Tensor::from(y.shape(), std::vector<float>{4, 8}));  // at u: 4, 2
  EXPECT_EQ(a.grad().to_doubles(), (std::vector<double>{4, 2}));
  EXPECT_EQ(b.grad().to_doubles(), (std::vector<double>{-8, -4}));
  EXPECT_EQ(weight.grad().to_doubles(), (std::vector<double>{8, 6}));
  EXPECT_EQ(bias.grad().item(), 6.0);
}

TEST(Conv3dLeakyRelu, IsProven) { expect_op_proven(conv3d_leaky_relu_info()); }

struct ChainCase {
  const char* implementation;
  Device device;
  int64_t first, second, n_out, side;
};

// A skip of `first` channels is convolved twice together with `second` others, so that gradients add up;
// its own weight is frozen.
std::vector<std::vector<double>> run_case(const ChainCase& c, bool fused) {
  const auto leaf = [&](const char* name, const Shape& shape, bool requires_grad = true) {
    return Variable(random_leaf(name, shape).value().to(c.device), requires_grad);
  };
  const auto convolution = [&](const std::vector<Variable>& xs, const Variable& weight,
                               const Variable& bias) {
    const Conv3dParams params{.padding = {0, c.side / 2, c.side / 2}};
    if (fused) return conv3d_leaky_relu(xs, weight, bias, params, 0.01);
    return leaky_relu(conv3d(xs.size() == 1 ? xs.front() : concat(xs, 1), weight, bias, params), 0.01);
  };
  const Variable a = leaf("a", {2, c.first, 1, 14, 37}), b = leaf("b", {2, c.second, 1, 14, 37});
  const Variable weight = leaf("weight", {c.n_out, c.first + c.second, 1, c.side, c.side});
  const Variable bias = leaf("bias", {c.n_out});
  const Variable frozen = leaf("frozen", {c.first, c.first, 1, c.side, c.side}, false);
  const Variable other_bias = leaf("other", {c.first});
  const Variable skip = convolution({a}, frozen, other_bias);
  const Variable y = concat({convolution({skip, b}, weight, bias), convolution({b, skip}, weight, bias)}, 1);
  EXPECT_EQ(skip.made_by() == "conv3d_leaky_relu", fused);
  y.backward(leaf("upstream", y.shape()).value());
  std::vector<std::vector<double>> all{y.value().to_doubles()};
  for (const Variable& v : {a, b, weight, bias, other_bias}) all.push_back(v.grad().to_doubles());
  return all;
}

// Bit for bit what the plain ops give with the same implementation of conv3d: the fused kernels
// add up in the same order.
TEST(Conv3dLeakyRelu, EqualsTheChain) {
  const Device simt = Device::simt();
  for (const ChainCase& c : {ChainCase{"blocked", {}, 19, 21, 18, 3},
                             {"winograd", {}, 19, 21, 18, 3},
                             {"blocked", {}, 19, 21, 18, 1},
                             {"streamed", {}, 3, 6, 4, 1},
                             {"tiled", simt, 19, 21, 18, 3},  // channels in splits
                             {"tiled", simt, 3, 4, 5, 3},
                             {"tiled", simt, 11, 6, 34, 1},
                             // sums of eight channels at a time: the same eights in both
                             {"tensor_core_3x", simt, 16, 24, 18, 3},
                             {"tensor_core_3x", simt, 8, 16, 34, 1},
                             {"tensor_core", simt, 16, 24, 18, 3},
                             {"tensor_core", simt, 8, 16, 34, 1}}) {
    const ImplementationScope scope("conv3d", c.implementation);
    const PrecisionScope allowed(Precision::tf32);
    EXPECT_EQ(run_case(c, true), run_case(c, false))
        << c.implementation << ", " << c.first << " and " << c.second << " channels";
    EXPECT_TRUE(scope.used("conv3d", c.implementation));
  }
}

TEST(Conv3dLeakyRelu, AnImplementationThatIsNotFusedRunsTheChain) {
  const Variable x = random_leaf("x", {1, 2, 1, 4, 5}), weight = random_leaf("weight", {3, 2, 1, 3, 3});
  {
    const ImplementationScope scope("conv3d", kReference);
    EXPECT_EQ(conv3d_leaky_relu({x}, weight, {}, kSame, 0.01).made_by(), "leaky_relu");
    EXPECT_TRUE(scope.used("conv3d", kReference));
  }
  EXPECT_EQ(conv3d_leaky_relu({x}, weight, {}, kSame, 0.01).made_by(), "conv3d_leaky_relu");
  const Variable in_f64 = random_leaf("x", {1, 2, 1, 4, 5}, DType::f64);
  const Variable weight_f64 = random_leaf("weight", {3, 2, 1, 3, 3}, DType::f64);
  EXPECT_EQ(conv3d_leaky_relu({in_f64}, weight_f64, {}, kSame, 0.01).made_by(), "leaky_relu");
}

// A gradient that is there already is added to; parts of which only one has a gradient, or wants one, work
// too.
TEST(Conv3dLeakyRelu, GradientsOfSharedPartsAddUp) {
  const Variable weight(Tensor::full({1, 2, 1, 1, 1}, 1.0)), half(Tensor::full({1, 1, 1, 1, 1}, 0.5));
  const Variable a(Tensor::full({1, 1, 1, 2, 2}, 1.0), true), b(Tensor::full({1, 1, 1, 2, 2}, 2.0), true);
  const Variable middle = conv3d_leaky_relu({a}, half, {}, {}, 0.01);  // 1/2
  const Variable y =
      conv3d_leaky_relu({conv3d_leaky_relu({middle, b}, weight, {}, {}, 0.01), middle}, weight, {}, {}, 0.01);
  EXPECT_EQ(y.value().to_doubles(), std::vector<double>(4, 3.0));
  y.backward(Tensor::full(y.shape(), 1.0));
  EXPECT_EQ(a.grad().to_doubles(), std::vector<double>(4, 1.0));  // 1/2 twice
  EXPECT_EQ(b.grad().to_doubles(), std::vector<double>(4, 1.0));

  const Variable constant(Tensor::full({1, 1, 1, 2, 2}, 1.0)), c(Tensor::full({1, 1, 1, 2, 2}, 1.0), true);
  conv3d_leaky_relu({constant, c}, weight, {}, {}, 0.01).backward(Tensor::full({1, 1, 1, 2, 2}, 1.0));
  EXPECT_EQ(c.grad().to_doubles(), std::vector<double>(4, 1.0));
}

// Both parts' gradients go to one buffer: no two threads may add to a number at once.
TEST(Conv3dLeakyRelu, TakesOneTensorTwice) {
  const Variable weight = random_leaf("weight", {64, 128, 1, 3, 3});
  const auto gradient = [&](const auto& f) {
    const Variable x = random_leaf("x", {1, 64, 1, 16, 16});
    const Variable y = f(x);
    y.backward(Tensor::full(y.shape(), 1.0, y.dtype()));
    return x.grad().to_doubles();
  };
  const auto chain = [&](const Variable& x) {
    return leaky_relu(conv3d(concat({x, x}, 1), weight, {}, kSame), 0.01);
  };
  const auto composite = [&](const Variable& x) {
    return conv3d_leaky_relu({x, x}, weight, {}, kSame, 0.01);
  };
  for (const char* name : {"winograd", "blocked"}) {
    const ImplementationScope scope("conv3d", name);
    EXPECT_EQ(gradient(composite), gradient(chain)) << name;
  }
}

TEST(Conv3dLeakyRelu, NeitherTheConcatenationNorTheConvolutionExists) {
  const Variable a = random_leaf("a", {1, 32, 1, 64, 64}), b = random_leaf("b", {1, 32, 1, 64, 64});
  const Variable weight = random_leaf("weight", {32, 64, 1, 3, 3});
  const auto bytes_kept = [&](const auto& make) {
    const auto before = static_cast<int64_t>(host_pool().stats().live_bytes);
    const Variable y = make();
    return static_cast<int64_t>(host_pool().stats().live_bytes) - before;
  };
  const int64_t y_bytes = 4 * 32 * 64 * 64;
  EXPECT_EQ(bytes_kept([&] { return conv3d_leaky_relu({a, b}, weight, {}, kSame, 0.01); }), y_bytes);
  EXPECT_EQ(bytes_kept([&] {
              return leaky_relu(conv3d(concat({a, b}, 1), weight, {}, kSame));
            }),
            3 * y_bytes);
}

TEST(Conv3dLeakyRelu, ErrorsAreThoseOfTheChain) {
  const Variable x(Tensor::zeros({1, 2, 1, 4, 4})), weight(Tensor::zeros({3, 5, 1, 3, 3}));
  const Variable other(Tensor::zeros({1, 3, 1, 4, 5}));
  EXPECT_THROW(conv3d_leaky_relu({}, weight, {}, kSame, 0.01), ShapeError);
  EXPECT_THROW(conv3d_leaky_relu({x}, weight, {}, kSame, 0.01), ShapeError);         // channels
  EXPECT_THROW(conv3d_leaky_relu({x, other}, weight, {}, kSame, 0.01), ShapeError);  // extents
  EXPECT_THROW(conv3d_leaky_relu({Tensor::zeros({1, 5, 1, 4, 4})}, weight, {}, kSame, -0.5), ShapeError);
  EXPECT_THROW(conv3d_leaky_relu({Tensor::zeros({1, 5, 1, 4, 4})}, weight, Tensor::zeros({4}), kSame, 0.01),
               ShapeError);
}

}  // namespace
}  // namespace primal
