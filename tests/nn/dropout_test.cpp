#include "nn/dropout/dropout.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "support/op_test.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace primal {
namespace {

std::vector<double> kept(const Variable& y) {
  std::vector<double> values = y.value().to(Device{}).to_doubles();
  for (double& v : values) v = v != 0.0 ? 1.0 : 0.0;
  return values;
}

Variable ones(const Shape& shape, Device device = {}) { return Tensor::full(shape, 1.0, DType::f32, device); }

TEST(Dropout, IsProven) { expect_op_proven(dropout_info()); }

TEST(Dropout, DropsWhereTheStreamIsBelowP) {
  const DropoutKey key{.seed = 5, .epoch = 2, .sample = 10, .layer = 3};
  const Variable x(Tensor::full({2, 3, 3}, 3.0, DType::f64), true);
  const Variable y = dropout(x, 0.25, key);
  y.backward(Tensor::full({2, 3, 3}, 6.0, DType::f64));
  int64_t n_dropped = 0;
  for (int64_t n = 0; n < 2; ++n) {
    const RandomStream stream(5, RandomPurpose::dropout, 2, static_cast<uint32_t>(10 + n));
    for (int64_t j = 0; j < 9; ++j) {
      const bool drops = stream.uniform((uint64_t{3} << 40) + static_cast<uint64_t>(j)) < 0.25;
      n_dropped += drops ? 1 : 0;
      EXPECT_EQ(y.value().data<double>()[9 * n + j], drops ? 0.0 : 4.0);
      EXPECT_EQ(x.grad().data<double>()[9 * n + j], drops ? 0.0 : 8.0);
    }
  }
  EXPECT_GT(n_dropped, 0);
  EXPECT_LT(n_dropped, 18);
}

TEST(Dropout, ShareAndMeanAreThoseOfP) {
  constexpr int64_t kElements = 1 << 20;
  for (const double p : {0.1, 0.3, 0.5, 0.9}) {
    const std::vector<double> y = dropout(ones({4, kElements / 4}), p, {}).value().to_doubles();
    double n_dropped = 0.0, sum = 0.0;
    for (const double v : y) {
      n_dropped += v == 0.0 ? 1.0 : 0.0;
      sum += v;
    }
    // Five standard deviations of a mean of 2^20: 5 sqrt(p (1 - p)) / 1024.
    const double allowed = 5.0 * std::sqrt(p * (1.0 - p)) / 1024.0;
    EXPECT_NEAR(n_dropped / kElements, p, allowed) << p;
    EXPECT_NEAR(sum / kElements, 1.0, allowed / (1.0 - p)) << p;
  }
}

TEST(Dropout, AMaskBelongsToItsSampleWhateverItsPlaceInTheBatch) {
  // Rows that count up, that go down, and one number twice.
  const std::vector<uint32_t> samples{7, 8, 9, 3, 2, 7};
  for (const Device device : {Device{}, Device::simt()}) {
    const Variable x(Tensor::full({6, 40}, 1.0, DType::f32, device), true);
    const Variable y = dropout(x, 0.4, {.seed = 3, .epoch = 1, .layer = 2, .samples = samples});
    y.backward(Tensor::full({6, 40}, 1.0, DType::f32, device));
    const std::vector<double> values = y.value().to(Device{}).to_doubles();
    for (size_t n = 0; n < samples.size(); ++n) {
      const DropoutKey own{.seed = 3, .epoch = 1, .sample = samples[n], .layer = 2};
      const std::vector<double> expected = dropout(ones({1, 40}), 0.4, own).value().to_doubles();
      EXPECT_EQ(std::vector<double>(values.begin() + 40 * static_cast<int>(n),
                                    values.begin() + 40 * static_cast<int>(n + 1)),
                expected)
          << "row " << n << " on " << device.str();
    }
    EXPECT_EQ(x.grad().to(Device{}).to_doubles(), values);
  }
  EXPECT_THROW(dropout(ones({2, 4}), 0.4, {.samples = {1}}), ShapeError);
}

TEST(Dropout, MaskDoesNotDependOnHowAnEpochIsCut) {
  const std::vector<double> whole = kept(dropout(ones({6, 37}), 0.4, {.seed = 1, .sample = 100}));
  std::vector<double> parts;
  for (const auto& [first, n] : {std::pair<uint32_t, int64_t>{0, 1}, {1, 3}, {4, 2}}) {
    const std::vector<double> part = kept(dropout(ones({n, 37}), 0.4, {.seed = 1, .sample = 100 + first}));
    parts.insert(parts.end(), part.begin(), part.end());
  }
  EXPECT_EQ(parts, whole);
}

TEST(Dropout, EveryPartOfTheKeyGivesAnotherMask) {
  const std::vector<double> mask = kept(dropout(ones({2, 200}), 0.5, {}));
  for (const DropoutKey& other :
       {DropoutKey{.seed = 43}, DropoutKey{.epoch = 1}, DropoutKey{.sample = 2}, DropoutKey{.layer = 1}}) {
    EXPECT_NE(kept(dropout(ones({2, 200}), 0.5, other)), mask);
  }
}

TEST(Dropout, DevicesDrawTheSameMask) {
  const DropoutKey key{.seed = 9, .epoch = 1, .sample = 7, .layer = 2};
  EXPECT_EQ(kept(dropout(ones({5, 301}, Device::simt()), 0.3, key)), kept(dropout(ones({5, 301}), 0.3, key)));
}

TEST(Dropout, ADroppedInfinityIsZero) {
  const Variable x(Tensor::full({1, 64}, std::numeric_limits<double>::infinity()), true);
  const Variable y = dropout(x, 0.5, {});
  y.backward(Tensor::full({1, 64}, std::numeric_limits<double>::infinity()));
  for (const Tensor& t : {y.value(), x.grad()}) {
    for (const double v : t.to_doubles()) EXPECT_TRUE(v == 0.0 || std::isinf(v)) << v;
  }
}

TEST(Dropout, IsTheIdentityWithoutTraining) {
  const Variable x = ones({3, 5});
  EXPECT_EQ(dropout(x, 0.5, {}, false).value().raw(), x.value().raw());
  EXPECT_EQ(dropout(x, 0.0, {}).value().raw(), x.value().raw());
}

TEST(Dropout, RefusesIntegersAndOddsOutsideOfTheRange) {
  EXPECT_THROW(dropout(Tensor::zeros({2}, DType::i64), 0.5, {}), ShapeError);
  EXPECT_THROW(dropout(ones({2}), 1.0, {}), ShapeError);
  EXPECT_THROW(dropout(ones({2}), -0.1, {}), ShapeError);
  EXPECT_THROW(dropout(ones({2}), std::nan(""), {}, false), ShapeError);
}

}  // namespace
}  // namespace primal
