#include "nn/lambda_map/lambda_map.h"

#include "nn/lambda_map/lambda_map_kernels.h"
#include "tensor/error.h"
#include "tensor/op/door.h"

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
  const Shape shape = head.shape().with(1, std::ssize(params.channel));
  return dispatch_floating(head.dtype(), "lambda_map", [&]<class T>() {
    const Door door("lambda_map", lambda_map_ladder.of<T>(), LambdaMapGeometry{head.shape()}, head.device(),
                    [&] { return lambda_map_cost(shape); });
    const auto forward = door.open("forward");
    const Tensor lambda = Tensor::empty(shape, head.dtype(), head.device());
    forward([&](const Exec& exec, const LambdaMapKernels<T>& kernels) {
      kernels.forward(exec, head.value().device_view5<const T>(), params, lambda.device_view5<T>());
    });
    const auto backward = will_record({head}) ? door.phase("backward") : Phase<LambdaMapKernels<T>>();
    return record("lambda_map", lambda, {head}, [=](Gradients& g) {
      backward([&](const Exec& exec, const LambdaMapKernels<T>& kernels) {
        const bool can = kernels.backward_anew != nullptr;
        const Gradients::Destination to = can ? g.destination(0) : Gradients::Destination{g.grad_of(0), true};
        const auto run = to.add ? kernels.backward : kernels.backward_anew;
        run(exec, lambda.device_view5<const T>(), g.upstream().device_view5<const T>(), params,
            to.buffer.template device_view5<T>());
      });
    });
  });
}

}  // namespace primal
