#include "nn/max_pool3d/max_pool3d.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/memory_pool.h"

namespace primal {
namespace {

Variable leaf(const Shape& shape, const std::vector<double>& values) {
  return {Tensor::from(shape, values), true};
}

std::string message_of(const Shape& x, const MaxPool3dParams& params) {
  try {
    max_pool3d(Variable(Tensor::zeros(x)), params);
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "no error";
}

TEST(MaxPool3d, IsProven) { expect_op_proven(max_pool3d_info()); }

TEST(MaxPool3d, HalvesAPictureAsByHand) {
  const Variable x = leaf({1, 1, 1, 2, 4}, {1, 5, 2, 0,  //
                                            3, 4, 7, 6});
  const Variable y = max_pool3d(x, {.kernel = {1, 2, 2}});
  EXPECT_EQ(y.shape(), Shape({1, 1, 1, 1, 2}));
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{5, 7}));
  y.backward(Tensor::from(y.shape(), std::vector<double>{10, 20}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{0, 10, 0, 0, 0, 0, 20, 0}));
}

TEST(MaxPool3d, OverlappingWindowsAddUpInTheSharedCell) {
  const Variable x = leaf({1, 1, 1, 1, 5}, {0, 1, 9, 1, 0});
  const Variable y = max_pool3d(x, {.kernel = {1, 1, 3}, .stride = {{1, 1, 2}}});
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{9, 9}));
  y.backward(Tensor::from(y.shape(), std::vector<double>{2, 3}));
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{0, 0, 5, 0, 0}));
}

