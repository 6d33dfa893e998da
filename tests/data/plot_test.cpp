#include "data/figure/plot.h"

#include <cmath>
#include <gtest/gtest.h>

#include "tensor/error.h"

namespace primal {
namespace {

TEST(Plot, TicksAreRoundNumbersInside) {
  EXPECT_EQ(round_ticks(0.0, 1.0), (std::vector<double>{0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0}));
  for (const auto& [low, high] : {std::pair{19.3, 31.2}, {-0.004, 0.0031}, {1e5, 9e6}}) {
    const std::vector<double> ticks = round_ticks(low, high);
    EXPECT_GE(ticks.size(), 2u);
    EXPECT_LE(ticks.size(), 7u);
    EXPECT_GE(ticks.front(), low - 1e-9 * (high - low));
    EXPECT_LE(ticks.back(), high + 1e-9 * (high - low));
  }
  EXPECT_EQ(round_ticks(2.0, 2.0), std::vector<double>{2.0});
}

TEST(Plot, TheCurveRisesFromLeftToRight) {
  const Image plot = make_plot({"t", "x", {{{0.0, 1.0}, {5.0, 6.0}, {}, ""}}}, 200, 160);
  EXPECT_EQ(plot.width, 200);
  EXPECT_EQ(plot.height, 160);
  // The height of the curve's colour (neither grey nor white) in a column.
  const auto height_in = [&](int64_t x) {
    for (int64_t y = 0; y < plot.height; ++y) {
      if (plot.at(x, y, 2) > plot.at(x, y, 0) + 40) return y;
    }
    return int64_t{-1};
  };
  ASSERT_GE(height_in(80), 0);
  ASSERT_GE(height_in(160), 0);
  EXPECT_GT(height_in(80), height_in(160));
}

TEST(Plot, LeavesOutWhatIsNotFiniteAndRefusesNothing) {
  const double nan = std::nan("");
  EXPECT_NO_THROW(make_plot({"t", "x", {{{0.0, 1.0, 2.0}, {nan, 3.0, INFINITY}, 1, "one"}}}));
  EXPECT_THROW(make_plot({"t", "x", {{{0.0}, {nan}, {}, ""}}}), ShapeError);
  EXPECT_THROW(make_plot({"t", "x", {{{0.0}, {1.0, 2.0}, {}, ""}}}), ShapeError);
  EXPECT_THROW(make_plot({"t", "x", {}}), ShapeError);
  const Image one = make_plot({"t", "x", {{{0.0}, {1.0}, 0, "p"}}}, 100, 100);
  EXPECT_EQ(beside({one, one}).width, 200);
  EXPECT_THROW(beside({one, make_plot({"t", "x", {{{0.0}, {1.0}, {}, ""}}}, 100, 120)}), ShapeError);
}

}  // namespace
}  // namespace primal
