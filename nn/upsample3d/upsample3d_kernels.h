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
// Outputs with fewer taps repeat an index with weight 0. The number of taps is even: kernels take them in
// pairs. The tables lie where the kernel runs.
template <class T>
struct AxisTable {
  int64_t n_in = 0, n_out = 0;
  int64_t n_taps = 0;
  bool identity = false;  // nothing to do along this axis
  std::span<const int32_t> index;
  std::span<const T> weight;
};

template <class T>
using AxisTables = std::array<AxisTable<T>, 3>;  // D, H, W

template <class T>
struct Upsample3dKernels {
  // x [N,C,D,H,W] -> y [N,C,D',H',W']
  void (*forward)(const Exec& exec, View5<const T> x, const AxisTables<T>& maps, View5<T> y);
  // grad_x [N,C,D,H,W] = (or, with `add`, +=) adjoint of grad_y [N,C,D',H',W']; `transposes` are the transposed maps.
  void (*backward)(const Exec& exec, View5<const T> grad_y, const AxisTables<T>& transposes, bool add,
                   View5<T> grad_x);
};

// What the choice of an implementation is reported with; each takes every call.
struct Upsample3dGeometry {
  Shape x, y;
};
std::string key(const Upsample3dGeometry&);

// For f32 and f64, fastest first (upsample3d_op.cpp).
template <class T>
std::span<const Implementation<Upsample3dGeometry, Upsample3dKernels<T>>> upsample3d_ladder();
template <>
std::span<const Implementation<Upsample3dGeometry, Upsample3dKernels<float>>> upsample3d_ladder<float>();
template <>
std::span<const Implementation<Upsample3dGeometry, Upsample3dKernels<double>>> upsample3d_ladder<double>();

namespace cpu {

template <class T>
void upsample3d_forward(const Exec& exec, View5<const T> x, const AxisTables<T>& maps, View5<T> y);
template <class T>
void upsample3d_backward(const Exec& exec, View5<const T> grad_y, const AxisTables<T>& transposes, bool add,
                         View5<T> grad_x);

// The same passes with vectors, f32 (upsample3d_simd.cpp).
void upsample3d_forward_simd(const Exec& exec, View5<const float> x, const AxisTables<float>& maps,
                             View5<float> y);
void upsample3d_backward_simd(const Exec& exec, View5<const float> grad_y,
                              const AxisTables<float>& transposes, bool add, View5<float> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(Upsample3dKernels<float>, upsample3d_taps);  // upsample3d_cuda.cu

}  // namespace primal
