#include "nn/pad3d/pad3d.h"

#include <gtest/gtest.h>

#include "support/op_test.h"
#include "tensor/error.h"

namespace primal {
namespace {

Variable leaf(const Shape& shape, const std::vector<double>& values) {
  return {Tensor::from(shape, values), true};
}

Pad3dParams along_w(PadMode mode, int64_t low, int64_t high) {
  return {.low = {0, 0, low}, .high = {0, 0, high}, .mode = {mode, mode, mode}};
}

template <class F>
std::string message_of(const F& call) {
  try {
    call();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Pad3d, IsProven) { expect_op_proven(pad3d_info()); }
TEST(Crop3d, IsProven) { expect_op_proven(crop3d_info()); }

TEST(Pad3d, ContinuesARowAsTheHeaderDrawsIt) {
  const Variable x = leaf({1, 1, 1, 1, 4}, {1, 2, 3, 4});
  const auto padded = [&](PadMode mode) { return pad3d(x, along_w(mode, 2, 2)).value().to_doubles(); };
  EXPECT_EQ(padded(PadMode::zero), (std::vector<double>{0, 0, 1, 2, 3, 4, 0, 0}));
  EXPECT_EQ(padded(PadMode::edge), (std::vector<double>{1, 1, 1, 2, 3, 4, 4, 4}));
  EXPECT_EQ(padded(PadMode::reflect), (std::vector<double>{3, 2, 1, 2, 3, 4, 3, 2}));
  EXPECT_EQ(padded(PadMode::circular), (std::vector<double>{3, 4, 1, 2, 3, 4, 1, 2}));
}

TEST(Pad3d, TheGradientGathersEveryPlaceThatShowsACell) {
  const std::vector<double> upstream = {1, 2, 4, 8, 16, 32, 64};
  const auto gradient = [&](PadMode mode) {
    const Variable x = leaf({1, 1, 1, 1, 3}, {0, 0, 0});
    pad3d(x, along_w(mode, 2, 2)).backward(Tensor::from({1, 1, 1, 1, 7}, upstream));
    return x.grad().to_doubles();
  };
  EXPECT_EQ(gradient(PadMode::zero), (std::vector<double>{4, 8, 16}));
  EXPECT_EQ(gradient(PadMode::edge), (std::vector<double>{1 + 2 + 4, 8, 16 + 32 + 64}));
  EXPECT_EQ(gradient(PadMode::reflect), (std::vector<double>{4 + 64, 2 + 8 + 32, 1 + 16}));
  EXPECT_EQ(gradient(PadMode::circular), (std::vector<double>{4 + 32, 1 + 8 + 64, 2 + 16}));
}

TEST(Pad3d, ReflectsRowsAndColumnsOfAPicture) {
  const Variable x = leaf({1, 1, 1, 2, 2}, {1, 2, 3, 4});
  const PadMode reflect = PadMode::reflect;
  const Variable y =
      pad3d(x, {.low = {0, 1, 1}, .high = {0, 0, 1}, .mode = {PadMode::zero, reflect, reflect}});
  EXPECT_EQ(y.shape(), Shape({1, 1, 1, 3, 4}));
  EXPECT_EQ(y.value().to_doubles(), (std::vector<double>{4, 3, 4, 3,  //
                                                         2, 1, 2, 1,  //
                                                         4, 3, 4, 3}));
}

TEST(Crop3d, UndoesPaddingOfEveryMode) {
  const OpCase op_case{"volume", {}, {{"x", {2, 3, 3, 4, 5}}}};
  const Tensor x = make_inputs(op_case, DType::f32).at("x");
  for (PadMode mode : {PadMode::zero, PadMode::edge, PadMode::reflect, PadMode::circular}) {
    const Pad3dParams params{.low = {2, 1, 0}, .high = {1, 3, 4}, .mode = {mode, mode, mode}};
    const Variable y = crop3d(pad3d(x, params), {.low = params.low, .high = params.high});
    EXPECT_EQ(y.shape(), x.shape());
    EXPECT_EQ(y.value().to_doubles(), x.to_doubles());
  }
}

TEST(Pad3d, NamesTheAxisThatIsTooShort) {
  const Variable x = Tensor::zeros({1, 1, 1, 4, 3});
  EXPECT_EQ(message_of([&] { pad3d(x, along_w(PadMode::reflect, 1, 3)); }),
            "[pad3d] 3 cells along W reflect at most 2, asked for 1 and 3: x=[1,1,1,4,3]");
  EXPECT_EQ(message_of([&] { pad3d(x, along_w(PadMode::circular, 4, 0)); }),
            "[pad3d] 3 cells along W repeat at most 3, asked for 4 and 0: x=[1,1,1,4,3]");
  EXPECT_EQ(message_of([&] { pad3d(x, along_w(PadMode::edge, -1, 0)); }),
            "[pad3d] amounts -1 and 0 along W must not be below zero");
  EXPECT_EQ(message_of([&] {
              pad3d(Tensor::zeros({4, 4}), {});
            }),
            "[pad3d] x must be f32 or f64 [N,C,D,H,W]: f32[4,4]");
  EXPECT_EQ(message_of([&] {
              pad3d(Tensor::zeros({1, 1, 1, 0, 4}), {});
            }),
            "[pad3d] x has no cells along H: x=[1,1,1,0,4]");
}

TEST(AddPart3d, AddsWhereCropShows) {
  const Tensor whole = Tensor::full({1, 1, 1, 2, 3}, 1.0, DType::f64);
  add_part3d(Tensor::from({1, 1, 1, 1, 2}, std::vector<double>{4, 5}), {0, 1, 1}, whole);
  EXPECT_EQ(whole.to_doubles(), (std::vector<double>{1, 1, 1, 1, 5, 6}));
  EXPECT_EQ(message_of([&] {
              add_part3d(Tensor::zeros({1, 1, 1, 1, 2}, DType::f64), {0, 1, 2}, whole);
            }),
            "[add_part3d] f64[1,1,1,1,2] from cell (0, 1, 2) on does not lie in f64[1,1,1,2,3]");
}

TEST(Crop3d, RefusesToLeaveNothing) {
  EXPECT_EQ(message_of([] {
              crop3d(Tensor::zeros({1, 1, 1, 4, 3}), {.low = {0, 1, 0}, .high = {0, 3, 0}});
            }),
            "[crop3d] 1 and 3 cells taken off 4 along H leave nothing: x=[1,1,1,4,3]");
}

}  // namespace
}  // namespace primal
