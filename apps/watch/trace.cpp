#include "apps/watch/trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "data/metrics/metrics.h"
#include "data/preprocess/preprocess.h"
#include "solvers/tv_objective/tv_objective.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kFirst = 16;             // kept without a gap: here the picture changes most
constexpr int64_t kIterationsAtOnce = 64;  // between two calls of watch

int64_t channel_of(const Axes& axes, int axis) {
  for (int64_t a = 0; a < axes.count(); ++a) {
    if (axes[a] == axis) return a;
  }
  throw ShapeError("[watch] axes {}: expected both 3 and 4, rows and columns", axes.str());
}

// Lambda of one component for each pixel, row by row; the tensor may have extents of 1, or be one number.
std::vector<double> weights_of(const Tensor& weights, int64_t channel, int64_t height, int64_t width) {
  const std::vector<double> values = weights.to_doubles();
  std::vector<double> out(static_cast<size_t>(height * width), values.front());
  if (weights.shape().rank() != 5) return out;
  const int64_t c = weights.size(1) == 1 ? 0 : channel, h = weights.size(3), w = weights.size(4);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const int64_t at = (c * h + (h == 1 ? 0 : y)) * w + (w == 1 ? 0 : x);
      out[static_cast<size_t>(y * width + x)] = values[static_cast<size_t>(at)];
    }
  }
  return out;
}

// On the bound means equal to it: clip() gives the bound itself.
uint16_t dual_level(double q, double lambda) {
  if (lambda <= 0.0) return 0;
  const auto most = static_cast<double>(kDualSteps);
  if (std::abs(q) >= lambda) return static_cast<uint16_t>(q > 0.0 ? 128 + kDualSteps : 128 - kDualSteps);
  return static_cast<uint16_t>(128.0 + std::clamp(std::round(most * q / lambda), 1.0 - most, most - 1.0));
}

struct DualPicture {
  Image levels;
  double active;
};

// Draws q with the weights of both components.
class DualView {
 public:
  explicit DualView(const WatchedProblem& problem)
      : height_(problem.z.size(3)),
        width_(problem.z.size(4)),
        channel_{channel_of(problem.params.axes, 4), channel_of(problem.params.axes, 3)} {
    for (size_t side = 0; side < 2; ++side)
      lambda_[side] = weights_of(problem.weights, channel_[side], height_, width_);
  }

  DualPicture of(const Tensor& q) const {
    const std::vector<double> values = q.to_doubles();  // [1,A,1,H,W]
    DualPicture out{Image(2 * width_, height_, 1), 0.0};
    int64_t n_active = 0, n_charged = 0;
    for (size_t side = 0; side < 2; ++side) {
      const double* component = values.data() + channel_[side] * height_ * width_;
      for (int64_t i = 0; i < height_ * width_; ++i) {
        const double lambda = lambda_[side][static_cast<size_t>(i)];
        const uint16_t level = dual_level(component[i], lambda);
        out.levels.at(i % width_ + static_cast<int64_t>(side) * width_, i / width_) = level;
        n_charged += lambda > 0.0 ? 1 : 0;
        n_active += lambda > 0.0 && std::abs(component[i]) >= lambda ? 1 : 0;
      }
    }
    if (n_charged > 0) out.active = static_cast<double>(n_active) / static_cast<double>(n_charged);
    return out;
  }

 private:
  int64_t height_, width_;
  std::array<int64_t, 2> channel_;  // horizontal, vertical
  std::array<std::vector<double>, 2> lambda_;
};

TraceFrame frame_of(int64_t k, const PdhgState& state, const WatchedProblem& problem, const DualView& dual) {
  const Axes& axes = problem.params.axes;
  DualPicture q = dual.of(state.q);
  return {.k = k,
          .x = to_image(state.x.to(Device{})),
          .q = std::move(q.levels),
          .energy = tv_objective(state.x, problem.z, problem.weights, axes).front(),
          .gap = tv_gap(state.x, state.q, problem.z, problem.weights, axes).front(),
          .psnr = problem.clean.defined() ? psnr(state.x, problem.clean)
                                          : std::numeric_limits<double>::quiet_NaN(),
          .active = q.active};
}

}  // namespace

std::vector<int64_t> kept_iterations(int64_t n_iter) {
  std::vector<int64_t> kept;
  for (int64_t k = 0; k <= std::min(n_iter, kFirst); ++k) kept.push_back(k);
  const int64_t n_more = kMostFrames - kFirst - 1;
  const double ratio = static_cast<double>(n_iter) / static_cast<double>(kFirst);
  for (int64_t i = 1; i <= n_more && kept.back() < n_iter; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(n_more);
    const int64_t k = std::llround(static_cast<double>(kFirst) * std::pow(ratio, share));
    kept.push_back(std::min(n_iter, std::max(kept.back() + 1, k)));
  }
  return kept;
}

std::vector<TraceFrame> trace_pdhg(const WatchedProblem& given,
                                   const std::function<void(int64_t iterations)>& watch) {
  const Shape& shape = given.z.shape();
  if (shape.rank() != 5 || shape[0] != 1 || shape[1] != 1 || shape[2] != 1)
    throw ShapeError("[watch] expects one picture [1,1,1,H,W], found {}", given.z.str());
  WatchedProblem problem = given;
  // One number is a weight for pdhg; tv_objective wants its axes.
  if (problem.weights.shape().rank() == 0) problem.weights = problem.weights.reshape({1, 1, 1, 1, 1});
  const DualView dual(problem);
  PdhgParams params = problem.params;
  const PdhgState state = pdhg_start(problem.z, params);
  std::vector<TraceFrame> frames;
  int64_t done = 0;
  for (const int64_t k : kept_iterations(problem.params.n_iter)) {
    while (done < k) {
      params.n_iter = std::min(k - done, kIterationsAtOnce);
      pdhg_iterate(problem.z, problem.weights, params, state);
      done += params.n_iter;
      if (watch) watch(done);
    }
    frames.push_back(frame_of(k, state, problem, dual));
  }
  return frames;
}

}  // namespace primal
