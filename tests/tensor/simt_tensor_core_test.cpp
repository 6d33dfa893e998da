// Products on tensor cores in the emulation: layouts, rounding, and faults planted in kernels that use them.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "tensor/cuda/precision.h"
#include "tensor/error.h"
#include "tensor/random.h"
#include "tensor/simt/recording.h"
#include "tensor/simt/tensor_core.h"
#include "tests/tensor/simt_kernels.h"

namespace primal::simt {
namespace {

constexpr size_t kRows = 16, kColumns = 8, kDepth = 8;

struct Matrices {
  std::vector<float> a = std::vector<float>(kRows * kDepth), b = std::vector<float>(kDepth * kColumns),
                     sum = std::vector<float>(kRows * kColumns);
};

std::vector<float> product_of(const Matrices& m) {
  return same_in_all_orders("products", [&] {
    const Buffer<float> a{std::span<const float>(m.a)}, b{std::span<const float>(m.b)};
    Buffer<float> sum{std::span<const float>(m.sum)};
    products(a.span(), b.span(), sum.span());
    return sum.to_host();
  });
}

std::string fault_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const CheckFailed& error) {
    return error.what();
  }
  return "no fault was reported";
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// A single 1 in each matrix: it must come out in its row and column, and nowhere else.
TEST(SimtTensorCore, FragmentsAreWherePtxPutsThem) {
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t k = 0; k < kDepth; ++k) {
      const size_t column = (row + 3 * k) % kColumns;
      Matrices m;
      m.a[row * kDepth + k] = 2.0f;
      m.b[k * kColumns + column] = 3.0f;
      m.sum[row * kColumns + column] = 0.5f;
      std::vector<float> expected(kRows * kColumns);
      expected[row * kColumns + column] = 6.5f;
      ASSERT_EQ(product_of(m), expected) << row << ", " << k;
    }
  }
}

TEST(SimtTensorCore, SmallIntegersAreExact) {
  Matrices m;
  for (size_t i = 0; i < m.a.size(); ++i) m.a[i] = static_cast<float>(i * i % 37) - 18.0f;
  for (size_t i = 0; i < m.b.size(); ++i) m.b[i] = static_cast<float>(i * 7 % 23) - 11.0f;
  for (size_t i = 0; i < m.sum.size(); ++i) m.sum[i] = static_cast<float>(i);
  const std::vector<float> got = product_of(m);
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t column = 0; column < kColumns; ++column) {
      float expected = m.sum[row * kColumns + column];
      for (size_t k = 0; k < kDepth; ++k) expected += m.a[row * kDepth + k] * m.b[k * kColumns + column];
      EXPECT_EQ(got[row * kColumns + column], expected) << row << ", " << column;
    }
  }
}

// Against the plain product in double. Rounding an operand to 11 bits changes it by at most 2^-11 of itself.
TEST(SimtTensorCore, ErrsAsRoundedOperandsDo) {
  const RandomStream random(3, RandomPurpose::test, 0, 0);
  Matrices m;
  uint64_t drawn = 0;
  for (std::vector<float>* of : {&m.a, &m.b}) {
    for (float& v : *of) v = static_cast<float>(random.normal(drawn++));
  }
  const std::vector<float> got = product_of(m);
  double worst = 0.0;
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t column = 0; column < kColumns; ++column) {
      double expected = 0.0, size = 0.0;
      for (size_t k = 0; k < kDepth; ++k) {
        const double term = double{m.a[row * kDepth + k]} * double{m.b[k * kColumns + column]};
        expected += term;
        size += std::fabs(term);
      }
      worst = std::max(worst, std::fabs(double{got[row * kColumns + column]} - expected) / size);
    }
  }
  EXPECT_LT(worst, std::ldexp(1.0, -10));
  EXPECT_GT(worst, std::ldexp(1.0, -15));  // and it does round
}

TEST(SimtTensorCore, RoundsToElevenBitsTiesAwayFromZero) {
  const auto rounded = [](float x) { return tf32_value(to_tf32(x)); };
  constexpr float kUlp = 0x1p-10f;
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(1.0f + 0.5f * kUlp), 1.0f + kUlp);
  EXPECT_EQ(rounded(-1.0f - 0.5f * kUlp), -1.0f - kUlp);
  EXPECT_EQ(rounded(1.0f + 1.5f * kUlp), 1.0f + 2.0f * kUlp);
  EXPECT_EQ(rounded(std::nextafter(1.0f + 0.5f * kUlp, 0.0f)), 1.0f);
  EXPECT_EQ(rounded(2.0f - 0x1p-23f), 2.0f);  // into the next exponent
  EXPECT_EQ(rounded(0.0f), 0.0f);
  EXPECT_TRUE(std::signbit(rounded(-0.0f)));
  constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(rounded(4095.0f * kSmallest), 0.0f);
  EXPECT_EQ(rounded(4096.0f * kSmallest), 8192.0f * kSmallest);
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), INFINITY);
  EXPECT_EQ(rounded(-INFINITY), -INFINITY);
  EXPECT_TRUE(std::isnan(rounded(NAN)));
  for (const float x : {1.0f + 0.5f * kUlp, -3.14159f, 4096.0f * kSmallest, -INFINITY, 0.0f})
    EXPECT_EQ(rounded(x), rounded_to_tf32(x)) << x;
}

