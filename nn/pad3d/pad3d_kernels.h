// Kernels of nn/pad3d: both ops are one lookup, y[n,c,d,h,w] = x[n,c, s_D(d), s_H(h), s_W(w)], which is 0
// where one of these cells does not exist. A crop is a padding by a negative amount: s(i) = i - low with low
// below zero.
#pragma once

#include <array>

#include "nn/pad3d/pad3d_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/view.h"

namespace primal {

struct LookupAxis {
  int64_t low = 0;
  PadMode mode = PadMode::zero;
};
using Lookup3d = std::array<LookupAxis, 3>;  // of D, H, W

template <class T>
struct Lookup3dKernels {
  // x [N,C,D,H,W] -> y [N,C,D',H',W']
  void (*forward)(const Exec&, View5<const T> x, const Lookup3d& lookup, View5<T> y);
  // grad_x [N,C,D,H,W] += sum of grad_y [N,C,D',H',W'] over the outputs that show a cell
  void (*backward)(const Exec&, View5<const T> grad_y, const Lookup3d& lookup, View5<T> grad_x);
};
template <class T>
using Lookup3dImplementation = Implementation<OnlyShape, Lookup3dKernels<T>>;
extern const Ladder<Lookup3dImplementation> lookup3d_ladder;  // pad3d_op.cpp

namespace cpu {
extern const Lookup3dImplementation<float> lookup3d_reference_f32;
extern const Lookup3dImplementation<double> lookup3d_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(Lookup3dImplementation<float>, lookup3d_cells);  // pad3d_cuda.cu

}  // namespace primal
