// Kernels of nn/pad3d: both ops are one lookup, y[n,c,d,h,w] = x[n,c, s_D(d), s_H(h), s_W(w)], 0 where one of them does
// not exist. A crop is a padding by less than nothing: s(i) = i - low with low below zero.
#pragma once

#include <array>
#include <span>

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
  void (*forward)(const Exec& exec, View5<const T> x, const Lookup3d& lookup, View5<T> y);
  // grad_x [N,C,D,H,W] += sum of grad_y [N,C,D',H',W'] over the outputs that show a cell
  void (*backward)(const Exec& exec, View5<const T> grad_y, const Lookup3d& lookup, View5<T> grad_x);
};

// For f32 and f64 (pad3d_op.cpp).
template <class T>
std::span<const DeviceKernels<Lookup3dKernels<T>>> lookup3d_kernels();
template <>
std::span<const DeviceKernels<Lookup3dKernels<float>>> lookup3d_kernels<float>();
template <>
std::span<const DeviceKernels<Lookup3dKernels<double>>> lookup3d_kernels<double>();

namespace cpu {

template <class T>
void lookup3d_forward(const Exec& exec, View5<const T> x, const Lookup3d& lookup, View5<T> y);
template <class T>
void lookup3d_backward(const Exec& exec, View5<const T> grad_y, const Lookup3d& lookup, View5<T> grad_x);

}  // namespace cpu

PRIMAL_DEVICE_KERNELS(Lookup3dKernels<float>, lookup3d_cells);  // pad3d_cuda.cu

}  // namespace primal
