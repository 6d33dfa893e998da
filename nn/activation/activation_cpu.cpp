#include <cmath>

#include "nn/activation/activation_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk: 64 KB of f32, well inside L2

// Calls f with two functions: y of x, and dy/dx of y.
template <class T, class F>
void with_functions(const ActivationParams& params, F&& f) {
  switch (params.kind) {
    case ActivationKind::relu:
      return f([](T x) { return x > 0 ? x : T(0); }, [](T y) { return y > 0 ? T(1) : T(0); });
    case ActivationKind::leaky_relu: {
      const T slope = static_cast<T>(params.slope);
      // A factor for either sign: 1 x is x to the bit.
      const auto factor = [slope](T sign) { return sign > 0 ? T(1) : slope; };
      return f([factor](T x) { return x * factor(x); }, factor);
    }
    case ActivationKind::sigmoid:
      // exp of a negative number only: no overflow at either end.
      return f(
          [](T x) {
            const T e = std::exp(-std::abs(x));
            return x >= 0 ? 1 / (1 + e) : e / (1 + e);
          },
          [](T y) { return y * (1 - y); });
    case ActivationKind::softplus: {
      const T beta = static_cast<T>(params.beta), threshold = static_cast<T>(params.threshold);
      return f(
          [beta, threshold](T x) { return beta * x > threshold ? x : std::log1p(std::exp(beta * x)) / beta; },
          [beta, threshold](T y) { return beta * y > threshold ? T(1) : -std::expm1(-beta * y); });
    }
  }
}

}  // namespace

template <class T>
void activation_forward(const Exec& exec, std::span<const T> x, const ActivationParams& params,
                        std::span<T> y) {
  with_functions<T>(params, [&](auto value, auto) {
    parallel_for(exec, static_cast<int64_t>(x.size()), kGrain, [&](int64_t begin, int64_t end) {
      const auto value_of = value;  // by copy: constants read through a reference would keep the branches
      for (int64_t i = begin; i < end; ++i) y[i] = value_of(x[i]);
    });
  });
}

template <class T>
void activation_backward(const Exec& exec, std::span<const T> y, std::span<const T> grad_y,
                         const ActivationParams& params, std::span<T> grad_x) {
  with_functions<T>(params, [&](auto, auto derivative) {
    parallel_for(exec, static_cast<int64_t>(y.size()), kGrain, [&](int64_t begin, int64_t end) {
      const auto derivative_of = derivative;
      for (int64_t i = begin; i < end; ++i) grad_x[i] += grad_y[i] * derivative_of(y[i]);
    });
  });
}

template void activation_forward(const Exec&, std::span<const float>, const ActivationParams&,
                                 std::span<float>);
template void activation_forward(const Exec&, std::span<const double>, const ActivationParams&,
                                 std::span<double>);
template void activation_backward(const Exec&, std::span<const float>, std::span<const float>,
                                  const ActivationParams&, std::span<float>);
template void activation_backward(const Exec&, std::span<const double>, std::span<const double>,
                                  const ActivationParams&, std::span<double>);

}  // namespace primal::cpu
