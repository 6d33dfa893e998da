// What the page of `primal watch` shows is what the solver does: its iterates, its dual variable, its
// active set, its numbers.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "apps/watch/watch_page.h"
#include "data/metrics/metrics.h"
#include "data/noise/noise.h"
#include "data/phantom/phantom.h"
#include "data/preprocess/preprocess.h"
#include "solvers/boundary/boundary.h"
#include "solvers/difference/difference.h"
#include "solvers/tv_objective/tv_objective.h"
#include "support/watch_page.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::dual_pictures;
using testing::image_of_uri;
using testing::watch_data;

WatchedProblem noisy_phantom(int64_t size, double lambda, int64_t n_iter, double noise = 0.5,
                             Boundary boundary = Boundary::symmetric) {
  const Tensor clean = make_phantom(3, 0, size);
  const Tensor z = add_noise(clean, NoiseKind::relative, noise, NoiseKey{.seed = 7});
  PdhgParams params{.n_iter = n_iter};
  const Tensor weights = weights_at(boundary, Tensor::full({}, lambda), z.shape(), params.axes).value();
  return {z, weights, clean, params};
}

PdhgState state_after(const WatchedProblem& problem, int64_t k) {
  PdhgParams params = problem.params;
  params.n_iter = k;
  const PdhgState state = pdhg_start(problem.z, params);
  pdhg_iterate(problem.z, problem.weights, params, state);
  return state;
}

// As tv_objective takes them.
Tensor weights_of(const WatchedProblem& problem) {
  return problem.weights.shape().rank() == 0 ? problem.weights.reshape({1, 1, 1, 1, 1}) : problem.weights;
}

std::string page_of(const WatchedProblem& problem, const std::string& title = "a page") {
  return watch_page({.title = title,
                     .command = "primal watch",
                     .facts = {},
                     .lambda = Tensor::full({}, 0.1),
                     .clean = problem.clean,
                     .iterations = problem.params.n_iter,
                     .frames = trace_pdhg(problem)})
      .str();
}

