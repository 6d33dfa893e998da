#include "tensor/random.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

#include "tensor/exec.h"

namespace primal {
namespace {

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10 rounds).
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, NormalsHaveTheRightMoments) {
  const int64_t n = 200000;
  const Tensor t = Tensor::empty({n}, DType::f64);
  RandomStream(7, RandomPurpose::noise).fill_normal(t);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, product = 0;
  const std::span<double> v = t.span<double>();
  for (size_t i = 0; i < v.size(); ++i) {
    m1 += v[i];
    m2 += v[i] * v[i];
    m3 += v[i] * v[i] * v[i];
    m4 += v[i] * v[i] * v[i] * v[i];
    product += v[i] * v[(i + 1) % v.size()];
  }
  // Standard errors are sqrt(var / n): 0.0022, 0.0032, 0.0087, 0.022, 0.0022; five of them are allowed.
  EXPECT_NEAR(m1 / n, 0.0, 0.012);
  EXPECT_NEAR(m2 / n, 1.0, 0.016);
  EXPECT_NEAR(m3 / n, 0.0, 0.044);
  EXPECT_NEAR(m4 / n, 3.0, 0.11);
  EXPECT_NEAR(product / n, 0.0, 0.012);  // neighbours are unrelated
}

TEST(RandomStream, AnElementDoesNotDependOnHowMuchIsDrawnOrByWhom) {
  const RandomStream stream(3, RandomPurpose::noise, 5, 9);
  const Tensor all = Tensor::empty({100001}, DType::f64), part = Tensor::empty({10}, DType::f64);
  const int before = num_threads();
  set_num_threads(3);
  stream.fill_normal(all);
  set_num_threads(before);
  stream.fill_normal(part, 0.0, 1.0, 50000);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(all.data<double>()[50000 + i], part.data<double>()[i]);
    EXPECT_EQ(stream.normal(static_cast<uint64_t>(50000 + i)), part.data<double>()[i]);
  }
}

TEST(RandomStream, EveryPartOfTheKeyCounts) {
  const uint32_t base = RandomStream(1, RandomPurpose::noise, 2, 3).bits(4);
  EXPECT_NE(base, RandomStream(2, RandomPurpose::noise, 2, 3).bits(4));
  EXPECT_NE(base, RandomStream(1, RandomPurpose::shuffle, 2, 3).bits(4));
  EXPECT_NE(base, RandomStream(1, RandomPurpose::noise, 3, 3).bits(4));
  EXPECT_NE(base, RandomStream(1, RandomPurpose::noise, 2, 4).bits(4));
  EXPECT_NE(base, RandomStream(1, RandomPurpose::noise, 2, 3).bits(5));
}

TEST(RandomStream, SignsAreBalancedAndDependOnTheElementAlone) {
  const RandomStream stream(3, RandomPurpose::probe, 1, 2);
  const Tensor signs = Tensor::empty({100000}), few = Tensor::empty({50}, DType::f64);
  stream.fill_signs(signs);
  stream.fill_signs(few);
  double sum = 0.0, neighbours = 0.0;
  for (int64_t i = 0; i < signs.numel(); ++i) {
    const double sign = static_cast<double>(signs.data<float>()[i]);
    ASSERT_EQ(std::abs(sign), 1.0);
    if (i < few.numel()) {
      EXPECT_EQ(few.data<double>()[i], sign);
    }
    sum += sign;
    if (i > 0) neighbours += sign * static_cast<double>(signs.data<float>()[i - 1]);
  }
  EXPECT_LT(std::abs(sum), 4.0 * std::sqrt(1e5));
  EXPECT_LT(std::abs(neighbours), 4.0 * std::sqrt(1e5));
}

TEST(RandomStream, PermutationHoldsEachIndexOnceAndMoves) {
  std::vector<int64_t> order = RandomStream(1, RandomPurpose::shuffle, 1).permutation(200);
  EXPECT_FALSE(std::ranges::is_sorted(order));
  EXPECT_NE(order, RandomStream(1, RandomPurpose::shuffle, 2).permutation(200));
  std::ranges::sort(order);
  int64_t expected = 0;
  for (const int64_t i : order) EXPECT_EQ(i, expected++);
  EXPECT_EQ(expected, 200);
}

}  // namespace
}  // namespace primal
