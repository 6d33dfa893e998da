#include "solvers/map_refinement/map_refinement.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "solvers/map_refinement/local_mean.h"
#include "solvers/probe/probe.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/random.h"

namespace primal {
namespace {

Tensor random_plane(int64_t height, int64_t width) {
  const Tensor y = Tensor::empty({height, width});
  RandomStream(4, RandomPurpose::test).fill_normal(y);
  return y;
}

// box of local_mean.h, by its definition.
std::vector<double> box(const std::vector<double>& y, int64_t height, int64_t width, int64_t radius) {
  std::vector<double> mean;
  for (int64_t i = 0; i < height; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      double sum = 0.0;
      int n = 0;
      for (int64_t k = std::max<int64_t>(i - radius, 0); k <= std::min(i + radius, height - 1); ++k) {
        for (int64_t l = std::max<int64_t>(j - radius, 0); l <= std::min(j + radius, width - 1); ++l) {
          sum += y[static_cast<size_t>(k * width + l)];
          ++n;
        }
      }
      mean.push_back(sum / n);
    }
  }
  return mean;
}

std::vector<double> three_boxes(std::vector<double> y, int64_t height, int64_t width, int64_t radius) {
  for (int pass = 0; pass < kLocalMeanPasses; ++pass) y = box(y, height, width, radius);
  return y;
}

TEST(LocalMean, IsThreeBoxes) {
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{40, 37}, {5, 50}, {1, 1}}) {
    for (const int64_t radius : {0, 1, 6}) {
      const Tensor y = random_plane(height, width);
      const std::vector<double> expected = three_boxes(y.to_doubles(), height, width, radius);
      local_mean(y, radius);
      const std::vector<double> found = y.to_doubles();
      for (size_t i = 0; i < found.size(); ++i)
        ASSERT_NEAR(found[i], expected[i], 1e-6) << height << " x " << width << ", " << radius << ", " << i;
    }
  }
}

TEST(LocalMean, HasTheDeviationThatItSays) {
  const int64_t side = 101, radius = 9;
  const Tensor y = Tensor::zeros({side, side});
  y.data<float>()[50 * side + 50] = 1.0F;
  local_mean(y, radius);
  double variance = 0.0, sum = 0.0;
  for (int64_t i = 0; i < side; ++i) {
    for (int64_t j = 0; j < side; ++j) {
      const auto weight = static_cast<double>(y.data<float>()[i * side + j]);
      sum += weight;
      variance += weight * static_cast<double>((i - 50) * (i - 50));
    }
  }
  EXPECT_NEAR(sum, 1.0, 1e-5);
  EXPECT_NEAR(std::sqrt(variance), local_mean_deviation(radius), 1e-3);
}

// Flat on the left and full of stripes on the right, with noise whose deviation is that of its half.
struct Halves {
  Tensor clean, z, variance;
};
Halves halves(int64_t height, int64_t width, double left, double right, DType dtype = DType::f32) {
  Halves h{Tensor::empty({1, 1, 1, height, width}, dtype), Tensor::empty({1, 1, 1, height, width}, dtype),
           Tensor::empty({height, width})};
  const Tensor noise = Tensor::empty({height, width}, DType::f64);
  RandomStream(6, RandomPurpose::test).fill_normal(noise);
  dispatch_floating(dtype, "test", [&]<class T>() {
    for (int64_t i = 0; i < height * width; ++i) {
      const bool is_right = i % width >= width / 2;
      const double sigma = is_right ? right : left;
      const double x = is_right ? 0.5 + 0.2 * std::sin(1.3 * static_cast<double>(i % width)) : 0.5;
      h.clean.data<T>()[i] = static_cast<T>(x);
      h.z.data<T>()[i] = static_cast<T>(x + sigma * noise.data<double>()[i]);
      h.variance.data<float>()[i] = static_cast<float>(sigma * sigma);
    }
  });
  return h;
}

ProposeMap constant_map(double lambda) {
  return [=](const Tensor& z) { return Tensor::full(z.shape(), lambda, z.dtype(), z.device()); };
}

// A map that depends on z, as that of a network does.
Tensor map_of_contrast(const Tensor& z) {
  const Tensor map = Tensor::empty(z.shape(), z.dtype());
  dispatch_floating(z.dtype(), "test", [&]<class T>() {
    for (int64_t i = 0; i < z.numel(); ++i)
      map.data<T>()[i] = static_cast<T>(0.03 + 0.05 * std::abs(static_cast<double>(z.data<T>()[i])));
  });
  return map;
}