TEST(Watch, KeepsTheFirstIterationsThenFewerAndAlwaysTheLast) {
  EXPECT_EQ(kept_iterations(1), (std::vector<int64_t>{0, 1}));
  for (const int64_t n_iter : {2, 15, 16, 17, 40, 58, 59, 60, 61, 100, 256, 10000, 1'000'000'000}) {
    const std::vector<int64_t> kept = kept_iterations(n_iter);
    EXPECT_EQ(kept.front(), 0);
    EXPECT_EQ(kept.back(), n_iter);
    EXPECT_EQ(static_cast<int64_t>(kept.size()), std::min(n_iter + 1, kMostFrames)) << n_iter;
    for (size_t i = 1; i < kept.size(); ++i) EXPECT_GT(kept[i], kept[i - 1]) << n_iter;
    for (size_t i = 0; i < std::min<size_t>(kept.size(), 17); ++i)
      EXPECT_EQ(kept[i], static_cast<int64_t>(i));
  }
}

TEST(Watch, FramesAreTheSolversIterates) {
  for (const Boundary boundary : {Boundary::symmetric, Boundary::periodic}) {
    const WatchedProblem problem = noisy_phantom(40, 0.12, 90, 0.5, boundary);
    const std::vector<TraceFrame> frames = trace_pdhg(problem);
    ASSERT_EQ(frames.size(), 60u);
    for (const TraceFrame& f : frames) {
      const PdhgState state = state_after(problem, f.k);
      EXPECT_EQ(f.x, to_image(state.x)) << f.k;
      EXPECT_EQ(f.energy, tv_objective(state.x, problem.z, weights_of(problem), {3, 4}).front()) << f.k;
      EXPECT_EQ(f.gap, tv_gap(state.x, state.q, problem.z, weights_of(problem), {3, 4}).front()) << f.k;
      EXPECT_EQ(f.psnr, psnr(state.x, problem.clean)) << f.k;
    }
    EXPECT_LT(frames.back().gap, 0.1 * frames.front().gap);
  }
}

// The component of a level's pixel: q is [1,2,1,H,W] with the vertical one (axis 3) first.
double component(const Tensor& q, int64_t row, int64_t column, int64_t size) {
  const int64_t channel = column < size ? 1 : 0;
  return q.to_doubles()[static_cast<size_t>((channel * size + row) * size + column % size)];
}

TEST(Watch, LevelsOfTheDualFieldAreItsShareOfLambda) {
  constexpr int64_t kSize = 12;
  const float lambda = 0.1F;
  const WatchedProblem problem = noisy_phantom(kSize, 0.1, 20);
  for (const TraceFrame& f : trace_pdhg(problem)) {
    const PdhgState state = state_after(problem, f.k);
    int64_t n_active = 0;
    for (int64_t row = 0; row < kSize; ++row) {
      for (int64_t column = 0; column < 2 * kSize; ++column) {
        const int level = f.q.at(column, row);
        const bool wraps = column == kSize - 1 || (column >= kSize && row == kSize - 1);
        EXPECT_EQ(level == 0, wraps) << "Lambda is 0 exactly where the difference wraps around";
        if (wraps) continue;
        const double q = component(state.q, row, column, kSize);
        const bool active = std::abs(q) == static_cast<double>(lambda);
        n_active += active ? 1 : 0;
        EXPECT_EQ(std::abs(level - 128) == kDualSteps, active) << level;
        if (!active) {
          const double most = std::max(0.0, std::abs(q) / lambda - (kDualSteps - 1.5) / kDualSteps);
          EXPECT_NEAR((level - 128.0) / kDualSteps, q / lambda, 0.5 / kDualSteps + most + 1e-6);
        }
      }
    }
    EXPECT_DOUBLE_EQ(f.active, static_cast<double>(n_active) / (2.0 * kSize * (kSize - 1)));
  }
}

// What the tape records of iteration k is where q + sigma G x_bar of the iterate before goes beyond Lambda.
TEST(Watch, TheActiveSetIsWhatTheTapeRecords) {
  constexpr int64_t kSize = 24, kLast = 16;
  const WatchedProblem problem = noisy_phantom(kSize, 0.08, kLast, 0.5, Boundary::periodic);
  const std::vector<TraceFrame> frames = trace_pdhg(problem);
  int64_t n_seen = 0, n_active = 0;
  for (int64_t k = 1; k <= kLast; ++k) {
    const PdhgState before = state_after(problem, k - 1);
    const std::vector<double> slope = gradient(before.x_bar, {3, 4}).value().to_doubles();
    const std::vector<double> q = before.q.to_doubles();
    const Image& levels = frames[static_cast<size_t>(k)].q;
    for (int64_t i = 0; i < 2 * kSize * kSize; ++i) {
      const auto at = static_cast<size_t>(i);
      const double v = q[at] + problem.params.sigma * slope[at];
      if (std::abs(std::abs(v) - 0.08) < 1e-6) continue;  // rounding decides
      const int64_t channel = i / (kSize * kSize), pixel = i % (kSize * kSize);
      const int64_t column = pixel % kSize + (channel == 1 ? 0 : kSize);
      const int expected = v > 0.08 ? kDualSteps : -kDualSteps;
      const int level = levels.at(column, pixel / kSize);
      if (std::abs(v) > 0.08) {
        EXPECT_EQ(level, 128 + expected);
      } else {
        EXPECT_LT(std::abs(level - 128), kDualSteps);
      }
      ++n_seen;
      n_active += std::abs(v) > 0.08 ? 1 : 0;
    }
  }
  EXPECT_GT(n_seen, 18000);
  EXPECT_GT(n_active, 500);
}

TEST(Watch, ThePageHasTheFramesAndNumbers) {
  const WatchedProblem problem = noisy_phantom(20, 0.1, 70);
  const std::vector<TraceFrame> frames = trace_pdhg(problem);
  const nlohmann::json data = watch_data(page_of(problem));
  EXPECT_EQ(data.at("iterations"), 70);
  EXPECT_EQ(data.at("dual_steps"), kDualSteps);
  EXPECT_EQ(image_of_uri(data.at("clean")), to_image(problem.clean));
  ASSERT_EQ(data.at("frames").size(), frames.size());
  const std::vector<Image> dual = dual_pictures(data);
  for (size_t i = 0; i < frames.size(); ++i) {
    const nlohmann::json& frame = data.at("frames").at(i);
    EXPECT_EQ(frame.at("k"), frames[i].k);
    EXPECT_EQ(image_of_uri(frame.at("x")), frames[i].x);
    EXPECT_EQ(dual[i], frames[i].q);
    EXPECT_EQ(frame.at("energy").get<double>(), frames[i].energy);
    EXPECT_EQ(frame.at("gap").get<double>(), frames[i].gap);
    EXPECT_EQ(frame.at("psnr").get<double>(), frames[i].psnr);
    EXPECT_EQ(frame.at("active").get<double>(), frames[i].active);
  }
}

TEST(Watch, TheLevelsOfAMapGiveItBack) {
  const int64_t size = 16;
  std::vector<float> values;
  for (int64_t i = 0; i < size * size; ++i) values.push_back(0.01F * std::exp(0.01F * static_cast<float>(i)));
  values[5] = 0.0F;
  WatchedProblem problem = noisy_phantom(size, 0.1, 3);
  problem.clean = Tensor();
  const Tensor map = Tensor::from<float>({1, 1, 1, size, size}, values);
  const std::string page = watch_page({.title = "map",
                                       .command = "",
                                       .facts = {},
                                       .lambda = map,
                                       .clean = {},
                                       .iterations = 3,
                                       .frames = trace_pdhg(problem)})
                               .str();
  const nlohmann::json data = watch_data(page), lambda = data.at("lambda");
  EXPECT_TRUE(data.at("clean").is_null());
  EXPECT_TRUE(data.at("frames").at(0).at("psnr").is_null());
  const Image levels = image_of_uri(lambda.at("picture"));
  const double low = lambda.at("low"), high = lambda.at("high");
  EXPECT_EQ(levels.levels[5], 0);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i == 5) continue;
    const double back = low * std::pow(high / low, (levels.levels[i] - 1.0) / 254.0);
    EXPECT_NEAR(back, values[i], 0.006 * values[i]) << "half a step is a factor of 1.005";
  }
}