// Together the two have 23 of the 24 bits; of what is not finite, the second is NaN.
TEST(SimtTensorCore, SplitsIntoTwoOperands) {
  const RandomStream random(4, RandomPurpose::test, 0, 0);
  double worst = 0.0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const auto x = static_cast<float>(random.normal(i));
    unsigned big = 0, small = 0;
    split_tf32(x, big, small);
    ASSERT_EQ(big & 0x1FFFU, 0U);
    ASSERT_EQ(small & 0x1FFFU, 0U);
    ASSERT_EQ(tf32_value(big), rounded_to_tf32(x));
    const double sum = double{tf32_value(big)} + double{tf32_value(small)};
    worst = std::max(worst, std::fabs(sum / double{x} - 1.0));
  }
  EXPECT_LE(worst, std::ldexp(1.0, -23));
  EXPECT_GT(worst, std::ldexp(1.0, -25));
  for (const float x : {INFINITY, -INFINITY, NAN, __uint_as_float(0x7FFFFFFF)}) {
    unsigned big = 0, small = 0;
    split_tf32(x, big, small);
    EXPECT_TRUE(std::isnan(tf32_value(small))) << x;
  }
}

TEST(SimtTensorCore, InfinityTimesZeroIsNotANumber) {
  Matrices m;
  m.a[0] = INFINITY;
  std::vector<float> got = product_of(m);
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(got[kColumns], 0.0f);
  for (size_t column = 0; column < kColumns; ++column) m.b[column] = -1.0f;
  got = product_of(m);
  EXPECT_EQ(got[0], -INFINITY);
}

// The sum is cut off, not rounded: 1 + 2^-24 + 2^-24 + ... stays at 1, whatever comes after.
TEST(SimtTensorCore, SumsAreCutOffTowardsZero) {
  Matrices m;
  for (size_t k = 0; k < kDepth; ++k) m.a[k] = 1.0f, m.b[k * kColumns] = 0.75f * 0x1p-24f;
  m.sum[0] = 1.0f;
  EXPECT_EQ(product_of(m)[0], 1.0f);
  m.sum[0] = -1.0f;
  for (size_t k = 0; k < kDepth; ++k) m.b[k * kColumns] = -0.75f * 0x1p-24f;
  EXPECT_EQ(product_of(m)[0], -1.0f);
  for (size_t k = 0; k < kDepth; ++k)
    m.b[k * kColumns] = -0x1p-24f;  // eight of them are four times the last bit
  EXPECT_EQ(product_of(m)[0], -1.0f - 4.0f * 0x1p-23f);
}

TEST(SimtTensorCore, MemoryThatNobodyWroteIsRecognisedInTheProduct) {
  Buffer<float> a(kRows * kDepth), b(std::vector<float>(kDepth * kColumns, 1.0f)),
      sum(std::vector<float>(kRows * kColumns));
  for (size_t i = 0; i + 1 < a.span().size(); ++i) a.span()[i] = 1.0f;
  EXPECT_HAS(fault_of([&] { products(a.span(), b.span(), sum.span()); }), "nothing has written it");
}

TEST(SimtTensorCore, CountsProductsOfWarps) {
  const std::vector<float> x(512, 1.0f);
  Buffer<float> sum(std::vector<float>(512));
  const Recording recording;
  products(x, x, sum.span());
  const LaunchCounters counters = recording.launches().at(0).counters;
  EXPECT_EQ(counters.matrix_products, 4);
  EXPECT_EQ(counters.warp_operations, 4);
}

// Planted faults.

__global__ void unrounded_operand(Global<const float> x, Global<float> y) {
  unsigned a[4] = {}, b[2] = {};
  a[0] = __float_as_uint(x[threadIdx.x]);  // not to_tf32
  float sum[4] = {};
  multiply_tf32(sum, a, b);
  y[threadIdx.x] = sum[0];
}

TEST(SimtTensorCore, AnOperandThatNobodyRoundedIsAFault) {
  std::vector<float> x(32, 1.0f);
  Buffer<float> y(32);
  const auto run = [&] {
    launch(Exec{}, {.name = "unrounded", .block = 32}, unrounded_operand, global(std::span<const float>(x)),
           global(y.span()));
  };
  EXPECT_EQ(fault_of(run), "no fault was reported");  // 1 needs no rounding
  x[5] = 1.1f;
  EXPECT_HAS(fault_of(run), "lane 5 multiplies 1.10000002 of a, which has more bits than TF32");
}

__global__ void half_a_warp(Global<float> y) {
  if (threadIdx.x >= 16) return;
  const unsigned a[4] = {}, b[2] = {};
  float sum[4] = {};
  multiply_tf32(sum, a, b);
  y[threadIdx.x] = sum[0];
}

TEST(SimtTensorCore, AProductOfHalfAWarpIsAFault) {
  Buffer<float> y(32);
  EXPECT_HAS(fault_of([&] { launch(Exec{}, {.name = "half", .block = 32}, half_a_warp, global(y.span())); }),
             "wait at a warp operation for the lanes 0xffffffff, simt_tensor_core_test.cpp:");
}

}  // namespace
}  // namespace primal::simt