double mean_square(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  const std::vector<double> u = a.to_doubles(), v = b.to_doubles();
  for (size_t i = 0; i < u.size(); ++i) sum += (u[i] - v[i]) * (u[i] - v[i]);
  return sum / static_cast<double>(u.size());
}

Tensor solution(const Tensor& z, const Tensor& map, int64_t n_iter = 256) {
  const PdhgParams params{.n_iter = n_iter};
  return pdhg_solve(z, weights_at(Boundary::symmetric, map, z.shape(), params.axes).value(), params);
}

// The mean of the factor over the columns [begin, end).
double mean_factor(const Tensor& factor, int64_t begin, int64_t end) {
  double sum = 0.0;
  for (int64_t i = 0; i < factor.size(0); ++i) {
    for (int64_t j = begin; j < end; ++j)
      sum += static_cast<double>(factor.data<float>()[i * factor.size(1) + j]);
  }
  return sum / static_cast<double>(factor.size(0) * (end - begin));
}

TEST(RefineMap, IsWhatTheEquationsSay) {
  const int64_t height = 14, width = 18;
  const Halves h = halves(height, width, 0.1, 0.15, DType::f64);
  MapRefinementParams params{.pdhg = {.n_iter = 12}, .radius = 3, .seed = 8};
  const RefinedMap found = refine_map(h.z, h.variance, map_of_contrast, params);

  const std::vector<double> v = h.variance.to_doubles(), z = h.z.to_doubles();
  double mean = 0.0;
  for (const double one : v) mean += one / static_cast<double>(v.size());
  const double e = params.step * std::sqrt(mean);
  const Tensor b = probe_signs(h.z, params.seed, 0), moved = probe_moved(h.z, b, e);
  std::vector<std::vector<double>> risks;
  for (const double c : params.factors) {
    const auto trial = [&](const Tensor& at) {
      const Tensor map = map_of_contrast(at);
      for (double& weight : map.span<double>()) weight *= c;
      return solution(at, map, params.pdhg.n_iter).to_doubles();
    };
    const std::vector<double> here = trial(h.z), there = trial(moved);
    std::vector<double> risk;
    for (size_t i = 0; i < z.size(); ++i)
      risk.push_back(std::pow(here[i] - z[i], 2) - v[i] +
                     2.0 * v[i] * b.span<const double>()[i] * (there[i] - here[i]) / e);
    risks.push_back(three_boxes(risk, height, width, params.radius));
  }
  const double w = std::sqrt(std::pow(2.0 * 3.0 + 1.0, 2) - 1.0) / 2.0;
  std::vector<double> log_factor;
  for (size_t i = 0; i < z.size(); ++i) {
    const double t = v[i] / (2.0 * std::sqrt(M_PI) * w);
    double sum = 0.0, weighted = 0.0;
    for (size_t c = 0; c < risks.size(); ++c) {
      const double share = std::exp(-(risks[c][i] - risks[0][i]) / t);
      sum += share;
      weighted += share * std::log(params.factors[c]);
    }
    log_factor.push_back(weighted / sum);
  }
  log_factor = three_boxes(log_factor, height, width, 1);
  const std::vector<double> proposed = map_of_contrast(h.z).to_doubles(), refined = found.map.to_doubles();
  double least = 10.0, greatest = 0.0;
  for (size_t i = 0; i < z.size(); ++i) {
    const double expected = std::exp(log_factor[i]);
    least = std::min(least, expected);
    greatest = std::max(greatest, expected);
    ASSERT_NEAR(static_cast<double>(found.factor.span<const float>()[i]), expected, 2e-5) << i;
    ASSERT_NEAR(refined[i], expected * proposed[i], 2e-6) << i;
  }
  EXPECT_GT(greatest, 1.2 * least);  // the factors say something
}

TEST(RefineMap, SmoothsTextureLessAndFlatPartsMore) {
  const Halves h = halves(96, 96, 0.1, 0.1);
  const double lambda = 0.08;
  const RefinedMap refined = refine_map(h.z, h.variance, constant_map(lambda));
  EXPECT_GT(mean_factor(refined.factor, 0, 32), 1.0);
  EXPECT_LT(mean_factor(refined.factor, 64, 96), 0.7);
  const double before = mean_square(solution(h.z, constant_map(lambda)(h.z)), h.clean),
               after = mean_square(solution(h.z, refined.map), h.clean);
  EXPECT_LT(after, 0.7 * before);
}

