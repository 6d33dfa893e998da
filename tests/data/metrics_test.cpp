#include "data/metrics/metrics.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/schedule.h"

namespace primal {
namespace {

constexpr int64_t kHeight = 19, kWidth = 23;

// Two pictures given by formulas, so that other programs can compute with them too.
std::pair<Tensor, Tensor> formula_pictures() {
  const Tensor a = Tensor::empty({kHeight, kWidth}, DType::f64),
               b = Tensor::empty({kHeight, kWidth}, DType::f64);
  for (int64_t i = 0; i < a.numel(); ++i) {
    const int64_t column = i % kWidth, row = i / kWidth;
    const auto x = static_cast<double>(column), y = static_cast<double>(row);
    a.data<double>()[i] = 0.5 + 0.4 * std::sin(0.7 * x + 0.3 * y);
    b.data<double>()[i] = a.data<double>()[i] + 0.1 * std::cos(1.9 * x - 1.1 * y) +
                          0.05 * static_cast<double>((column * 7 + row * 3) % 5) / 5.0;
  }
  return {a, b};
}

// Values of scikit-image 0.19.3 on these pictures.
TEST(Metrics, EqualScikitImage) {
  const auto [a, b] = formula_pictures();
  EXPECT_NEAR(mse(a, b), 0.005621611806571427, 1e-15);
  EXPECT_NEAR(psnr(a, b), 22.501391473597955, 1e-12);
  EXPECT_NEAR(psnr(a, b, 2.0), 22.501391473597955 + 20.0 * std::log10(2.0), 1e-12);
  EXPECT_NEAR(ssim(a, b), 0.9661218107339077, 1e-13);
  EXPECT_NEAR(ssim_gaussian(a, b), 0.95562718889538, 1e-13);
  EXPECT_NEAR(ssim(a, b, {.size = 5, .data_range = 2.0}), 0.9526767542589356, 1e-13);
}

TEST(Metrics, EqualPicturesArePerfect) {
  const auto [a, b] = formula_pictures();
  EXPECT_EQ(mse(a, a), 0.0);
  EXPECT_EQ(psnr(a, a), std::numeric_limits<double>::infinity());
  EXPECT_NEAR(ssim(a, a), 1.0, 1e-14);
  EXPECT_NEAR(ssim_gaussian(a, a), 1.0, 1e-14);
}

TEST(Metrics, SsimOfFlatPicturesByHand) {
  // No variance: only the means compare, (2 ma mb + c1) / (ma^2 + mb^2 + c1).
  const Tensor a = Tensor::full({8, 9}, 0.5, DType::f64), b = Tensor::full({8, 9}, 0.25, DType::f64);
  EXPECT_NEAR(ssim(a, b), (2 * 0.125 + 1e-4) / (0.25 + 0.0625 + 1e-4), 1e-12);
}

TEST(Metrics, SeveralPicturesAreAveraged) {
  const auto [a, b] = formula_pictures();
  const Tensor x = Tensor::empty({2, 1, kHeight, kWidth}, DType::f64),
               y = Tensor::empty(x.shape(), DType::f64);
  x.slice(0, 1).copy_from(a.reshape({1, 1, kHeight, kWidth}));
  x.slice(1, 2).copy_from(a.reshape({1, 1, kHeight, kWidth}));
  y.slice(0, 1).copy_from(b.reshape({1, 1, kHeight, kWidth}));
  y.slice(1, 2).copy_from(a.reshape({1, 1, kHeight, kWidth}));
  EXPECT_NEAR(ssim(x, y), (ssim(a, b) + 1.0) / 2.0, 1e-14);
  EXPECT_NEAR(mse(x, y), mse(a, b) / 2.0, 1e-16);
}

TEST(Metrics, EveryImplementationEqualsTheReference) { expect_op_proven(metrics_info()); }

TEST(Metrics, SameBitsForAnyThreadCount) {
  const OpCase picture = metrics_info().stages.front();
  const TensorMap inputs = make_inputs(picture, DType::f32);
  const int before = num_threads();
  set_num_threads(1);
  const double one = ssim(inputs.at("a"), inputs.at("b"));
  set_num_threads(3);
  EXPECT_EQ(ssim(inputs.at("a"), inputs.at("b")), one);
  set_num_threads(before);
}

TEST(Metrics, NotANumberStaysOne) {
  const auto [a, b] = formula_pictures();
  b.data<double>()[200] = std::nan("");
  EXPECT_TRUE(std::isnan(mse(a, b)));
  EXPECT_TRUE(std::isnan(psnr(a, b)));
  EXPECT_TRUE(std::isnan(ssim(a, b)));
}

TEST(Metrics, RefuseWhatCannotBeCompared) {
  const auto [a, b] = formula_pictures();
  EXPECT_THROW(mse(a, Tensor()), ShapeError);
  EXPECT_THROW(mse(a, b.to(DType::f32)), ShapeError);
  EXPECT_THROW(psnr(a, b.reshape({kWidth, kHeight})), ShapeError);
  EXPECT_THROW(psnr(a, b, 0.0), ShapeError);
  EXPECT_THROW(ssim(a, b, {.size = 4}), ShapeError);
  EXPECT_THROW(ssim(a, b, {.size = 21}), ShapeError);
  EXPECT_THROW(ssim(Tensor::zeros({100}), Tensor::zeros({100})), ShapeError);
  EXPECT_THROW(mse(Tensor::zeros({0, 4}), Tensor::zeros({0, 4})), ShapeError);
}

TEST(Metrics, AreTheSameOnADevice) {
  const TensorMap inputs = make_inputs(
      {"pair",
       {},
       {{"a", {2, 1, 33, 70}, OpInput::Fill::uniform}, {"b", {2, 1, 33, 70}, OpInput::Fill::uniform}}},
      DType::f32);
  const auto run = [&](Device device) {
    const Tensor a = inputs.at("a").to(device), b = inputs.at("b").to(device);
    return std::vector{mse(a, b), psnr(a, b), ssim(a, b), ssim_gaussian(a, b)};
  };
  const std::vector<double> here = run({}), there = run(Device::simt());
  for (size_t i = 0; i < here.size(); ++i) EXPECT_NEAR(there[i], here[i], 1e-13 * std::abs(here[i]));
  simt::same_in_all_orders("metrics", [&] { return run(Device::simt()); });
  simt::Recording recording;
  run(Device::simt());
  simt::require_no_races(recording.launches());
  EXPECT_THROW(mse(inputs.at("a"), inputs.at("b").to(Device::simt())), DeviceError);
}

}  // namespace
}  // namespace primal
