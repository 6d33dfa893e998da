// The plain loops, and which kernels there are.
#include "autograd/gradient_kernels.h"

#include <algorithm>
#include <cmath>

namespace primal {
namespace {

template <class T>
void add(const Exec& exec, std::span<const T> x, std::span<T> y) {
  parallel_for(exec, std::ssize(x), 1 << 14, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) y[i] += x[i];
  });
}

template <class T>
void zero(const Exec&, std::span<const std::span<T>> tensors) {
  for (const std::span<T>& tensor : tensors) std::ranges::fill(tensor, T(0));
}

template <class T>
void count_non_finite(const Exec&, std::span<const std::span<const T>> tensors, std::span<int64_t> counts) {
  for (size_t k = 0; k < tensors.size(); ++k)
    counts[k] = std::ranges::count_if(tensors[k], [](T v) { return !std::isfinite(v); });
}

template <class T>
constexpr GradientImplementation<T> kReferenceOf{
    {kReference, "plain loops"}, nullptr, {add<T>, zero<T>, count_non_finite<T>}};

constexpr const GradientImplementation<float>* kF32[] = {PRIMAL_DEVICES(gradient_elementwise),
                                                         &kReferenceOf<float>};
constexpr const GradientImplementation<double>* kF64[] = {&kReferenceOf<double>};

}  // namespace

const Ladder<GradientImplementation> gradient_ladder{kF32, kF64};

}  // namespace primal
