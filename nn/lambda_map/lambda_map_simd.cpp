// lambda_map, simd: a vector of cells at a time.
//
// Idea: the reference spends nearly all of its time in exp and log, called for one cell after the other.
// Highway has them as polynomials that a whole vector computes at once, to within 2 to 4 units in the last
// place. The last cells of a chunk go through a vector too, so the result for a cell does not depend on where
// it lies.
#include <algorithm>

#include "nn/lambda_map/lambda_map_kernels.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/lambda_map/lambda_map_simd.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// Behind highway.h, which it needs.
#include "hwy/contrib/math/math-inl.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

// Highway's exp makes 0 of a NaN; a map must not hide one.
Vector nan_where_nan(Vector from, Vector value) { return hn::IfThenElse(hn::IsNaN(from), from, value); }

Vector softplus(Vector h) {
  const Tag tag;
  const Vector large = hn::Set(tag, 20.0F);
  const Vector small = hn::Log1p(tag, hn::Exp(tag, hn::Min(h, large)));
  return nan_where_nan(h, hn::IfThenElse(hn::Gt(h, large), h, small));
}

Vector sigmoid(Vector h) {
  const Tag tag;
  const Vector one = hn::Set(tag, 1.0F), e = hn::Exp(tag, hn::Neg(hn::Abs(h)));
  const Vector numerator = hn::IfThenElse(hn::Ge(h, hn::Zero(tag)), one, e);
  return nan_where_nan(h, hn::Div(numerator, hn::Add(one, e)));
}

// to[i] = f(a[i], b[i], to[i])
template <class F>
void for_each(int64_t n, const float* a, const float* b, float* to, const F& f) {
  const Tag tag;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(f(hn::LoadU(tag, a + i), hn::LoadU(tag, b + i), hn::LoadU(tag, to + i)), tag, to + i);
  }
  if (i == n) return;
  HWY_ALIGN float rest[3][kLanes] = {};
  std::copy(a + i, a + n, rest[0]);
  std::copy(b + i, b + n, rest[1]);
  std::copy(to + i, to + n, rest[2]);
  hn::Store(f(hn::Load(tag, rest[0]), hn::Load(tag, rest[1]), hn::Load(tag, rest[2])), tag, rest[2]);
  std::copy_n(rest[2], n - i, to + i);
}

}  // namespace

void softplus_map(int64_t n, const float* h, float scale, float* map) {
  const Vector factor = hn::Set(Tag(), scale);
  for_each(n, h, h, map, [=](Vector x, Vector, Vector) { return hn::Mul(factor, softplus(x)); });
}

void sigmoid_map(int64_t n, const float* h, float up_bound, float* map) {
  const Vector factor = hn::Set(Tag(), up_bound);
  for_each(n, h, h, map, [=](Vector x, Vector, Vector) { return hn::Mul(factor, sigmoid(x)); });
}

void softplus_backward(int64_t n, const float* map, const float* grad_map, float scale, float* grad_h) {
  const Tag tag;
  const Vector minus_one_over = hn::Set(tag, -1.0F / scale), factor = hn::Set(tag, scale);
  for_each(n, map, grad_map, grad_h, [=](Vector y, Vector g, Vector sum) {
    const Vector rest = nan_where_nan(y, hn::Expm1(Tag(), hn::Mul(y, minus_one_over)));
    return hn::NegMulAdd(hn::Mul(g, factor), rest, sum);
  });
}

void sigmoid_backward(int64_t n, const float* map, const float* grad_map, float up_bound, float* grad_h) {
  const Tag tag;
  const Vector one = hn::Set(tag, 1.0F), bound = hn::Set(tag, up_bound);
  for_each(n, map, grad_map, grad_h, [=](Vector y, Vector g, Vector sum) {
    return hn::MulAdd(hn::Mul(g, y), hn::Sub(one, hn::Div(y, bound)), sum);
  });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
namespace {

HWY_EXPORT(softplus_map);
HWY_EXPORT(sigmoid_map);
HWY_EXPORT(softplus_backward);
HWY_EXPORT(sigmoid_backward);

constexpr int64_t kGrain = 1 << 13;  // cells per parallel chunk: a few microseconds

// Each chunk of each map: body(n, a, begin, end), where n counts samples and a maps.
template <class Body>
void for_each_chunk(const Exec& exec, const View5<const float>& lambda, const Body& body) {
  const int64_t n_axes = lambda.size(1), volume = lambda.size(2) * lambda.size(3) * lambda.size(4);
  for (int64_t k = 0; k < lambda.size(0) * n_axes; ++k) {
    parallel_for(exec, volume, kGrain,
                 [&](int64_t begin, int64_t end) { body(k / n_axes, k % n_axes, begin, end); });
  }
}

// The cells of channel c of sample n.
template <class T>
T* plane(const View5<T>& of, int64_t n, int64_t c) {
  return of.data + (n * of.size(1) + c) * of.size(2) * of.size(3) * of.size(4);
}

void forward(const Exec& exec, View5<const float> head, const LambdaMapParams& params, View5<float> lambda) {
  const auto scale = static_cast<float>(params.scale), up_bound = static_cast<float>(params.up_bound);
  for_each_chunk(exec, lambda, [&](int64_t n, int64_t a, int64_t begin, int64_t end) {
    const int64_t c = params.channel[static_cast<size_t>(a)];
    const float* h = plane(head, n, c) + begin;
    float* map = plane(lambda, n, a) + begin;
    // An axis that shares its head channel with an earlier one has the same map.
    const auto first = std::find(params.channel.begin(), params.channel.end(), c) - params.channel.begin();
    if (first < a) {
      std::copy_n(plane(lambda, n, first) + begin, end - begin, map);
    } else if (up_bound > 0) {
      HWY_DYNAMIC_DISPATCH(sigmoid_map)(end - begin, h, up_bound, map);
    } else {
      HWY_DYNAMIC_DISPATCH(softplus_map)(end - begin, h, scale, map);
    }
  });
}

void backward(const Exec& exec, View5<const float> lambda, View5<const float> grad_lambda,
              const LambdaMapParams& params, View5<float> grad_head) {
  const auto scale = static_cast<float>(params.scale), up_bound = static_cast<float>(params.up_bound);
  for_each_chunk(exec, lambda, [&](int64_t n, int64_t a, int64_t begin, int64_t end) {
    const float* map = plane(lambda, n, a) + begin;
    const float* grad_map = plane(grad_lambda, n, a) + begin;
    float* grad_h = plane(grad_head, n, params.channel[static_cast<size_t>(a)]) + begin;
    if (up_bound > 0) {
      HWY_DYNAMIC_DISPATCH(sigmoid_backward)(end - begin, map, grad_map, up_bound, grad_h);
    } else {
      HWY_DYNAMIC_DISPATCH(softplus_backward)(end - begin, map, grad_map, scale, grad_h);
    }
  });
}

bool anything(const LambdaMapGeometry&) { return true; }

}  // namespace

const LambdaMapImplementation<float> lambda_map_simd{
    {"simd", "a vector of cells at a time, exp and log as polynomials"}, anything, {forward, backward}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
