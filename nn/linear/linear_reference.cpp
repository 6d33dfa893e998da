// Every inner loop runs along C, which is contiguous in x, weight and their gradients; the loops around it
// are ordered so that the weight, the largest of them, passes through the cache once.
#include <algorithm>

#include "nn/linear/linear_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 14;   // multiplications per parallel chunk
constexpr int64_t kColumns = 1 << 9;  // of grad_x that one chunk adds to: a row of them is 2 KB in f32

// Sixteen sums side by side: vector registers of independent additions, in an order that is fixed.
template <class T>
T dot(const T* a, const T* b, int64_t n) {
  constexpr int64_t kLanes = 16;
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  T sum = 0;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (T lane : lanes) sum += lane;
  return sum;
}

template <class T>
void add_scaled(T factor, const T* a, int64_t n, T* sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] += factor * a[i];
}

int64_t rows_per_chunk(int64_t multiplications_per_row) {
  return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, multiplications_per_row));
}

template <class T>
void forward(const Exec& exec, View<const T, 2> x, View<const T, 2> weight, std::span<const T> bias,
             View<T, 2> y) {
  const int64_t n_rows = x.size(0), n_in = x.size(1);
  parallel_for(exec, y.size(1), rows_per_chunk(n_in * n_rows), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const T start = bias.empty() ? T(0) : bias[static_cast<size_t>(o)];
      for (int64_t n = 0; n < n_rows; ++n)
        y(n, o) = start + dot(x.data + n * n_in, weight.data + o * n_in, n_in);
    }
  });
}

template <class T>
void backward_data(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> weight, View<T, 2> grad_x) {
  const int64_t n_rows = grad_x.size(0), n_in = weight.size(1), n_out = weight.size(0);
  parallel_for(exec, n_in, kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t o = 0; o < n_out; ++o) {
      for (int64_t n = 0; n < n_rows; ++n)
        add_scaled(grad_y(n, o), weight.data + o * n_in + begin, end - begin, grad_x.data + n * n_in + begin);
    }
  });
}

template <class T>
void backward_weights(const Exec& exec, View<const T, 2> x, View<const T, 2> grad_y, View<T, 2> grad_weight,
                      std::span<T> grad_bias) {
  const int64_t n_rows = grad_y.size(0), n_out = grad_y.size(1);
  if (grad_weight.data != nullptr) {
    const int64_t n_in = x.size(1);
    parallel_for(exec, n_out, rows_per_chunk(n_in * n_rows), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        for (int64_t n = 0; n < n_rows; ++n)
          add_scaled(grad_y(n, o), x.data + n * n_in, n_in, grad_weight.data + o * n_in);
      }
    });
  }
  if (grad_bias.empty()) return;
  parallel_for(exec, n_out, rows_per_chunk(n_rows), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      double sum = 0.0;
      for (int64_t n = 0; n < n_rows; ++n) sum += static_cast<double>(grad_y(n, o));
      grad_bias[static_cast<size_t>(o)] += static_cast<T>(sum);
    }
  });
}

bool anything(const LinearGeometry&) { return true; }

template <class T>
constexpr LinearImplementation<T> kReferenceOf{{kReference, "dot products and scaled sums along C"},
                                               anything,
                                               {forward<T>, backward_data<T>, backward_weights<T>}};

}  // namespace

const LinearImplementation<float> linear_reference_f32 = kReferenceOf<float>;
const LinearImplementation<double> linear_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
