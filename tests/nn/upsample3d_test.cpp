#include "nn/upsample3d/upsample3d.h"

#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

Variable leaf(const Shape& shape, const std::vector<double>& values) {
  return {Tensor::from(shape, values), true};
}

void expect_near(const Tensor& got, const std::vector<double>& expected) {
  const std::vector<double> values = got.to_doubles();
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-14) << "at " << i;
}

std::string message_of(const Shape& x, const Upsample3dParams& params) {
  try {
    upsample3d(Variable(Tensor::zeros(x)), params);
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Upsample3d, IsProven) { expect_op_proven(upsample3d_info()); }

TEST(Upsample3d, AlignedCornersStayInPlace) {
  // m = 4 from n = 2: r = 0, 1/3, 2/3, 1.
  const Variable x = leaf({1, 1, 1, 1, 2}, {0, 3});
  const Variable y =
      upsample3d(x, {.scale = {1, 1, 2}, .mode = UpsampleMode::trilinear, .align_corners = true});
  expect_near(y.value(), {0, 1, 2, 3});
  y.backward(Tensor::from(y.shape(), std::vector<double>{1, 3, 6, 9}));
  expect_near(x.grad(), {1 + 2 + 2, 1 + 4 + 9});
}

TEST(Upsample3d, HalfPixelKeepsTheOuterEdges) {
  // m = 4 from n = 2: r = max(i / 2 - 1/4, 0) = 0, 1/4, 3/4, 5/4; beyond the last cell its value continues.
  const Variable x = leaf({1, 1, 1, 1, 2}, {0, 4});
  const Variable y = upsample3d(x, {.scale = {1, 1, 2}, .mode = UpsampleMode::trilinear});
  expect_near(y.value(), {0, 1, 3, 4});
  y.backward(Tensor::from(y.shape(), std::vector<double>{1, 4, 8, 1}));
  expect_near(x.grad(), {1 + 3 + 2, 1 + 6 + 1});
}

TEST(Upsample3d, NearestRepeatsEveryCell) {
  const Variable x = leaf({1, 1, 1, 2, 2}, {1, 2, 3, 4});
  const Variable y = upsample3d(x, {.scale = {1, 1, 3}});
  expect_near(y.value(), {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4});
  y.backward(y.value());
  expect_near(x.grad(), {3, 6, 9, 12});
}

TEST(Upsample3d, ASizeGivesAnyExtent) {
  const Variable x = leaf({1, 1, 1, 1, 3}, {0, 4, 8});
  expect_near(
      upsample3d(x, {.size = {{1, 1, 5}}, .mode = UpsampleMode::trilinear, .align_corners = true}).value(),
      {0, 2, 4, 6, 8});
  expect_near(upsample3d(x, {.size = {{1, 1, 5}}}).value(), {0, 0, 4, 4, 8});  // floor(3 i / 5)
}

TEST(Upsample3d, AxesActOneAfterTheOther) {
  const Variable x = leaf({1, 1, 1, 2, 2}, {0, 2, 4, 6});
  const Variable y =
      upsample3d(x, {.size = {{2, 3, 3}}, .mode = UpsampleMode::trilinear, .align_corners = true});
  expect_near(y.value(), {0, 1, 2, 2, 3, 4, 4, 5, 6,  //
                          0, 1, 2, 2, 3, 4, 4, 5, 6});
}

TEST(Upsample3d, GivesTheSameBitsForAnyThreadCount) {
  const OpInfo info = upsample3d_info();
  const OpCase& stage = info.stages.front();
  OpCall call{make_inputs(stage, DType::f32), stage.attrs, {}, stage.name};
  call.upstream["y"] = info.run(call).outputs.at("y");
  const int before = num_threads();
  std::vector<std::vector<double>> results;
  for (int n : {1, 3}) {
    set_num_threads(n);
    results.push_back(info.run(call).grads.at("x").to_doubles());
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
}

TEST(Upsample3d, NamesWhatDoesNotFit) {
  EXPECT_EQ(message_of({1, 1, 1, 4, 4}, {.scale = {1, 0, 2}}), "[upsample3d] scale 0 along H is below 1");
  EXPECT_EQ(message_of({1, 1, 1, 4, 4}, {.size = {{1, 8, -1}}}), "[upsample3d] size -1 along W is below 1");
  EXPECT_EQ(message_of({1, 1, 1, 4, 0}, {}), "[upsample3d] x has no cells along W: x=[1,1,1,4,0]");
  EXPECT_EQ(message_of({4, 4}, {}), "[upsample3d] x must be f32 or f64 [N,C,D,H,W]: f32[4,4]");
  EXPECT_EQ(message_of({1, 1, 1, 4, 4}, {.align_corners = true}),
            "[upsample3d] align_corners has no meaning for nearest: choose trilinear");
}

}  // namespace
}  // namespace primal
