// Kernels of nn/linear: equations in linear.h, with the leading axes of x taken together as N.
#pragma once

#include <span>
#include <string>

#include "tensor/exec.h"
#include "tensor/op/cost.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

// What the choice of an implementation depends on.
struct LinearGeometry {
  int64_t n, c, o;
};

// "n8 c4096 o1024", and back: DataError for another text.
std::string key(const LinearGeometry&);
LinearGeometry linear_geometry(const std::string& text);

// Phases "forward", "backward_data" and "backward_weights": 2 for each row, input and output; the bias is not counted.
PhaseCosts linear_cost(const LinearGeometry&);

template <class T>
struct LinearKernels {
  // x [N,C], weight [O,C], bias [O] or empty -> y [N,O]
  void (*forward)(const Exec& exec, View<const T, 2> x, View<const T, 2> weight, std::span<const T> bias,
                  View<T, 2> y);
  // grad_x [N,C] += grad_y [N,O] weight [O,C]
  void (*backward_data)(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> weight,
                        View<T, 2> grad_x);
  // grad_weight [O,C] += grad_y' [O,N] x [N,C], where it has data; grad_bias [O] += sum over n of grad_y, where it is not
  // empty. x is read for grad_weight only.
  void (*backward_weights)(const Exec& exec, View<const T, 2> x, View<const T, 2> grad_y,
                           View<T, 2> grad_weight, std::span<T> grad_bias);
};

// The implementations for f32 or f64, fastest first (linear_op.cpp).
template <class T>
std::span<const Implementation<LinearGeometry, LinearKernels<T>>> linear_ladder();
template <>
std::span<const Implementation<LinearGeometry, LinearKernels<float>>> linear_ladder<float>();
template <>
std::span<const Implementation<LinearGeometry, LinearKernels<double>>> linear_ladder<double>();

namespace cpu {

template <class T>
void linear_forward(const Exec& exec, View<const T, 2> x, View<const T, 2> weight, std::span<const T> bias,
                    View<T, 2> y);
template <class T>
void linear_backward_data(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> weight,
                          View<T, 2> grad_x);
template <class T>
void linear_backward_weights(const Exec& exec, View<const T, 2> x, View<const T, 2> grad_y,
                             View<T, 2> grad_weight, std::span<T> grad_bias);

// Tiles of sums in vector registers, f32 (linear_blocked.cpp).
bool linear_blocked_supports(const LinearGeometry&);
void linear_forward_blocked(const Exec& exec, View<const float, 2> x, View<const float, 2> weight,
                            std::span<const float> bias, View<float, 2> y);
void linear_backward_data_blocked(const Exec& exec, View<const float, 2> grad_y, View<const float, 2> weight,
                                  View<float, 2> grad_x);
void linear_backward_weights_blocked(const Exec& exec, View<const float, 2> x, View<const float, 2> grad_y,
                                     View<float, 2> grad_weight, std::span<float> grad_bias);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(LinearKernels<float>, linear_tiled);  // linear_cuda.cu
#if PRIMAL_HAS_CUDA
namespace cuda {
extern const LinearKernels<float> linear_cublaslt;  // linear_cublaslt.cpp
bool linear_cublaslt_supports(const LinearGeometry&);
}  // namespace cuda
#endif

}  // namespace primal
