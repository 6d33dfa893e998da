// The kernels of conv_transpose3d, with the letters of conv_transpose3d.h; its output padding is in the shape
// of y.
//
//   forward           y = bias + ...             overwrites y; bias may have null data: none
//   backward_data     grad_x +=
//   backward_weights  grad_weight, grad_bias +=  either may have null data: not wanted
#pragma once

#include <span>
#include <string>

#include "nn/conv3d/conv3d_params.h"
#include "nn/conv_transpose3d/conv_transpose3d_params.h"
#include "tensor/cost.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

// Those of the conv3d that maps y to x.
inline Conv3dParams transposed(const ConvTranspose3dParams& params) {
  return {params.stride, params.padding};
}

// What the choice of an implementation depends on.
struct ConvTranspose3dGeometry {
  Shape x, weight;
  ConvTranspose3dParams params;
};

// "n1 c32 o16 d1 h28 w28 k1,3,3 s1,2,2 p0,1,1 q0,1,1", and back: DataError for another text.
std::string key(const ConvTranspose3dGeometry&);
ConvTranspose3dGeometry conv_transpose3d_geometry(const std::string& text);

// 2 per input value, output channel and tap; backward as much for x and for weight.
PhaseCosts conv_transpose3d_cost(const Shape& x, const Shape& weight, const Shape& y);

template <class T>
struct ConvTranspose3dKernels {
  void (*forward)(const Exec&, View5<const T> x, View5<const T> weight, View<const T, 1> bias,
                  const ConvTranspose3dParams&, View5<T> y);
  void (*backward_data)(const Exec&, View5<const T> grad_y, View5<const T> weight,
                        const ConvTranspose3dParams&, View5<T> grad_x);
  void (*backward_weights)(const Exec&, View5<const T> x, View5<const T> grad_y, const ConvTranspose3dParams&,
                           View5<T> grad_weight, View<T, 1> grad_bias);
};

template <class T>
using ConvTranspose3dImplementation = Implementation<ConvTranspose3dGeometry, ConvTranspose3dKernels<T>>;
extern const Ladder<ConvTranspose3dImplementation> conv_transpose3d_ladder;  // conv_transpose3d_op.cpp

namespace cpu {
// (1,kh,kw) with any stride, padding and output padding along H and W
extern const ConvTranspose3dImplementation<float> conv_transpose3d_phased;
extern const ConvTranspose3dImplementation<float> conv_transpose3d_reference_f32;
extern const ConvTranspose3dImplementation<double> conv_transpose3d_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(ConvTranspose3dImplementation<float>,
                      conv_transpose3d_direct);  // conv_transpose3d_cuda.cu

}  // namespace primal
