// What an evaluation computes from scores: spread, bootstrap interval, shares, table and CSV.
#include <cmath>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "apps/evaluation/report.h"
#include "apps/scores/lambda_search.h"
#include "data/noise/noise.h"
#include "data/phantom/phantom.h"
#include "solvers/pdhg/pdhg.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

TEST(Statistics, BootstrapIsOverTheFiniteValues) {
  const double inf = std::numeric_limits<double>::infinity();
  const Interval with = bootstrap_interval(std::vector<double>{0.0, inf, 1.0}, 1);
  EXPECT_DOUBLE_EQ(with.low, 0.0);
  EXPECT_DOUBLE_EQ(with.high, 1.0);
  EXPECT_TRUE(std::isnan(bootstrap_interval(std::vector<double>{7.0, inf}, 1).low));
  EXPECT_THROW(bootstrap_interval({}, 1), ShapeError);
}

TEST(Statistics, BootstrapOfTwoValuesIsTheBinomial) {
  // The mean of two draws from {0, 1} is 0, 1/2 or 1 with probability 1/4, 1/2, 1/4: the 95 % interval is all
  // of it, the middle 40 % lies at 1/2.
  const std::vector<double> values{0.0, 1.0};
  const Interval wide = bootstrap_interval(values, 1);
  EXPECT_DOUBLE_EQ(wide.low, 0.0);
  EXPECT_DOUBLE_EQ(wide.high, 1.0);
  const Interval narrow = bootstrap_interval(values, 1, 10000, 0.4);
  EXPECT_DOUBLE_EQ(narrow.low, 0.5);
  EXPECT_DOUBLE_EQ(narrow.high, 0.5);
}

TEST(Statistics, BootstrapApproachesTheNormalInterval) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) values.push_back(std::sin(1.7 * i));
  const ScoreSummary s = summarise_scores(values);
  const Interval interval = bootstrap_interval(values, 42);
  // The normal interval, mean -+ 1.96 s sqrt((N-1)/N) / sqrt(N); 10000 resamples leave about 2 % of its half
  // width.
  const double half = 1.96 * s.deviation * std::sqrt(99.0) / 100.0;
  EXPECT_NEAR(interval.low, s.mean - half, 0.06 * half);  // measured 0.01
  EXPECT_NEAR(interval.high, s.mean + half, 0.06 * half);
  EXPECT_NE(bootstrap_interval(values, 43).low, interval.low);
}

TEST(Statistics, BootstrapDoesNotDependOnThreads) {
  std::vector<double> values;
  for (int i = 0; i < 37; ++i) values.push_back(std::cos(0.9 * i));
  const int before = num_threads();
  set_num_threads(1);
  const Interval one = bootstrap_interval(values, 42);
  set_num_threads(3);
  const Interval three = bootstrap_interval(values, 42);
  set_num_threads(before);
  EXPECT_EQ(one.low, three.low);
  EXPECT_EQ(one.high, three.high);
}

Evaluation row(const std::string& name, double scalar_psnr, double map_psnr, double scalar_ssim,
               double map_ssim) {
  Evaluation e;
  e.name = name;
  e.by_psnr.psnr = scalar_psnr;
  e.by_ssim.ssim = scalar_ssim;
  e.map = {map_psnr, map_ssim};
  e.lambda_by_psnr = 0.06;
  return e;
}

TEST(Report, ComparesTheMapWithTheBestScalarOfEachScore) {
  const std::vector<Evaluation> rows{row("a", 30, 31, 0.8, 0.7), row("b", 28, 30, 0.6, 0.65),
                                     row("c", 25, 24, 0.5, 0.5)};
  const EvaluationSummary s = summarise(rows, 42);
  EXPECT_EQ(s.n_pictures, 3);
  EXPECT_EQ(s.psnr.n_improved, 2);
  EXPECT_EQ(s.ssim.n_improved, 1);  // equal is no improvement
  EXPECT_NEAR(s.psnr.summary.mean, 2.0 / 3.0, 1e-12);
  EXPECT_NEAR(s.ssim.summary.mean, -0.05 / 3.0, 1e-12);
  EXPECT_LE(s.psnr.interval.low, s.psnr.summary.mean);
  EXPECT_GE(s.psnr.interval.high, s.psnr.summary.mean);
  const nlohmann::json json = summary_json(s);
  EXPECT_NEAR(json.at("map").at("psnr").at("mean").get<double>(), 85.0 / 3.0, 1e-12);
  EXPECT_NEAR(json.at("best_scalar_by_psnr").at("lambda").at("mean").get<double>(), 0.06, 1e-12);
  EXPECT_NE(summary_table(s).find("2 of 3 (67 %)"), std::string::npos) << summary_table(s);
}

