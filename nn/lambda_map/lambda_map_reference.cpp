#include <algorithm>
#include <cmath>

#include "nn/lambda_map/lambda_map_kernels.h"

namespace primal::cpu {
namespace {

constexpr int64_t kGrain = 1 << 12;  // elements per parallel chunk: a few microseconds of exp and log

template <class T>
T softplus(T h) {
  return h > 20 ? h : std::log1p(std::exp(h));  // above 20 the two agree to double precision
}

template <class T>
T sigmoid(T h) {
  const T e = std::exp(-std::abs(h));
  return h >= 0 ? 1 / (1 + e) : e / (1 + e);
}

template <class T>
void forward(const Exec& exec, View5<const T> head, const LambdaMapParams& params, View5<T> lambda) {
  const int64_t n_axes = lambda.size(1), volume = lambda.size(2) * lambda.size(3) * lambda.size(4);
  const T scale = static_cast<T>(params.scale), up_bound = static_cast<T>(params.up_bound);
  for (int64_t n = 0; n < lambda.size(0); ++n) {
    for (int64_t a = 0; a < n_axes; ++a) {
      const int64_t c = params.channel[static_cast<size_t>(a)];
      const T* h = head.data + (n * head.size(1) + c) * volume;  // [D,H,W]
      T* map = lambda.data + (n * n_axes + a) * volume;          // [D,H,W]
      // An axis that shares its head channel with an earlier one has the same map.
      const auto first = std::find(params.channel.begin(), params.channel.end(), c) - params.channel.begin();
      const T* same = first < a ? lambda.data + (n * n_axes + first) * volume : nullptr;
      parallel_for(exec, volume, kGrain, [&](int64_t begin, int64_t end) {
        if (same != nullptr) {
          std::copy(same + begin, same + end, map + begin);
        } else if (up_bound > 0) {
          for (int64_t i = begin; i < end; ++i) map[i] = up_bound * sigmoid(h[i]);
        } else {
          for (int64_t i = begin; i < end; ++i) map[i] = scale * softplus(h[i]);
        }
      });
    }
  }
}

template <class T>
void backward(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
              const LambdaMapParams& params, View5<T> grad_head) {
  const int64_t n_axes = lambda.size(1), volume = lambda.size(2) * lambda.size(3) * lambda.size(4);
  const T scale = static_cast<T>(params.scale), up_bound = static_cast<T>(params.up_bound);
  for (int64_t n = 0; n < lambda.size(0); ++n) {
    for (int64_t a = 0; a < n_axes; ++a) {
      const T* map = lambda.data + (n * n_axes + a) * volume;            // [D,H,W]
      const T* grad_map = grad_lambda.data + (n * n_axes + a) * volume;  // [D,H,W]
      T* grad_h = grad_head.data + (n * grad_head.size(1) + params.channel[static_cast<size_t>(a)]) * volume;
      parallel_for(exec, volume, kGrain, [&](int64_t begin, int64_t end) {
        if (up_bound > 0) {
          for (int64_t i = begin; i < end; ++i) grad_h[i] += grad_map[i] * map[i] * (1 - map[i] / up_bound);
        } else {
          for (int64_t i = begin; i < end; ++i)
            grad_h[i] -= grad_map[i] * scale * std::expm1(-map[i] / scale);
        }
      });
    }
  }
}

bool anything(const LambdaMapGeometry&) { return true; }

template <class T>
constexpr LambdaMapImplementation<T> kReferenceOf{
    {kReference, "one pass; axes that share a head channel copy the first one's map"},
    anything,
    {forward<T>, backward<T>}};

}  // namespace

const LambdaMapImplementation<float> lambda_map_reference_f32 = kReferenceOf<float>;
const LambdaMapImplementation<double> lambda_map_reference_f64 = kReferenceOf<double>;

}  // namespace primal::cpu
