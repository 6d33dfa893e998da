// Kernels of nn/linear: equations in linear.h, with the leading axes of x taken together as N.
#pragma once

#include <span>
#include <string>

#include "tensor/cost.h"
#include "tensor/exec.h"
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

// Phases "forward", "backward_data" and "backward_weights": 2 for each row, input and output; the bias is not
// counted.
PhaseCosts linear_cost(const LinearGeometry&);

template <class T>
struct LinearKernels {
  // x [N,C], weight [O,C], bias [O] or empty -> y [N,O]
  void (*forward)(const Exec& exec, View<const T, 2> x, View<const T, 2> weight, std::span<const T> bias,
                  View<T, 2> y);
  // grad_x [N,C] += grad_y [N,O] weight [O,C]
  void (*backward_data)(const Exec& exec, View<const T, 2> grad_y, View<const T, 2> weight,
                        View<T, 2> grad_x);
  // grad_weight [O,C] += grad_y' [O,N] x [N,C], where it has data; grad_bias [O] += sum over n of grad_y,
  // where it is not empty. x is read for grad_weight only.
  void (*backward_weights)(const Exec& exec, View<const T, 2> x, View<const T, 2> grad_y,
                           View<T, 2> grad_weight, std::span<T> grad_bias);
};

template <class T>
using LinearImplementation = Implementation<LinearGeometry, LinearKernels<T>>;
extern const Ladder<LinearImplementation> linear_ladder;  // linear_op.cpp

namespace cpu {
extern const LinearImplementation<float> linear_reference_f32;
extern const LinearImplementation<double> linear_reference_f64;
extern const LinearImplementation<float> linear_blocked;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(LinearImplementation<float>, linear_tiled);  // linear_cuda.cu
#if PRIMAL_HAS_CUDA
namespace cuda {
extern const LinearImplementation<float> linear_cublaslt;  // in builds with cuBLASLt's headers
}  // namespace cuda
#endif

}  // namespace primal
