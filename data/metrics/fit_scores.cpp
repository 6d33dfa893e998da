#include "data/metrics/fit_scores.h"

#include <cmath>
#include <limits>

#include "tensor/error.h"

namespace primal {
namespace {

double over(double sum, int64_t n) {
  return n == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(n);
}

}  // namespace

void FitScores::add(const Tensor& truth, const Tensor& estimate) {
  if (!truth.defined() || !estimate.defined() || truth.shape() != estimate.shape() ||
      truth.dtype() != estimate.dtype()) {
    throw ShapeError("[fit scores] truth and estimate must be alike: {} and {}", truth.str(), estimate.str());
  }
  const int64_t n = truth.numel();
  if (n == 0) return;
  double mean = 0.0, spread = 0.0;
  dispatch_floating(truth.dtype(), "fit scores", [&]<class T>() {
    const T *y = truth.data<T>(), *f = estimate.data<T>();
    for (int64_t i = 0; i < n; ++i) {
      const double wanted = static_cast<double>(y[i]), got = static_cast<double>(f[i]), error = got - wanted;
      sum_squares_ += error * error;
      sum_absolute_ += std::abs(error);
      n_equal_ += std::nearbyint(got) == std::nearbyint(wanted);
      mean += wanted;
    }
    mean /= static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i)
      spread += (static_cast<double>(y[i]) - mean) * (static_cast<double>(y[i]) - mean);
  });
  // The sums about two means become the one about their common mean (Chan, Golub and LeVeque
  // 1983), without cancellation.
  const double before = static_cast<double>(n_), now = static_cast<double>(n), apart = mean - mean_;
  spread_ += spread + apart * apart * before * now / (before + now);
  mean_ += apart * now / (before + now);
  n_ += n;
}

double FitScores::mse() const { return over(sum_squares_, n_); }
double FitScores::rmse() const { return std::sqrt(mse()); }
double FitScores::mae() const { return over(sum_absolute_, n_); }
double FitScores::soft_accuracy() const { return over(static_cast<double>(n_equal_), n_); }

double FitScores::r2() const {
  if (n_ == 0) return std::numeric_limits<double>::quiet_NaN();
  if (spread_ == 0.0) return sum_squares_ == 0.0 ? 1.0 : 0.0;
  return 1.0 - sum_squares_ / spread_;
}

}  // namespace primal
