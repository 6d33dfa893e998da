#include "data/embedding/tsne.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/random.h"

namespace primal {
namespace {

constexpr int64_t kRows = 16;        // in a parallel chunk
constexpr double kSmallest = 1e-12;  // of a probability, so that its logarithm is finite

// Squared distances between the vectors, each divided by the largest, so that the search for b starts in its
// reach.
std::vector<double> distances(const Tensor& x) {
  const int64_t n = x.size(0), d = x.size(1);
  const double* values = x.data<double>();
  std::vector<double> squared(static_cast<size_t>(n * n));
  parallel_for(Exec{}, n, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0.0;
        for (int64_t k = 0; k < d; ++k) {
          const double apart = values[i * d + k] - values[j * d + k];
          sum += apart * apart;
        }
        squared[static_cast<size_t>(i * n + j)] = sum;
      }
    }
  });
  const double largest = *std::ranges::max_element(squared);
  if (!std::isfinite(largest)) throw NumericError("[tsne] a value is not finite, or too large to be squared");
  if (largest > 0.0) {
    for (double& s : squared) s /= largest;
  }
  return squared;
}

// Turns row i of squared distances into p(j|i); returns the perplexity that it reached. By bisection
// on b, the inverse width.
double fill_row(double* row, int64_t n, int64_t i, double perplexity) {
  constexpr int kBisections = 200;
  const double wanted = std::log(perplexity);
  double nearest = std::numeric_limits<double>::infinity();
  for (int64_t j = 0; j < n; ++j) {
    if (j != i) nearest = std::min(nearest, row[j]);
  }
  double low = 0.0, high = std::numeric_limits<double>::infinity(), b = 1.0, entropy = 0.0, sum = 0.0;
  for (int step = 0; step < kBisections; ++step) {
    // Distances count from the nearest: its weight is 1, and no sum is 0.
    double weighted = 0.0;
    sum = 0.0;
    for (int64_t j = 0; j < n; ++j) {
      if (j == i) continue;
      const double w = std::exp(-b * (row[j] - nearest));
      sum += w;
      weighted += w * (row[j] - nearest);
    }
    entropy = std::log(sum) + b * weighted / sum;
    if (std::abs(entropy - wanted) < 1e-9) break;
    (entropy > wanted ? low : high) = b;
    b = std::isinf(high) ? 2.0 * b : 0.5 * (low + high);
    if (b > 1e300) break;  // neighbours at equal distances: no width tells them apart
  }
  for (int64_t j = 0; j < n; ++j) row[j] = j == i ? 0.0 : std::exp(-b * (row[j] - nearest)) / sum;
  return std::exp(entropy);
}

// p(j|i) in rows -> p_ij
void make_symmetric(std::vector<double>& p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i + 1; j < n; ++j) {
      double &a = p[static_cast<size_t>(i * n + j)], &b = p[static_cast<size_t>(j * n + i)];
      a = b = std::max((a + b) / (2.0 * static_cast<double>(n)), kSmallest);
    }
  }
}

class Descent {
 public:
  Descent(const std::vector<double>& p, int64_t n, const TsneParams& params)
      : p_(p),
        n_(n),
        rate_(params.learning_rate),
        u_(size()),
        v_(size()),
        gradient_u_(size()),
        gradient_v_(size()),
        repelled_u_(size()),
        repelled_v_(size()),
        row_sum_(size()),
        speed_(2 * size()),
        gain_(2 * size(), 1.0) {
    if (rate_ == 0.0) rate_ = std::max(static_cast<double>(n) / (4.0 * params.exaggeration), 50.0);
    const RandomStream stream(params.seed, RandomPurpose::initialisation);
    for (size_t i = 0; i < size(); ++i) {
      u_[i] = 1e-4 * stream.normal(2 * i);
      v_[i] = 1e-4 * stream.normal(2 * i + 1);
    }
  }

  void step(double exaggeration, double momentum) {
    compute_gradient(exaggeration);
    move(u_, gradient_u_, 0, momentum);
    move(v_, gradient_v_, size(), momentum);
  }

