// The plain loops, and which kernels there are.
#include "autograd/gradient_kernels.h"

#include <algorithm>
#include <cmath>

namespace primal {
namespace {

constexpr ImplementationInfo kPlain{kReference, "plain loops"};
constexpr ImplementationInfo kElementwise{"elementwise", "one thread for each element or a few"};

template <class T>
void add(const Exec&, std::span<const T> x, std::span<T> y) {
  for (size_t i = 0; i < x.size(); ++i) y[i] += x[i];
}

template <class T>
void count_non_finite(const Exec&, std::span<const std::span<const T>> tensors, std::span<int64_t> counts) {
  for (size_t k = 0; k < tensors.size(); ++k)
    counts[k] = std::ranges::count_if(tensors[k], [](T v) { return !std::isfinite(v); });
}

}  // namespace

template <>
std::span<const DeviceKernels<GradientKernels<float>>> gradient_kernels<float>() {
  static const DeviceKernels<GradientKernels<float>> kernels[] = {
      PRIMAL_EACH_DEVICE(kElementwise, gradient_elementwise),
      {kPlain, {add<float>, count_non_finite<float>}}};
  return kernels;
}

template <>
std::span<const DeviceKernels<GradientKernels<double>>> gradient_kernels<double>() {
  static constexpr DeviceKernels<GradientKernels<double>> kernels[] = {
      {kPlain, {add<double>, count_non_finite<double>}}};
  return kernels;
}

}  // namespace primal
