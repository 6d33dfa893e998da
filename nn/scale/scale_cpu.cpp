// Used on scalars, so plain loops are all it needs.
#include "nn/scale/scale_kernels.h"

namespace primal::cpu {

template <class T>
void scale_forward(const Exec&, std::span<const T> x, double a, std::span<T> y) {
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(a) * x[i];
}

template <class T>
void scale_backward(const Exec&, std::span<const T> grad_y, double a, std::span<T> grad_x) {
  for (size_t i = 0; i < grad_y.size(); ++i) grad_x[i] += static_cast<T>(a) * grad_y[i];
}

template void scale_forward(const Exec&, std::span<const float>, double, std::span<float>);
template void scale_forward(const Exec&, std::span<const double>, double, std::span<double>);
template void scale_backward(const Exec&, std::span<const float>, double, std::span<float>);
template void scale_backward(const Exec&, std::span<const double>, double, std::span<double>);

}  // namespace primal::cpu
