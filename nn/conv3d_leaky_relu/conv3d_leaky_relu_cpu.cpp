#include "nn/conv3d_leaky_relu/conv3d_leaky_relu_kernels.h"

namespace primal::cpu {

template <class T>
void leaky_relu_backward_in_place(const Exec& exec, std::span<const T> y, T slope, std::span<T> grad) {
  constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk: 64 KB of f32
  parallel_for(exec, static_cast<int64_t>(y.size()), kGrain, [&, factor = slope](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) grad[i] *= y[i] > 0 ? T(1) : factor;
  });
}

template void leaky_relu_backward_in_place(const Exec&, std::span<const float>, float, std::span<float>);
template void leaky_relu_backward_in_place(const Exec&, std::span<const double>, double, std::span<double>);

}  // namespace primal::cpu
