// Used on scalars, so plain loops are all it needs.
#include "nn/scale/scale_kernels.h"

namespace primal::cpu {
namespace {

template <class T>
void forward(const Exec&, std::span<const T> x, double a, std::span<T> y) {
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(a) * x[i];
}

template <class T>
void backward(const Exec&, std::span<const T> grad_y, double a, std::span<T> grad_x) {
  for (size_t i = 0; i < grad_y.size(); ++i) grad_x[i] += static_cast<T>(a) * grad_y[i];
}

template <class T>
constexpr ScaleImplementation<T> kReferenceOf{{kReference, "one pass"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const ScaleImplementation<float> scale_reference_f32 = kReferenceOf<float>;
const ScaleImplementation<double> scale_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
