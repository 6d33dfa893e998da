#include "data/metrics/score_summary.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace primal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ScoreSummary, MeanAndSampleDeviation) {
  const ScoreSummary s = summarise_scores(std::vector<double>{1.0, 2.0, 4.0, 5.0});
  EXPECT_DOUBLE_EQ(s.mean, 3.0);
  EXPECT_DOUBLE_EQ(s.deviation, std::sqrt(10.0 / 3.0));
  EXPECT_TRUE(s.all_finite());
  EXPECT_EQ(remark_of("PSNR", s), "");
}

TEST(ScoreSummary, CountsInfiniteValuesAndAveragesTheOthers) {
  const ScoreSummary s =
      summarise_scores(std::vector<double>{kInfinity, 20.0, std::nan(""), 24.0, -kInfinity});
  EXPECT_DOUBLE_EQ(s.mean, 22.0);
  EXPECT_DOUBLE_EQ(s.deviation, std::sqrt(8.0));
  EXPECT_EQ(s.n(), 5);
  EXPECT_EQ(s.n_finite, 2);
  EXPECT_EQ(s.n_infinite, 2);
  EXPECT_EQ(s.n_nan, 1);
  EXPECT_EQ(remark_of("PSNR", s),
            "PSNR: 2 of 5 infinite (equal pictures), 1 of 5 not a number, the mean is over 2");
}

TEST(ScoreSummary, OneValueHasNoDeviationAndNoneHasNoMean) {
  const ScoreSummary one = summarise_scores(std::vector<double>{7.0, kInfinity});
  EXPECT_EQ(one.mean, 7.0);
  EXPECT_TRUE(std::isnan(one.deviation));
  const ScoreSummary none = summarise_scores(std::vector<double>{kInfinity});
  EXPECT_FALSE(none.has_mean());
  EXPECT_TRUE(std::isnan(none.mean));
  EXPECT_EQ(remark_of("PSNR", none), "PSNR: 1 of 1 infinite (equal pictures), so there is no mean");
  EXPECT_EQ(summarise_scores({}).n(), 0);
}

}  // namespace
}  // namespace primal
