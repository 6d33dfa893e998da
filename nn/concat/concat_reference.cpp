#include <algorithm>

#include "nn/concat/concat_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 15;  // elements per parallel chunk

// Calls f(i_x, i_y, n) for runs of n elements of a part and their place in y, in parallel: a long block is
// cut into several runs, short ones share a chunk.
template <class F>
void for_each_run(const Exec& exec, int64_t n_x, int64_t n_y, int64_t n_outer, int64_t begin, const F& f) {
  if (n_x == 0) return;
  const int64_t length = n_x / n_outer, stride = n_y / n_outer;
  const int64_t n_cuts = (length + kGrain - 1) / kGrain;
  parallel_for(exec, n_outer * n_cuts, std::max<int64_t>(1, kGrain / length),
               [&](int64_t first, int64_t last) {
                 for (int64_t run = first; run < last; ++run) {
                   const int64_t outer = run / n_cuts, at = run % n_cuts * kGrain;
                   f(outer * length + at, outer * stride + begin + at, std::min(kGrain, length - at));
                 }
               });
}

template <class T>
void forward(const Exec& exec, std::span<const T> x, int64_t n_outer, int64_t begin, std::span<T> y) {
  for_each_run(exec, std::ssize(x), std::ssize(y), n_outer, begin,
               [&](int64_t i_x, int64_t i_y, int64_t n) { std::copy_n(x.data() + i_x, n, y.data() + i_y); });
}

template <class T>
void backward(const Exec& exec, std::span<const T> grad_y, int64_t n_outer, int64_t begin,
              std::span<T> grad_x) {
  for_each_run(exec, std::ssize(grad_x), std::ssize(grad_y), n_outer, begin,
               [&](int64_t i_x, int64_t i_y, int64_t n) {
                 T* gx = grad_x.data() + i_x;
                 const T* gy = grad_y.data() + i_y;
                 for (int64_t i = 0; i < n; ++i) gx[i] += gy[i];
               });
}

template <class T>
constexpr ConcatImplementation<T> kReferenceOf{
    {kReference, "one copy per part and block"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const ConcatImplementation<float> concat_reference_f32 = kReferenceOf<float>;
const ConcatImplementation<double> concat_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
