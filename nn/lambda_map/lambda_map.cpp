#include "nn/lambda_map/lambda_map.h"

#include "nn/lambda_map/lambda_map_kernels.h"
#include "tensor/error.h"
#include "tensor/range.h"

namespace primal {
namespace {

void check(const Variable& head, const LambdaMapParams& params) {
  if (head.shape().rank() != 5 || !is_floating(head.dtype())) {
    throw ShapeError("[lambda_map] head must be f32 or f64 [N,C,D,H,W], is {}", head.value().str());
  }
  for (const int64_t c : params.channel) {
    if (c < 0 || c >= head.shape()[1]) {
      throw ShapeError("[lambda_map] channel {} is not one of the {} channels of head {}", c, head.shape()[1],
                       head.value().str());
    }
  }
  if (!(params.up_bound >= 0.0)) throw ShapeError("[lambda_map] up_bound {} is below zero", params.up_bound);
  if (!(params.scale > 0.0)) throw ShapeError("[lambda_map] scale {} is not above zero", params.scale);
}

}  // namespace

Variable lambda_map(const Variable& head, const LambdaMapParams& params) {
  check(head, params);
  const Shape shape = head.shape().with(1, static_cast<int64_t>(params.channel.size()));
  const Exec exec = exec_on(head.device());
  return dispatch_floating(head.dtype(), "lambda_map", [&]<class T>() {
    const LambdaMapGeometry geometry{head.shape()};
    const auto chosen = [&](const char* phase) {
      return &choose("lambda_map", phase, lambda_map_ladder<T>(), geometry, exec.device);
    };
    const auto* forward = chosen("forward");
    const Range range("lambda_map", nullptr, [&] {
      return range_detail(lambda_map_cost(shape), key(geometry), std::string(forward->info.name));
    });
    const Tensor lambda = Tensor::empty(shape, head.dtype(), exec.device);
    forward->kernels.forward(exec, head.value().device_view5<const T>(), params, lambda.device_view5<T>());
    const auto* backward = will_record({head}) ? chosen("backward") : nullptr;
    return record("lambda_map", lambda, {head}, [=](Gradients& g) {
      backward->kernels.backward(exec, lambda.device_view5<const T>(), g.output().device_view5<const T>(),
                                 params, g.input(0).device_view5<T>());
    });
  });
}

}  // namespace primal
