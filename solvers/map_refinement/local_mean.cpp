#include "solvers/map_refinement/local_mean.h"

#include <algorithm>
#include <cmath>

#include "tensor/exec.h"
#include "tensor/scratch.h"

namespace primal {
namespace {

constexpr int64_t kLanes = 16;  // columns that are worked on together: a cache line of each row

// The means over windows along a line of n places with `lanes` values each: in -> out.
void box_along(const double* in, double* out, int64_t n, int64_t lanes, int64_t radius) {
  double sum[kLanes] = {};
  int64_t begin = 0, end = 0;  // what the sums hold
  for (int64_t i = 0; i < n; ++i) {
    for (; end < std::min(i + radius + 1, n); ++end) {
      for (int64_t l = 0; l < lanes; ++l) sum[l] += in[end * lanes + l];
    }
    for (; begin < i - radius; ++begin) {
      for (int64_t l = 0; l < lanes; ++l) sum[l] -= in[begin * lanes + l];
    }
    const double share = 1.0 / static_cast<double>(end - begin);
    for (int64_t l = 0; l < lanes; ++l) out[i * lanes + l] = sum[l] * share;
  }
}

// The passes over a line of n places, `lanes` values each, which lie `step` apart in y.
void mean_along(float* y, int64_t n, int64_t lanes, int64_t step, int64_t radius, double* scratch) {
  double *in = scratch, *out = scratch + n * lanes;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t l = 0; l < lanes; ++l) in[i * lanes + l] = static_cast<double>(y[i * step + l]);
  }
  for (int pass = 0; pass < kLocalMeanPasses; ++pass) {
    box_along(in, out, n, lanes, radius);
    std::swap(in, out);
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t l = 0; l < lanes; ++l) y[i * step + l] = static_cast<float>(in[i * lanes + l]);
  }
}

}  // namespace

void local_mean(const Tensor& y, int64_t radius) {
  const int64_t height = y.size(0), width = y.size(1);
  float* values = y.data<float>();
  parallel_for<double>(Exec{}, height, 16, 2 * width, [&](int64_t begin, int64_t end, double* scratch) {
    for (int64_t i = begin; i < end; ++i) mean_along(values + i * width, width, 1, 1, radius, scratch);
  });
  const int64_t n_groups = (width + kLanes - 1) / kLanes;
  parallel_for<double>(Exec{}, n_groups, 1, 2 * kLanes * height,
                       [&](int64_t begin, int64_t end, double* scratch) {
                         for (int64_t g = begin; g < end; ++g) {
                           const int64_t first = g * kLanes, lanes = std::min(kLanes, width - first);
                           mean_along(values + first, height, lanes, width, radius, scratch);
                         }
                       });
}

double local_mean_deviation(int64_t radius) {
  const auto side = static_cast<double>(2 * radius + 1);
  return 0.5 * std::sqrt(side * side - 1.0);
}

}  // namespace primal