// The pictures that compress worst: noise that stays, as lambda is 0 or small, and a dual field that never
// rests.
TEST(Watch, APageOf256PixelsASideStaysBelowTenMegabytes) {
  for (const auto& [lambda, noise] : {std::pair{0.0, 1.0}, {0.02, 1.0}, {0.5, 2.0}}) {
    const size_t bytes = page_of(noisy_phantom(256, lambda, 256, noise)).size();
    EXPECT_LT(bytes, 10'000'000u) << lambda << " " << noise;
    EXPECT_GT(bytes, 500'000u) << "the pictures are there";
  }
}

TEST(Watch, NoTextEndsTheScriptThatItStandsIn) {
  EXPECT_EQ(script_json("{\"a\":\"</script><script>\"}"), "{\"a\":\"\\u003c/script>\\u003cscript>\"}");
  const std::string evil = "</script><script>alert(1)</script>";
  const WatchedProblem problem = noisy_phantom(16, 0.1, 2);
  const auto count = [](const std::string& text, const std::string& part) {
    int n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  };
  const std::string plain = page_of(problem), page = page_of(problem, evil);
  EXPECT_EQ(count(page, "<script"), count(plain, "<script"));
  EXPECT_EQ(count(page, "</script"), count(plain, "</script"));
  EXPECT_EQ(count(plain, "<script"), 2) << "the data and the code";
}

TEST(Watch, RefusesWhatIsNotOnePicture) {
  WatchedProblem problem = noisy_phantom(16, 0.1, 2);
  problem.z = Tensor::full({2, 1, 1, 16, 16}, 0.5);
  EXPECT_THROW(trace_pdhg(problem), ShapeError);
  problem = noisy_phantom(16, 0.1, 2);
  problem.params.axes = {2, 3};
  EXPECT_THROW(trace_pdhg(problem), ShapeError);
}

}  // namespace
}  // namespace primal
