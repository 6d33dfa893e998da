#include "nn/upsample3d/upsample3d.h"

#include <gtest/gtest.h>

#include "nn/pad3d/pad3d.h"
#include "nn/upsample3d/upsample3d_axis.h"
#include "support/op_test.h"
#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/random.h"

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

TEST(Upsample3d, AWindowHasTheBitsOfTheWhole) {
  const Tensor x = Tensor::empty({2, 3, 1, 9, 12}, DType::f32);
  RandomStream(1, RandomPurpose::test).fill_normal(x);
  Upsample3dParams params{.mode = UpsampleMode::trilinear, .align_corners = true};
  const Tensor whole = upsample3d(x, params).value();
  const CellBox box{{{0, 1}, {8, 13}, {11, 18}}};
  const CellRange rows = upsample3d_sources(box[1], 9, 18, params),
                  columns = upsample3d_sources(box[2], 12, 24, params);
  EXPECT_EQ(rows, (CellRange{3, 7}));  // 8 of 17 steps over 8 cells is 3.76
  const Tensor part =
      crop3d(x, {.low = {0, rows.begin, columns.begin}, .high = {0, 9 - rows.end, 12 - columns.end}}).value();
  params.window = {.whole = {1, 9, 12}, .x_begin = {0, rows.begin, columns.begin}, .y = box};
  EXPECT_EQ(upsample3d(part, params).value().to_doubles(),
            crop3d(whole, {.low = {0, 8, 11}, .high = {0, 5, 6}}).value().to_doubles());
}

TEST(Upsample3d, EveryImplementationHasTheBitsOfTheReference) {
  const OpInfo info = upsample3d_info();
  for (const OpCase& op_case : info.corner_cases) {
    OpCall call{make_inputs(op_case, DType::f32), op_case.attrs, {}, op_case.name};
    const auto run = [&](std::string_view implementation) {
      const ImplementationScope forced("upsample3d", implementation);
      const OpResult result = info.run(call);
      return std::pair(result.outputs.at("y").to_doubles(), result.grads.at("x").to_doubles());
    };
    call.upstream["y"] = info.run(call).outputs.at("y");
    for (const ImplementationInfo& implementation : info.implementations_on(Device::Kind::cpu))
      EXPECT_EQ(run(implementation.name), run(kReference)) << implementation.name << ", " << op_case.name;
  }
}

TEST(Upsample3d, AWideWindowHasTheBitsOfTheWholeOnEveryImplementation) {
  const Tensor x = Tensor::empty({1, 2, 1, 5, 90}, DType::f32);
  RandomStream(1, RandomPurpose::test).fill_normal(x);
  for (const ImplementationInfo& implementation : upsample3d_info().implementations_on(Device::Kind::cpu)) {
    const ImplementationScope forced("upsample3d", implementation.name);
    Upsample3dParams params{.mode = UpsampleMode::trilinear, .align_corners = true};
    const Tensor whole = upsample3d(x, params).value();
    for (const CellRange columns :
         {CellRange{0, 180}, CellRange{1, 100}, CellRange{37, 39}, CellRange{99, 180}}) {
      const CellRange from = upsample3d_sources(columns, 90, 180, params);
      const Tensor part = crop3d(x, {.low = {0, 0, from.begin}, .high = {0, 0, 90 - from.end}}).value();
      params.window = {.whole = {1, 5, 90},
                       .x_begin = {0, 0, from.begin},
                       .y = {CellRange{0, 1}, CellRange{0, 10}, columns}};
      EXPECT_EQ(upsample3d(part, params).value().to_doubles(),
                crop3d(whole, {.low = {0, 0, columns.begin}, .high = {0, 0, 180 - columns.end}})
                    .value()
                    .to_doubles())
          << implementation.name << " from " << columns.begin;
      params.window.reset();
    }
  }
}

TEST(Upsample3d, EveryImplementationAddsToAGradientThatIsThere) {
  const Tensor x = Tensor::empty({1, 2, 1, 5, 37}, DType::f32);
  RandomStream(1, RandomPurpose::test).fill_normal(x);
  for (const ImplementationInfo& implementation : upsample3d_info().implementations_on(Device::Kind::cpu)) {
    const ImplementationScope forced("upsample3d", implementation.name);
    for (const Upsample3dParams& params :
         {Upsample3dParams{.mode = UpsampleMode::trilinear, .align_corners = true},
          Upsample3dParams{.scale = {1, 3, 1}}, Upsample3dParams{.scale = {1, 1, 1}}}) {
      const Variable leaf_x(x, true);
      const Variable y = upsample3d(leaf_x, params);
      y.backward(y.value());
      const std::vector<double> once = leaf_x.grad().to_doubles();
      upsample3d(leaf_x, params).backward(y.value());
      const std::vector<double> twice = leaf_x.grad().to_doubles();
      for (size_t i = 0; i < once.size(); ++i)
        EXPECT_NEAR(twice[i], 2.0 * once[i], 1e-5) << implementation.name << " at " << i;
    }
  }
}

TEST(Upsample3d, AWindowMustBeMadeOfWhatThereIs) {
  Upsample3dParams params{.scale = {1, 1, 2}, .mode = UpsampleMode::trilinear, .align_corners = true};
  const auto with = [&](int64_t x_begin, const CellRange& y) {
    params.window = {
        .whole = {1, 1, 12}, .x_begin = {0, 0, x_begin}, .y = {CellRange{0, 1}, CellRange{0, 1}, y}};
    return message_of({1, 1, 1, 1, 4}, params);
  };
  EXPECT_EQ(with(5, {11, 18}), "[upsample3d] cells 11 to 18 along W are made of 5 to 10, x has 5 to 9");
  EXPECT_EQ(with(5, {11, 16}), "no error");
  EXPECT_EQ(with(9, {23, 24}), "[upsample3d] x has cells 9 to 13 of 12 along W");
  EXPECT_EQ(with(8, {23, 25}), "[upsample3d] y is to have cells 23 to 25 of 24 along W");
  EXPECT_EQ(with(8, {23, 23}), "[upsample3d] y is to have cells 23 to 23 of 24 along W");
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

TEST(Upsample3d, KeepsTablesOnADeviceButNotOfEverySizeEver) {
  const Device device = Device::simt();
  const Upsample3dParams params;
  const auto one_of = [&](int64_t n) {  // a new table for each n, of two blocks of 256 bytes
    const AxisGeometry axis{n, 2 * n, 0, 4, 0, 8}, same{1, 1, 0, 1, 0, 1};
    return VolumeMaps<float>(device, {same, same, axis}, params, false);
  };
  const auto index_of = [](const VolumeMaps<float>& maps) {
    const auto index = maps.tables()[2].index;  // memory of the host, as simt is
    return std::vector<int32_t>(index.begin(), index.end());
  };
  const VolumeMaps<float> first = one_of(100);
  const std::vector<int32_t> before = index_of(first);
  EXPECT_EQ(one_of(100).tables()[2].index.data(), first.tables()[2].index.data());
  for (int64_t n = 101; n < 2000; ++n) one_of(n);
  EXPECT_LE(backend(device).stats().live_bytes, 256U * 1024U);
  EXPECT_EQ(index_of(first), before);
  EXPECT_EQ(index_of(one_of(100)), before);
}

}  // namespace
}  // namespace primal