// Where the left half has more noise than the variance says, it is taken for texture.
TEST(RefineMap, NeedsTheVarianceOfEachPixel) {
  const Halves h = halves(96, 96, 0.16, 0.08);
  const double lambda = 0.15;
  const RefinedMap right = refine_map(h.z, h.variance, constant_map(lambda)),
                   wrong = refine_map(h.z, Tensor::full({96, 96}, 0.08 * 0.08), constant_map(lambda));
  EXPECT_GT(mean_factor(right.factor, 0, 32), 1.0);
  EXPECT_LT(mean_factor(wrong.factor, 0, 32), 0.6);
  EXPECT_LT(mean_square(solution(h.z, right.map), h.clean), mean_square(solution(h.z, wrong.map), h.clean));
}

TEST(RefineMap, IsTheSameInBandsAndForAnyNumberOfThreads) {
  const Halves h = halves(300, 24, 0.1, 0.1);
  MapRefinementParams params{.pdhg = {.n_iter = 8}, .radius = 4};
  set_num_threads(1);
  const RefinedMap whole = refine_map(h.z, h.variance, map_of_contrast, params);
  set_num_threads(3);
  EXPECT_EQ(refine_map(h.z, h.variance, map_of_contrast, params).map.to_doubles(), whole.map.to_doubles());
  params.max_bytes = 1;  // 64 rows at a time: five bands of four trials
  int64_t n_told = 0;
  params.watch = [&](int64_t done, int64_t total) {
    EXPECT_EQ(done, ++n_told);
    EXPECT_EQ(total, 20);
  };
  const std::vector<double> bands = refine_map(h.z, h.variance, map_of_contrast, params).factor.to_doubles(),
                            all = whole.factor.to_doubles();
  set_num_threads(1);
  EXPECT_EQ(n_told, 20);
  for (size_t i = 0; i < all.size(); ++i) ASSERT_NEAR(bands[i], all[i], 1e-5 * all[i]) << i;
}

TEST(RefineMap, TakesTheOtherBoundaryAndAMapForEachAxis) {
  const Halves h = halves(20, 20, 0.1, 0.1);
  const ProposeMap two = [](const Tensor& z) {
    return Tensor::full({1, 2, 1, z.size(-2), z.size(-1)}, 0.05, z.dtype());
  };
  const RefinedMap refined = refine_map(h.z, h.variance, two, {.boundary = Boundary::periodic});
  ASSERT_EQ(refined.map.shape(), (Shape{1, 2, 1, 20, 20}));
  for (int64_t i = 0; i < 400; ++i) {
    EXPECT_EQ(refined.map.data<float>()[i], refined.map.data<float>()[400 + i]);
    EXPECT_FLOAT_EQ(refined.map.data<float>()[i], 0.05F * refined.factor.data<float>()[i]);
  }
}

TEST(RefineMap, IsTheSameOnADevice) {
  const Halves h = halves(24, 28, 0.1, 0.1);
  const Device simt{Device::Kind::simt, 0};
  const MapRefinementParams params{.pdhg = {.n_iter = 8}, .radius = 4};
  const RefinedMap here = refine_map(h.z, h.variance, constant_map(0.1), params),
                   there = refine_map(h.z.to(simt), h.variance, constant_map(0.1), params);
  EXPECT_EQ(there.map.device(), simt);
  const std::vector<double> a = here.map.to_doubles(), b = there.map.to(Device{}).to_doubles();
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4 * a[i]) << i;
}

TEST(RefineMap, RefusesWhatItCannotUse) {
  const Halves h = halves(16, 16, 0.1, 0.1);
  const auto refined = [&](const Tensor& z, const Tensor& v, const MapRefinementParams& params = {}) {
    return refine_map(z, v, constant_map(0.1), params);
  };
  EXPECT_THROW(refined(Tensor::zeros({2, 1, 1, 16, 16}), h.variance), ShapeError);
  EXPECT_THROW(refined(h.z, Tensor::full({16, 15}, 0.01)), ShapeError);
  EXPECT_THROW(refined(h.z, Tensor::full({16, 16}, 0.01, DType::f64)), ShapeError);
  EXPECT_THROW(refined(h.z, h.variance, {.radius = -1}), ConfigError);
  EXPECT_THROW(refined(h.z, h.variance, {.factors = {0.5, 1.0, 0.0, 2.0}}), ConfigError);
  EXPECT_THROW(refine_map(h.z, h.variance,
                          [](const Tensor&) {
                            return Tensor::full({1, 1, 1, 8, 16}, 0.1);
                          }),
               ShapeError);
  const Tensor none = h.variance.clone();
  none.data<float>()[17] = 0.0F;
  EXPECT_THROW(refined(h.z, none), NumericError);
  const Tensor broken = h.z.clone();
  broken.data<float>()[40] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(refined(broken, h.variance), NumericError);
}

}  // namespace
}  // namespace primal
