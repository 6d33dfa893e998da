// Kernels of nn/pad3d: both ops are one lookup, y[n,c,d,h,w] = x[n,c, source_D[d], source_H[h], source_W[w]].
#pragma once

#include <array>
#include <vector>

#include "nn/pad3d/pad3d.h"
#include "tensor/exec.h"

namespace primal {

// For each output of D, H and W the cell of x it shows, -1 for none (then y is 0).
using Sources = std::array<std::vector<int64_t>, 3>;

}  // namespace primal

namespace primal::cpu {

// x [N,C,D,H,W] -> y [N,C,D',H',W']
template <class T>
void lookup3d_forward(const Exec& exec, View5<const T> x, const Sources& sources, View5<T> y);

// grad_x [N,C,D,H,W] += sum of grad_y [N,C,D',H',W'] over the outputs that show a cell
template <class T>
void lookup3d_backward(const Exec& exec, View5<const T> grad_y, const Sources& sources, View5<T> grad_x);

}  // namespace primal::cpu
