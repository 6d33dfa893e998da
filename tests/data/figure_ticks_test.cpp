#include <cmath>
#include <gtest/gtest.h>

#include "data/figure/ticks.h"

namespace primal {
namespace {

TEST(Ticks, AreRoundNumbersInside) {
  EXPECT_EQ(round_ticks(0.0, 1.0), (std::vector<double>{0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0}));
  for (const auto& [low, high] : {std::pair{19.3, 31.2}, {-0.004, 0.0031}, {1e5, 9e6}}) {
    const std::vector<double> ticks = round_ticks(low, high);
    EXPECT_GE(ticks.size(), 2u);
    EXPECT_LE(ticks.size(), 7u);
    EXPECT_GE(ticks.front(), low - 1e-9 * (high - low));
    EXPECT_LE(ticks.back(), high + 1e-9 * (high - low));
    const double step = ticks[1] - ticks[0], power = std::pow(10.0, std::floor(std::log10(step) + 1e-9));
    const double digit = std::round(step / power);
    EXPECT_TRUE(digit == 1.0 || digit == 2.0 || digit == 5.0) << step;
    for (const double tick : ticks) EXPECT_NEAR(tick / step, std::round(tick / step), 1e-9);
  }
  EXPECT_EQ(round_ticks(2.0, 2.0), std::vector<double>{2.0});
}

TEST(Ticks, OfALogarithmicAxisAreRoundNumbersInside) {
  EXPECT_EQ(log_ticks(0.9, 101.0), (std::vector<double>{1, 2, 5, 10, 20, 50, 100}));
  EXPECT_EQ(log_ticks(1e-5, 1.0).size(), 6u);
  EXPECT_LE(log_ticks(1e-30, 1.0).size(), 9u);
}

TEST(Ticks, ReadWithTheSameNumberOfDecimals) {
  EXPECT_EQ(tick_texts({0.0, 0.5, 1.0, 1.5}), (std::vector<std::string>{"0.0", "0.5", "1.0", "1.5"}));
  EXPECT_EQ(tick_texts({0.0, 50.0, 100.0}), (std::vector<std::string>{"0", "50", "100"}));
  EXPECT_EQ(tick_texts({-0.25, 0.25}), (std::vector<std::string>{"−0.25", "0.25"}));
}

TEST(Ticks, BeyondOrdinaryNumbersReadAsPowersOfTen) {
  EXPECT_EQ(tick_texts({1e-5, 2e-5}), (std::vector<std::string>{"10⁻⁵", "2·10⁻⁵"}));
  EXPECT_EQ(tick_texts({0.0, 2e6}), (std::vector<std::string>{"0", "2·10⁶"}));
  EXPECT_EQ(tick_texts({1e-6, 1e-3, 1.0}), (std::vector<std::string>{"10⁻⁶", "10⁻³", "10⁰"}));
  EXPECT_EQ(tick_texts({0.01, 0.1, 1.0}), (std::vector<std::string>{"0.01", "0.1", "1"}));
}

}  // namespace
}  // namespace primal
