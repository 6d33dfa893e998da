#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "data/metrics/metrics.h"
#include "data/phantom/castings.h"
#include "data/phantom/digits.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

void expect_same_for_any_threads(const std::function<Tensor()>& make) {
  const std::vector<double> first = make().to_doubles();
  const int before = num_threads();
  set_num_threads(before == 1 ? 3 : 1);
  EXPECT_EQ(make().to_doubles(), first);
  set_num_threads(before);
}

TEST(Castings, HaveADefectInEveryOtherPart) {
  std::map<CastingDefect, int> count;
  int n_first = 0;
  for (uint32_t k = 0; k < 300; ++k) {
    const CastingDefect a = casting_defect(7, 2 * k), b = casting_defect(7, 2 * k + 1);
    EXPECT_EQ((a == CastingDefect::none) + (b == CastingDefect::none), 1) << k;
    n_first += a != CastingDefect::none;
    ++count[a], ++count[b];
  }
  EXPECT_NEAR(n_first, 150, 40);  // deviation 8.7: which of a pair it is does not follow from the index
  EXPECT_EQ(count[CastingDefect::none], 300);
  for (const CastingDefect d : {CastingDefect::blowholes, CastingDefect::scratch, CastingDefect::chip})
    EXPECT_NEAR(count[d], 100, 35);
}

TEST(Castings, DependOnSeedAndIndexAlone) {
  expect_same_for_any_threads([] { return make_casting(3, 5, 96); });
  const std::vector<double> one = make_casting(3, 5, 96).to_doubles();
  EXPECT_NE(make_casting(3, 6, 96).to_doubles(), one);
  EXPECT_NE(make_casting(4, 5, 96).to_doubles(), one);
  EXPECT_EQ(make_casting(3, 5).shape(), (Shape{1, 1, 1, kCastingSize, kCastingSize}));
  EXPECT_THROW(make_casting(1, 1, 15), ShapeError);
}

// Light discs on dark ground that neither drown nor burn out.
TEST(Castings, LookLikeParts) {
  for (uint32_t i = 0; i < 12; ++i) {
    const Tensor x = make_casting(1, i, 128);
    const auto v = x.span<float>();
    const auto n = static_cast<double>(v.size());
    double mean = 0.0;
    for (const float g : v) mean += static_cast<double>(g) / n;
    EXPECT_GT(mean, 0.25);
    EXPECT_LT(mean, 0.6);
    EXPECT_LT(
        static_cast<double>(std::ranges::count_if(v, [](float g) { return g <= 0.0F || g >= 1.0F; })) / n,
        0.01);
    for (const size_t corner : {size_t{0}, v.size() - 1}) EXPECT_LT(v[corner], 0.25F);
    EXPECT_GT(v[static_cast<size_t>(64 * 128 + 20)], 0.3F) << "the disc at its left";
  }
}

TEST(Castings, KeepTheirShapeAtAnySize) {
  const Tensor large = make_casting(2, 9, 256), small = make_casting(2, 9, 128);
  const float* from = large.data<float>();
  double sum = 0.0;
  for (int64_t i = 0; i < 128; ++i) {
    for (int64_t j = 0; j < 128; ++j) {
      const float* at = from + 2 * i * 256 + 2 * j;
      const double mean = 0.25 * (static_cast<double>(at[0]) + static_cast<double>(at[1]) +
                                  static_cast<double>(at[256]) + static_cast<double>(at[257]));
      sum += std::abs(mean - static_cast<double>(small.data<float>()[i * 128 + j]));
    }
  }
  EXPECT_LT(sum / (128 * 128), 0.02);
}

TEST(Digits, AreTenClassesOfEachTen) {
  for (uint32_t block = 0; block < 30; ++block) {
    std::set<int> labels;
    for (uint32_t i = 0; i < 10; ++i) labels.insert(digit_label(4, 10 * block + i));
    EXPECT_EQ(labels.size(), 10u);
    EXPECT_EQ(*labels.rbegin(), 9);
  }
  EXPECT_NE(digit_label(4, 0) * 10 + digit_label(4, 1), digit_label(4, 10) * 10 + digit_label(4, 11));
}

TEST(Digits, DependOnSeedAndIndexAlone) {
  const LabelledPictures set = make_digits(6, 40, 20);
  EXPECT_EQ(set.n, 40);
  EXPECT_EQ(set.height, kDigitSize);
  for (int64_t i = 0; i < 40; ++i) {
    const auto index = static_cast<uint32_t>(20 + i);
    EXPECT_EQ(set.labels[static_cast<size_t>(i)], digit_label(6, index));
    const Tensor x = make_digit(6, index);
    EXPECT_LE(mse(x, set.picture(i)), 0.25 / 255 / 255 * 1.01);  // rounded to 8 bits
  }
  EXPECT_NE(make_digits(7, 40, 20).levels, set.levels);
  EXPECT_THROW(make_digits(6, 0), ShapeError);
  EXPECT_THROW(make_digit(6, 0, 4), ShapeError);
}

// The class can be seen: the mean of each class, from other digits, is nearest to most of its own.
TEST(Digits, CanBeToldApart) {
  const LabelledPictures known = make_digits(1, 1000), asked = make_digits(2, 300);
  const size_t n_pixels = kDigitSize * kDigitSize;
  std::vector<std::vector<double>> mean(10, std::vector<double>(n_pixels));
  for (size_t i = 0; i < 1000; ++i) {
    for (size_t p = 0; p < n_pixels; ++p) mean[known.labels[i]][p] += known.levels[i * n_pixels + p] / 100.0;
  }
  int n_right = 0;
  for (size_t i = 0; i < 300; ++i) {
    std::vector<double> distance(10);
    for (size_t c = 0; c < 10; ++c) {
      for (size_t p = 0; p < n_pixels; ++p)
        distance[c] += std::pow(mean[c][p] - asked.levels[i * n_pixels + p], 2);
    }
    n_right += std::ranges::min_element(distance) - distance.begin() == asked.labels[i];
  }
  EXPECT_GT(n_right, 250);  // measured 298, by chance 30
}

}  // namespace
}  // namespace primal