TEST(MaxPool3d, TheFirstInMemoryOrderWinsATie) {
  const Variable x = leaf({1, 1, 2, 2, 2}, {4, 4, 4, 4, 4, 4, 4, 4});
  max_pool3d(x, {.kernel = {2, 2, 2}}).backward();
  EXPECT_EQ(x.grad().to_doubles(), (std::vector<double>{1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(MaxPool3d, PaddingNeverWinsAndAWindowOfMinusInfinityKeepsItsFirstCell) {
  const double low = -std::numeric_limits<double>::infinity();
  const Variable negative = leaf({1, 1, 1, 1, 2}, {-3, -2});
  EXPECT_EQ(max_pool3d(negative, {.kernel = {1, 1, 2}, .padding = {0, 0, 1}}).value().to_doubles(),
            (std::vector<double>{-3, -2}));
  const Variable bottom = leaf({1, 1, 1, 1, 4}, {low, low, low, low});
  const Variable y = max_pool3d(bottom, {.kernel = {1, 1, 2}});
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{low, low}));
  y.backward(Tensor::from(y.shape(), std::vector<double>{1, 2}));
  EXPECT_EQ(bottom.grad().to_doubles(), (std::vector<double>{1, 0, 2, 0}));
}

TEST(MaxPool3d, ANaNWinsOverEveryNumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Variable y = max_pool3d(leaf({1, 1, 1, 1, 6}, {nan, 1, 1, nan, 2, 3}), {.kernel = {1, 1, 2}});
  EXPECT_TRUE(std::isnan(y.value().to_doubles()[0]));
  EXPECT_TRUE(std::isnan(y.value().to_doubles()[1]));
  EXPECT_EQ(y.value().to_doubles()[2], 3);
}

// Ties, zeros of both signs, infinities and NaN wherever they lie: the implementations agree to the bit.
TEST(MaxPool3d, EveryImplementationKeepsTheCellsOfTheReference) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kValues[] = {
      std::numeric_limits<float>::quiet_NaN(), -kInf, -kInf, kInf, 0.0F, -0.0F, 1.0F, 1.0F};
  const Tensor x = Tensor::empty({2, 3, 2, 9, 83}, DType::f32);
  uint32_t state = 1;
  for (float& value : x.span<float>()) {
    state = state * 1664525U + 1013904223U;
    value = kValues[state >> 29U];
  }
  const auto run = [&](std::string_view implementation) {
    const ImplementationScope forced("max_pool3d", implementation);
    const Variable leaf_x(x, true);
    const Variable y = max_pool3d(leaf_x, {});
    const Tensor upstream = Tensor::empty(y.shape(), DType::f32);
    for (int64_t i = 0; i < upstream.numel(); ++i) upstream.data<float>()[i] = static_cast<float>(i + 1);
    y.backward(upstream);
    std::vector<uint32_t> bits;
    for (const Tensor& t : {y.value(), leaf_x.grad()}) {
      for (float value : t.span<const float>()) bits.push_back(std::bit_cast<uint32_t>(value));
    }
    return bits;
  };
  const std::vector<uint32_t> expected = run(kReference);
  for (const ImplementationInfo& implementation : max_pool3d_info().implementations_on(Device::Kind::cpu))
    EXPECT_EQ(run(implementation.name), expected) << implementation.name;
}

// Every window on its own, the way the equation says it.
TEST(MaxPool3d, AgreesWithTheEquationOnEveryCornerCase) {
  for (const OpCase& op_case : max_pool3d_info().corner_cases) {
    const auto triple = [&](const char* key, std::array<int64_t, 3> otherwise) {
      return attribute_triple(op_case.attrs, key, otherwise);
    };
    const std::array<int64_t, 3> k = triple("kernel", {}), s = triple("stride", k), p = triple("padding", {});
    const Tensor x = make_inputs(op_case, DType::f64).at("x");
    const Tensor y = max_pool3d(x, {.kernel = k, .stride = s, .padding = p}).value();
    const View5<double> xv = x.view5<double>(), yv = y.view5<double>();
    const int64_t out_d = y.size(2), out_h = y.size(3), out_w = y.size(4);
    for (int64_t i = 0; i < y.numel(); ++i) {
      const int64_t w = i % out_w, h = i / out_w % out_h, d = i / out_w / out_h % out_d;
      const int64_t c = i / (out_w * out_h * out_d) % y.size(1), n = i / (out_w * out_h * out_d) / y.size(1);
      double expected = -std::numeric_limits<double>::infinity();
      for (int64_t a = std::max<int64_t>(0, d * s[0] - p[0]); a < std::min(x.size(2), d * s[0] - p[0] + k[0]);
           ++a)
        for (int64_t b = std::max<int64_t>(0, h * s[1] - p[1]);
             b < std::min(x.size(3), h * s[1] - p[1] + k[1]); ++b)
          for (int64_t e = std::max<int64_t>(0, w * s[2] - p[2]);
               e < std::min(x.size(4), w * s[2] - p[2] + k[2]); ++e)
            expected = std::max(expected, xv(n, c, a, b, e));
      EXPECT_EQ(yv(n, c, d, h, w), expected) << op_case.name << " at " << i;
    }
  }
}

TEST(MaxPool3d, GivesTheSameBitsForAnyThreadCount) {
  const Tensor x = make_inputs(max_pool3d_info().stages.back(), DType::f32).at("x");
  const int before = num_threads();
  std::vector<std::vector<double>> results;
  for (int n : {1, 3}) {
    set_num_threads(n);
    for (const MaxPool3dParams& params :
         {MaxPool3dParams{.kernel = {1, 3, 3}, .stride = {{1, 2, 2}}}, MaxPool3dParams{}}) {
      const Variable leaf_x(x, true);
      const Variable y = max_pool3d(leaf_x, params);
      y.backward(y.value());
      results.push_back(leaf_x.grad().to_doubles());
    }
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[2]);
  EXPECT_EQ(results[1], results[3]);
}

TEST(MaxPool3d, SavesNothingWhileNobodyWantsAGradient) {
  const Tensor x = Tensor::zeros({1, 8, 1, 32, 32});
  const size_t before = host_pool().stats().live_bytes;
  const Variable y = max_pool3d(Variable(x), {});
  const size_t of_y = host_pool().stats().live_bytes - before;
  EXPECT_EQ(of_y, MemoryPool::size_class(y.value().bytes()));
  const Variable recorded = max_pool3d(Variable(x, true), {});
  EXPECT_EQ(host_pool().stats().live_bytes - before - of_y, 2 * of_y);  // y and argmax
}

TEST(MaxPool3d, NamesWhatDoesNotFit) {
  EXPECT_EQ(message_of({1, 1, 1, 1, 4}, {.kernel = {1, 2, 2}}),
            "[max_pool3d] window 2 along H does not fit into 1 cells with padding 0: x=[1,1,1,1,4]");
  EXPECT_EQ(message_of({1, 1, 1, 4, 4}, {.kernel = {1, 2, 2}, .padding = {0, 0, 2}}),
            "[max_pool3d] padding 2 along W is outside of [0, half the kernel 2]");
  EXPECT_EQ(message_of({1, 1, 1, 4, 4}, {.stride = {{1, 0, 2}}}), "[max_pool3d] stride 0 along H is below 1");
  EXPECT_EQ(message_of({4, 4}, {}), "[max_pool3d] x must be f32 or f64 [N,C,D,H,W]: f32[4,4]");
  EXPECT_EQ(message_of({1, 2, 0, 4, 4}, {}), "[max_pool3d] x has no cells along D: x=[1,2,0,4,4]");
}

TEST(MaxPool3d, DevicesSettleTiesAndNanAsTheCpuDoes) {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const std::vector<double> values{1,   1,   0, nan, -infinity, -infinity, 2,   1, 1, 3, nan, -infinity,
                                   nan, nan, 5, 5,   5,         5,         nan, 0, 4, 4, 4,   4};
  for (const MaxPool3dParams& params :
       {MaxPool3dParams{},
        MaxPool3dParams{.kernel = {1, 3, 3}, .stride = {{1, 1, 1}}, .padding = {0, 1, 1}}}) {
    const auto run = [&](Device device) {
      const Tensor x = Tensor::from(Shape{1, 1, 1, 4, 6}, values).to(DType::f32).to(device);
      const Variable leaf(x, true);
      const Variable y = max_pool3d(leaf, params);
      y.backward(Tensor::full(y.shape(), 1.0, DType::f32, device));
      const Tensor here = y.value().to(Device{});
      std::vector<float> all(here.span<float>().begin(), here.span<float>().end());
      for (float& v : all) v = std::isnan(v) ? -1.0f : v;  // to compare them
      for (double v : leaf.grad().to_doubles()) all.push_back(static_cast<float>(v));
      return all;
    };
    EXPECT_EQ(run(Device::simt()), run(Device{}));
  }
}

}  // namespace
}  // namespace primal
