#include <cmath>

#include "nn/activation/activation_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk: 64 KB of f32, well inside L2

template <class T>
T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));  // exp of a negative number only: no overflow at either end
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

// Calls f with two functions: y of x, and dy/dx of what is saved.
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
      return f([](T x) { return sigmoid(x); }, [](T y) { return y * (1 - y); });
    case ActivationKind::softplus: {
      const T beta = static_cast<T>(params.beta), threshold = static_cast<T>(params.threshold);
      // log(1 + exp(b)) = b + log(1 + exp(-b)): any threshold will do.
      return f(
          [beta, threshold](T x) {
            const T b = beta * x;
            if (b > threshold) return x;
            const T rest = std::log1p(std::exp(-std::abs(b))) / beta;
            return b >= 0 ? x + rest : rest;
          },
          [beta, threshold](T x) { return beta * x > threshold ? T(1) : sigmoid(beta * x); });
    }
  }
}

template <class T>
void forward(const Exec& exec, std::span<const T> x, const ActivationParams& params, std::span<T> y) {
  with_functions<T>(params, [&](auto value, auto) {
    parallel_for(exec, std::ssize(x), kGrain, [&](int64_t begin, int64_t end) {
      const auto value_of = value;  // by copy: constants read through a reference would keep the branches
      const T* from = x.data();
      T* to = y.data();
      for (int64_t i = begin; i < end; ++i) to[i] = value_of(from[i]);
    });
  });
}

template <class T>
void backward(const Exec& exec, std::span<const T> saved, std::span<const T> grad_y,
              const ActivationParams& params, std::span<T> grad_x) {
  with_functions<T>(params, [&](auto, auto derivative) {
    parallel_for(exec, std::ssize(saved), kGrain, [&](int64_t begin, int64_t end) {
      const auto derivative_of = derivative;
      const T *from = saved.data(), *gy = grad_y.data();
      T* gx = grad_x.data();
      for (int64_t i = begin; i < end; ++i) gx[i] += gy[i] * derivative_of(from[i]);
    });
  });
}

template <class T>
constexpr ActivationImplementation<T> kReferenceOf{
    {kReference, "one pass over the elements, split into chunks of 64 KB"},
    nullptr,
    {forward<T>, backward<T>}};

}  // namespace

const ActivationImplementation<float> activation_reference_f32 = kReferenceOf<float>;
const ActivationImplementation<double> activation_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
