// A strip of neighbouring columns at a time, row after row of K, so that memory is read in its order.
#include <algorithm>
#include <cmath>

#include "nn/softmax/softmax_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kStrip = 256;      // columns that are normalised together
constexpr int64_t kGrain = 1 << 12;  // elements per parallel chunk, at least a strip

// Calls f(offset, n) for strips of n <= kStrip columns; `offset` is that of their first element, the next row
// of K is n_inner behind.
template <class F>
void for_each_strip(const Exec& exec, int64_t n_outer, int64_t n_k, int64_t n_inner, const F& f) {
  const int64_t n_strips = (n_inner + kStrip - 1) / kStrip;
  const int64_t grain = std::max<int64_t>(1, kGrain / (n_k * std::clamp<int64_t>(n_inner, 1, kStrip)));
  parallel_for(exec, n_outer * n_strips, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % n_strips * kStrip;
      f(i / n_strips * n_k * n_inner + first, std::min(kStrip, n_inner - first));
    }
  });
}

template <class T>
void forward(const Exec& exec, View<const T, 3> x, View<T, 3> y) {
  const auto [n_outer, n_k, n_inner] = x.extent;
  for_each_strip(exec, n_outer, n_k, n_inner, [&, n_k = n_k, n_inner = n_inner](int64_t offset, int64_t n) {
    T highest[kStrip];
    double sum[kStrip] = {};
    std::copy_n(x.data + offset, n, highest);
    for (int64_t k = 1; k < n_k; ++k) {
      const T* row = x.data + offset + k * n_inner;
      for (int64_t i = 0; i < n; ++i) highest[i] = std::max(highest[i], row[i]);
    }
    for (int64_t k = 0; k < n_k; ++k) {
      const T* in = x.data + offset + k * n_inner;
      T* out = y.data + offset + k * n_inner;
      for (int64_t i = 0; i < n; ++i) {
        out[i] = std::exp(in[i] - highest[i]);
        sum[i] += out[i];
      }
    }
    for (int64_t k = 0; k < n_k; ++k) {
      T* out = y.data + offset + k * n_inner;
      for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(static_cast<double>(out[i]) / sum[i]);
    }
  });
}

template <class T>
void backward(const Exec& exec, View<const T, 3> y, View<const T, 3> grad_y, View<T, 3> grad_x) {
  const auto [n_outer, n_k, n_inner] = y.extent;
  for_each_strip(exec, n_outer, n_k, n_inner, [&, n_k = n_k, n_inner = n_inner](int64_t offset, int64_t n) {
    double product[kStrip] = {};  // <y, grad_y> of each column
    for (int64_t k = 0; k < n_k; ++k) {
      const T *value = y.data + offset + k * n_inner, *gy = grad_y.data + offset + k * n_inner;
      for (int64_t i = 0; i < n; ++i)
        product[i] += static_cast<double>(value[i]) * static_cast<double>(gy[i]);
    }
    for (int64_t k = 0; k < n_k; ++k) {
      const T *value = y.data + offset + k * n_inner, *gy = grad_y.data + offset + k * n_inner;
      T* gx = grad_x.data + offset + k * n_inner;
      for (int64_t i = 0; i < n; ++i)
        gx[i] += static_cast<T>(static_cast<double>(value[i]) * (static_cast<double>(gy[i]) - product[i]));
    }
  });
}

template <class T>
constexpr SoftmaxImplementation<T> kReferenceOf{
    {kReference, "a strip of columns at a time, sums in double"}, nullptr, {forward<T>, backward<T>}};

}  // namespace

const SoftmaxImplementation<float> softmax_reference_f32 = kReferenceOf<float>;
const SoftmaxImplementation<double> softmax_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
