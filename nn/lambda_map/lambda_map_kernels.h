// Kernels of nn/lambda_map: equations in lambda_map.h.
#pragma once

#include <string>

#include "nn/lambda_map/lambda_map_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

// Every implementation takes every head: this is what a choice is reported with.
struct LambdaMapGeometry {
  Shape head;
};
std::string key(const LambdaMapGeometry&);

template <class T>
struct LambdaMapKernels {
  void (*forward)(const Exec&, View5<const T> head, const LambdaMapParams&, View5<T> lambda);
  // grad_head += ...
  void (*backward)(const Exec&, View5<const T> lambda, View5<const T> grad_lambda, const LambdaMapParams&,
                   View5<T> grad_head);
  // Overwrites: grad_head = ..., with zeros in channels that make no map. Null if the
  // implementation has no such kernel.
  void (*backward_anew)(const Exec&, View5<const T> lambda, View5<const T> grad_lambda,
                        const LambdaMapParams&, View5<T> grad_head) = nullptr;
};
template <class T>
using LambdaMapImplementation = Implementation<LambdaMapGeometry, LambdaMapKernels<T>>;
extern const Ladder<LambdaMapImplementation> lambda_map_ladder;  // lambda_map_op.cpp

namespace cpu {
extern const LambdaMapImplementation<float> lambda_map_simd;
extern const LambdaMapImplementation<float> lambda_map_reference_f32;
extern const LambdaMapImplementation<double> lambda_map_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(LambdaMapImplementation<float>, lambda_map_elementwise);  // lambda_map_cuda.cu

}  // namespace primal
