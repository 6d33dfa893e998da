// Kernels of nn/max_pool3d: equation in max_pool3d.h.
#pragma once

#include <string>

#include "nn/max_pool3d/max_pool3d_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

// What the choice of an implementation depends on.
struct MaxPool3dGeometry {
  Shape x;
  MaxPool3dParams params;
};

// "n1 c32 d1 h256 w256 k1,2,2 s1,2,2 p0,0,0", and back: DataError for another text.
std::string key(const MaxPool3dGeometry&);
MaxPool3dGeometry max_pool3d_geometry(const std::string& text);

template <class T>
struct MaxPool3dKernels {
  // x [N,C,D,H,W] -> y, argmax [N,C,D',H',W']; argmax is not written where its data is null.
  void (*forward)(const Exec&, View5<const T> x, const MaxPool3dParams&, View5<T> y, View5<int32_t> argmax);
  // grad_x [N,C,D,H,W] += grad_y [N,C,D',H',W'] at argmax
  void (*backward)(const Exec&, View5<const int32_t> argmax, View5<const T> grad_y, const MaxPool3dParams&,
                   View5<T> grad_x);
};
template <class T>
using MaxPool3dImplementation = Implementation<MaxPool3dGeometry, MaxPool3dKernels<T>>;
extern const Ladder<MaxPool3dImplementation> max_pool3d_ladder;  // max_pool3d_op.cpp

namespace cpu {
extern const MaxPool3dImplementation<float> max_pool3d_simd;  // kernel and stride (1,2,2), no padding
extern const MaxPool3dImplementation<float> max_pool3d_reference_f32;
extern const MaxPool3dImplementation<double> max_pool3d_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(MaxPool3dImplementation<float>, max_pool3d_windows);  // max_pool3d_cuda.cu

}  // namespace primal