  double divergence() const {
    const double total = sum_of_weights();
    return parallel_sum(Exec{}, n_, kRows, [&](int64_t begin, int64_t end) {
      double sum = 0.0;
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = 0; j < n_; ++j) {
          if (j == i) continue;
          const double p = p_[static_cast<size_t>(i * n_ + j)];
          sum += p * std::log(p * total / weight(static_cast<size_t>(i), static_cast<size_t>(j)));
        }
      }
      return sum;
    });
  }

  Tensor points() const {
    const Tensor y = Tensor::empty({n_, 2}, DType::f64);
    for (size_t i = 0; i < size(); ++i) {
      y.data<double>()[2 * i] = u_[i];
      y.data<double>()[2 * i + 1] = v_[i];
    }
    return y;
  }

 private:
  size_t size() const { return static_cast<size_t>(n_); }

  double weight(size_t i, size_t j) const {
    const double du = u_[i] - u_[j], dv = v_[i] - v_[j];
    return 1.0 / (1.0 + du * du + dv * dv);
  }

  double sum_of_weights() const {
    return parallel_sum(Exec{}, n_, kRows, [&](int64_t begin, int64_t end) {
      double sum = 0.0;
      for (int64_t i = begin; i < end; ++i) {
        for (size_t j = 0; j < size(); ++j) sum += weight(static_cast<size_t>(i), j);
        sum -= 1.0;  // j = i
      }
      return sum;
    });
  }

  // Attraction sum of p w (y_i - y_j) and repulsion sum of w w (y_i - y_j) in one pass, as Z is known only
  // after it. The pair i, i adds nothing to either.
  void compute_gradient(double exaggeration) {
    parallel_for(Exec{}, n_, kRows, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        const double* p = p_.data() + i * size();
        double attract_u = 0.0, attract_v = 0.0, repel_u = 0.0, repel_v = 0.0, sum = 0.0;
        for (size_t j = 0; j < size(); ++j) {
          const double du = u_[i] - u_[j], dv = v_[i] - v_[j], w = 1.0 / (1.0 + du * du + dv * dv);
          attract_u += p[j] * w * du, attract_v += p[j] * w * dv;
          repel_u += w * w * du, repel_v += w * w * dv;
          sum += w;
        }
        gradient_u_[i] = attract_u, gradient_v_[i] = attract_v;
        repelled_u_[i] = repel_u, repelled_v_[i] = repel_v;
        row_sum_[i] = sum - 1.0;
      }
    });
    double total = 0.0;
    for (const double sum : row_sum_) total += sum;
    for (size_t i = 0; i < size(); ++i) {
      gradient_u_[i] = 4.0 * (exaggeration * gradient_u_[i] - repelled_u_[i] / total);
      gradient_v_[i] = 4.0 * (exaggeration * gradient_v_[i] - repelled_v_[i] / total);
    }
  }

  void move(std::vector<double>& y, const std::vector<double>& gradient, size_t first, double momentum) {
    constexpr double kLeastGain = 0.01;
    double mean = 0.0;
    for (size_t i = 0; i < size(); ++i) {
      double &speed = speed_[first + i], &gain = gain_[first + i];
      const bool goes_on = (gradient[i] > 0.0) != (speed > 0.0);
      gain = std::max(goes_on ? gain + 0.2 : 0.8 * gain, kLeastGain);
      speed = momentum * speed - rate_ * gain * gradient[i];
      y[i] += speed;
      mean += y[i] / static_cast<double>(n_);
    }
    for (double& c : y) c -= mean;
  }

  const std::vector<double>& p_;  // [n, n]
  int64_t n_;
  double rate_;
  std::vector<double> u_, v_, gradient_u_, gradient_v_, repelled_u_, repelled_v_, row_sum_;
  std::vector<double> speed_, gain_;  // of u, then of v
};

void check(const Tensor& x, const TsneParams& params) {
  if (!x.defined() || x.shape().rank() != 2)
    throw ShapeError("[tsne] expected vectors [n, d], got {}", x.str());
  if (x.dtype() != DType::f32 && x.dtype() != DType::f64)
    throw ShapeError("[tsne] expected f32 or f64, got {}", x.str());
  const int64_t n = x.size(0);
  if (n < 4 || n > kMaxTsnePoints)
    throw ShapeError("[tsne] takes 4 to {} vectors, got {}", kMaxTsnePoints, n);
  const double most = static_cast<double>(n - 1) / 3.0;
  if (!(params.perplexity >= 1.0 && params.perplexity <= most))
    throw ConfigError("[tsne] the perplexity of {} vectors lies in 1 .. {:g}, got {}", n, most,
                      params.perplexity);
  if (params.n_iterations < 1 || params.n_exaggerated < 0)
    throw ConfigError("[tsne] {} iterations, {} of them exaggerated", params.n_iterations,
                      params.n_exaggerated);
  if (!(params.exaggeration >= 1.0) || !std::isfinite(params.exaggeration))
    throw ConfigError("[tsne] the exaggeration must be at least 1 and finite, got {}", params.exaggeration);
  if (!(params.learning_rate >= 0.0) || !std::isfinite(params.learning_rate))
    throw ConfigError("[tsne] the learning rate must be above 0, or 0 for the usual one, got {}",
                      params.learning_rate);
}

}  // namespace

Tsne tsne(const Tensor& x, const TsneParams& params, const std::function<bool(int, double)>& progress) {
  check(x, params);
  const int64_t n = x.size(0);
  std::vector<double> p = distances(x.to(DType::f64));
  Tsne result;
  result.perplexity.resize(static_cast<size_t>(n));
  parallel_for(Exec{}, n, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      result.perplexity[static_cast<size_t>(i)] = fill_row(p.data() + i * n, n, i, params.perplexity);
  });
  make_symmetric(p, n);

  Descent descent(p, n, params);
  for (int t = 1; t <= params.n_iterations; ++t) {
    const bool early = t <= params.n_exaggerated;
    descent.step(early ? params.exaggeration : 1.0, early ? 0.5 : 0.8);
    if (t % kTsneReport != 0 && t != params.n_iterations) continue;
    const double divergence = descent.divergence();
    if (!std::isfinite(divergence))
      throw NumericError("[tsne] the points fled; take a smaller learning rate");
    result.iterations.push_back(t);
    result.divergence.push_back(divergence);
    if (progress && !progress(t, divergence)) break;
  }
  result.points = descent.points();
  return result;
}

}  // namespace primal
