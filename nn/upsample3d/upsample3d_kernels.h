// Kernels of nn/upsample3d: equation in upsample3d.h.
#pragma once

#include <array>
#include <span>
#include <string>

#include "nn/upsample3d/upsample3d_params.h"
#include "tensor/exec.h"
#include "tensor/op/implementation.h"
#include "tensor/shape.h"
#include "tensor/view.h"

namespace primal {

// The matrix of one axis, n_in cells to n_out, as tables with the same number of taps for every output:
//   out[i] = sum over t of weight[t n_out + i] in[index[t n_out + i]]
// Outputs with fewer taps repeat an index with weight 0. The number of taps is even, since kernels take them
// in pairs. The tables lie in the memory of the device on which the kernel runs.
template <class T>
struct AxisTable {
  int64_t n_in = 0, n_out = 0;
  int64_t n_taps = 0;
  bool identity = false;  // nothing to do along this axis
  std::span<const int32_t> index;
  std::span<const T> weight;
  int64_t repeats =
      0;  // where every cell is repeated so often, in order; for a transposed map: is the sum of so many
};

template <class T>
using AxisTables = std::array<AxisTable<T>, 3>;  // D, H, W

// Every implementation takes every call: this is what a choice is reported with.
struct Upsample3dGeometry {
  Shape x, y;
};
std::string key(const Upsample3dGeometry&);

template <class T>
struct Upsample3dKernels {
  // x [N,C,D,H,W] -> y [N,C,D',H',W']
  void (*forward)(const Exec&, View5<const T> x, const AxisTables<T>& maps, View5<T> y);
  // Adds the adjoint of grad_y [N,C,D',H',W'] to grad_x [N,C,D,H,W], or overwrites grad_x with it where `add`
  // is false. `transposes` are the transposed maps.
  void (*backward)(const Exec&, View5<const T> grad_y, const AxisTables<T>& transposes, bool add,
                   View5<T> grad_x);
};
template <class T>
using Upsample3dImplementation = Implementation<Upsample3dGeometry, Upsample3dKernels<T>>;
extern const Ladder<Upsample3dImplementation> upsample3d_ladder;  // upsample3d_op.cpp

namespace cpu {
extern const Upsample3dImplementation<float> upsample3d_simd;
extern const Upsample3dImplementation<float> upsample3d_reference_f32;
extern const Upsample3dImplementation<double> upsample3d_reference_f64;
}  // namespace cpu
PRIMAL_DEVICE_KERNELS(Upsample3dImplementation<float>, upsample3d_taps);  // upsample3d_cuda.cu

}  // namespace primal