TEST(Report, PerfectPicturesAreCountedAndTheOthersAveraged) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<Evaluation> rows{row("a", inf, inf, 1, 1), row("b", inf, 30, 1, 0.9),
                                     row("c", 30, inf, 0.9, 1), row("d", 28, 32, 0.8, 0.9)};
  EXPECT_EQ(rows[0].psnr_gain(), 0.0);
  const EvaluationSummary s = summarise(rows, 42);
  EXPECT_DOUBLE_EQ(s.methods.back().psnr.mean, 31.0);
  EXPECT_EQ(s.methods.back().psnr.n_infinite, 2);
  EXPECT_DOUBLE_EQ(s.psnr.summary.mean, 2.0) << "of 0 and 4: two gains are infinite";
  EXPECT_EQ(s.psnr.n_improved, 2);
  const std::string table = summary_table(s);
  EXPECT_TRUE(table.find("nan") == std::string::npos && table.find("inf") == std::string::npos) << table;
  const std::vector<std::string> remarks = summary_remarks(s);
  ASSERT_EQ(remarks.size(), 3u);  // best scalar by PSNR, map, and the gain
  EXPECT_EQ(remarks[1], "PSNR, map: 2 of 4 infinite (equal pictures), the mean is over 2");
  EXPECT_EQ(summary_json(s).at("map").at("psnr").at("infinite"), 2);
  EXPECT_TRUE(summary_json(s).at("gain").at("psnr").at("interval_95").at(0).is_number());
}

TEST(Report, OnePictureHasNeitherDeviationNorInterval) {
  const EvaluationSummary s = summarise({row("a", 30, 31, 0.8, 0.9)}, 42);
  EXPECT_NE(summary_table(s).find("map                       31.000          -    0.9000          -\n"),
            std::string::npos)
      << summary_table(s);
  EXPECT_EQ(summary_table(s).find(".."), std::string::npos) << summary_table(s);
  EXPECT_EQ(summary_json(s).at("map").at("psnr").at("deviation").dump(), "null");
  EXPECT_EQ(summary_json(s).at("gain").at("psnr").at("interval_95").dump(), "[null,null]");
}

TEST(Report, CsvQuotesNamesAndKeepsEveryDigit) {
  Evaluation e = row("a, \"b\".png", 0.1 + 0.2, 1.0 / 3.0, 0.8, 0.7);
  const std::string line = csv_row(e);
  EXPECT_TRUE(line.starts_with("\"a, \"\"b\"\".png\",")) << line;
  EXPECT_NE(line.find("0.30000000000000004"), std::string::npos) << line;
  EXPECT_NE(line.find("0.3333333333333333"), std::string::npos) << line;
  const std::string header = csv_header();
  EXPECT_EQ(std::ranges::count(header, ','), 10);
}

TEST(LambdaSearch, FindsTheBestOfEachScoreAndItsPicture) {
  const Tensor clean = make_phantom(3, 0, 32);
  const Tensor z = add_noise(clean, NoiseKind::relative, 0.5, NoiseKey{});
  std::vector<int64_t> watched;
  const LambdaSearch search = search_lambda(z, clean, parse_lambda_grid("0:0.3:7"), 40, Boundary::periodic,
                                            [&](const std::string& unit, int64_t done, int64_t total) {
                                              EXPECT_TRUE(unit == "lambda" && total == 7);
                                              watched.push_back(done);
                                            });
  EXPECT_EQ(watched, (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7}));
  ASSERT_EQ(search.scores.size(), 7u);
  PdhgParams params;
  params.n_iter = 40;
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(search.lambdas[i], 0.05 * static_cast<double>(i), 1e-15);
    const Scores alone = scores_of(pdhg_solve(z, Tensor::scalar(search.lambdas[i]), params), clean);
    EXPECT_NEAR(search.scores[i].psnr, alone.psnr, 1e-4);
    EXPECT_LE(search.scores[i].psnr, search.scores[search.by_psnr.index].psnr);
    EXPECT_LE(search.scores[i].ssim, search.scores[search.by_ssim.index].ssim);
  }
  EXPECT_EQ(scores_of(search.by_ssim.x, clean).ssim, search.scores[search.by_ssim.index].ssim);
}

TEST(LambdaSearch, RefusesOtherGrids) {
  const LambdaGrid grid = parse_lambda_grid("0.01:0.5:3");
  EXPECT_EQ(grid.low, 0.01);
  EXPECT_EQ(grid.high, 0.5);
  EXPECT_EQ(grid.n, 3);
  for (const char* text : {"", "0:1", "0:1:0", "1:0:5", "-1:1:5", "nan:1:5", "0:nan:5", "0:1:5x", "0:101:5",
                           "a:b:c", "0:1:2.5", "0:1:1000000"}) {
    EXPECT_THROW(parse_lambda_grid(text), ConfigError) << text;
  }
}

}  // namespace
}  // namespace primal
