#include "data/phantom/phantom.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "data/noise/noise.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

double mean_of(const Tensor& x, int64_t x0, int64_t y0, int64_t x1, int64_t y1) {
  const View5<float> view = x.view5<float>();
  double sum = 0.0;
  for (int64_t y = y0; y < y1; ++y) {
    for (int64_t i = x0; i < x1; ++i) sum += view(0, 0, 0, y, i);
  }
  return sum / static_cast<double>((x1 - x0) * (y1 - y0));
}

TEST(Phantom, LiesInTheUnitRangeWithContrast) {
  for (uint32_t index = 0; index < 60; ++index) {
    const Tensor x = make_phantom(7, index, 64);
    ASSERT_EQ(x.shape(), (Shape{1, 1, 1, 64, 64}));
    for (const float value : x.span<float>())
      ASSERT_TRUE(value >= 0.0f && value <= 1.0f) << index << ": " << value;
    const double deviation = sample_deviation(x), mean = mean_of(x, 0, 0, 64, 64);
    EXPECT_GT(deviation, 0.1) << index;  // measured 0.13 at least; radiographs have about 0.2
    EXPECT_GT(mean, 0.2) << index;
    EXPECT_LT(mean, 0.85) << index;
  }
}

TEST(Phantom, ShowsDarkLungsBesideABrightMiddle) {
  for (uint32_t index = 0; index < 60; ++index) {
    const Tensor x = make_phantom(42, index, 64);
    const double left_lung = mean_of(x, 15, 22, 21, 34), right_lung = mean_of(x, 43, 22, 49, 34);
    const double middle = mean_of(x, 29, 22, 35, 34);
    EXPECT_LT(left_lung + 0.1, middle) << index;
    EXPECT_LT(right_lung + 0.1, middle) << index;
  }
}

TEST(Phantom, DependsOnSeedAndIndexAlone) {
  const std::vector<double> first = make_phantom(1, 2, 48).to_doubles();
  const int before = num_threads();
  for (const int n : {1, 3}) {
    set_num_threads(n);
    EXPECT_EQ(make_phantom(1, 2, 48).to_doubles(), first);
  }
  set_num_threads(before);
  EXPECT_NE(make_phantom(1, 3, 48).to_doubles(), first);
  EXPECT_NE(make_phantom(2, 2, 48).to_doubles(), first);
}

TEST(Phantom, IsVaried) {
  // Root mean square difference of the two closest of twenty pictures.
  std::vector<Tensor> all;
  for (uint32_t index = 0; index < 20; ++index) all.push_back(make_phantom(42, index, 32));
  double closest = 1.0;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      double sum = 0.0;
      for (int64_t k = 0; k < 32 * 32; ++k)
        sum += std::pow(all[i].data<float>()[k] - all[j].data<float>()[k], 2);
      closest = std::min(closest, std::sqrt(sum / (32 * 32)));
    }
  }
  EXPECT_GT(closest, 0.05);  // measured 0.086
}

TEST(Phantom, LooksAlikeAtAnySize) {
  for (uint32_t index = 0; index < 8; ++index) {
    const Tensor small = make_phantom(42, index, 64), large = make_phantom(42, index, 256);
    const View5<float> a = small.view5<float>(), b = large.view5<float>();
    double sum = 0.0;
    for (int64_t y = 0; y < 64; ++y) {
      for (int64_t x = 0; x < 64; ++x) {
        double box = 0.0;
        for (int64_t i = 0; i < 16; ++i) box += b(0, 0, 0, 4 * y + i / 4, 4 * x + i % 4) / 16.0;
        sum += std::abs(box - a(0, 0, 0, y, x));
      }
    }
    EXPECT_LT(sum / (64 * 64), 0.02) << index;  // measured 0.012 at most
  }
}

TEST(Phantom, RefusesAbsurdSizes) {
  EXPECT_THROW(make_phantom(1, 1, 7), ShapeError);
  EXPECT_THROW(make_phantom(1, 1, 1 << 20), ShapeError);
  EXPECT_EQ(make_phantom(1, 1, 8).numel(), 64);
}

}  // namespace
}  // namespace primal
