// Kernels of nn/lambda_map: equations in lambda_map.h.
#pragma once

#include "nn/lambda_map/lambda_map.h"
#include "tensor/exec.h"
#include "tensor/view.h"

namespace primal::cpu {

template <class T>
void lambda_map_forward(const Exec& exec, View5<const T> head, const LambdaMapParams& params,
                        View5<T> lambda);

// grad_head += ...
template <class T>
void lambda_map_backward(const Exec& exec, View5<const T> lambda, View5<const T> grad_lambda,
                         const LambdaMapParams& params, View5<T> grad_head);

}  // namespace primal::cpu
