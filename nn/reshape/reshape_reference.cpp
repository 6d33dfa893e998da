#include <algorithm>

#include "nn/reshape/reshape_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;  // elements per parallel chunk

template <class T>
void backward(const Exec& exec, std::span<const T> grad_y, bool add, std::span<T> grad_x) {
  parallel_for(exec, static_cast<int64_t>(grad_y.size()), kGrain, [&](int64_t begin, int64_t end) {
    const T* from = grad_y.data();
    T* to = grad_x.data();
    if (add) {
      for (int64_t i = begin; i < end; ++i) to[i] += from[i];
    } else {
      std::copy(from + begin, from + end, to + begin);
    }
  });
}

template <class T>
constexpr ReshapeImplementation<T> kReferenceOf{
    {kReference, "the elements stay; gradients are added in one pass"}, nullptr, {backward<T>}};

}  // namespace

const ReshapeImplementation<float> reshape_reference_f32 = kReferenceOf<float>;
const ReshapeImplementation<double> reshape_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
