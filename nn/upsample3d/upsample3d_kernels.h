// Kernels of nn/upsample3d: equation in upsample3d.h.
#pragma once

#include <array>
#include <vector>

#include "nn/upsample3d/upsample3d.h"
#include "tensor/exec.h"

namespace primal {

// The matrix of one axis, n_in cells to n_out, as tables with the same number of taps for every output:
//   out[i] = sum over t of weight[t n_out + i] in[index[t n_out + i]]
// Outputs with fewer taps repeat an index with weight 0. The number of taps is even: kernels take them in
// pairs.
template <class T>
struct AxisMap {
  int64_t n_in = 0, n_out = 0;
  int64_t n_taps = 0;
  bool identity = false;  // nothing to do along this axis
  std::vector<int32_t> index;
  std::vector<T> weight;
};

template <class T>
using AxisMaps = std::array<AxisMap<T>, 3>;  // D, H, W

// n cells to m. Indices and weights are computed in double, whatever T.
template <class T>
AxisMap<T> axis_map(int64_t n, int64_t m, const Upsample3dParams& params);
template <class T>
AxisMap<T> transposed(const AxisMap<T>& map);

}  // namespace primal

namespace primal::cpu {

// x [N,C,D,H,W] -> y [N,C,D',H',W']
template <class T>
void upsample3d_forward(const Exec& exec, View5<const T> x, const AxisMaps<T>& maps, View5<T> y);

// grad_x [N,C,D,H,W] += adjoint of grad_y [N,C,D',H',W']; `transposes` are the transposed maps.
template <class T>
void upsample3d_backward(const Exec& exec, View5<const T> grad_y, const AxisMaps<T>& transposes,
                         View5<T> grad_x);

}  // namespace primal::cpu
