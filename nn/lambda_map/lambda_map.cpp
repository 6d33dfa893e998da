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
  const Range range("lambda_map", nullptr,
                    [&] { return range_detail(lambda_map_cost(shape), head.shape().str()); });
  const Exec exec = exec_on(head.device());
  const Tensor lambda = Tensor::empty(shape, head.dtype(), head.device());
  return dispatch_floating(head.dtype(), "lambda_map", [&]<class T>() {
    const LambdaMapKernels<T>& kernels = kernels_on("lambda_map", head.device(), lambda_map_kernels<T>());
    kernels.forward(exec, head.value().device_view5<const T>(), params, lambda.device_view5<T>());
    return record("lambda_map", lambda, {head}, [=, &kernels](Gradients& g) {
      kernels.backward(exec, lambda.device_view5<const T>(), g.output().device_view5<const T>(), params,
                       g.input(0).device_view5<T>());
    });
  });
}

}  // namespace primal
