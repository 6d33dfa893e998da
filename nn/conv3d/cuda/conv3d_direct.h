// The two sums of conv3d.h as one thread computes them, term after term: what the direct kernels of conv3d
// and of conv_transpose3d are made of. Included by their .cu files alone.
#pragma once

#include "nn/conv3d/conv3d_params.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

constexpr int kThreads = 256;

// weight [O,C,kd,kh,kw] and how it moves: by value, as kernels take it.
struct DirectConv3d {
  GlobalView<const float, 5> weight;
  int stride[3], padding[3];
};

inline DirectConv3d direct_conv3d(const View5<const float>& weight, const Conv3dParams& params) {
  DirectConv3d conv{.weight = global(weight), .stride = {}, .padding = {}};
  for (size_t a = 0; a < 3; ++a) {
    conv.stride[a] = static_cast<int>(params.stride[a]);
    conv.padding[a] = static_cast<int>(params.padding[a]);
  }
  return conv;
}

// One element of a [N,C,D,H,W] view, by its number in memory.
struct Element5 {
  int64_t n;
  int c, at[3];
};

template <class T>
__device__ inline Element5 element_of(const GlobalView<T, 5>& view, int64_t i) {
  Element5 element{};
  for (int a = 2; a >= 0; --a) {
    element.at[a] = static_cast<int>(i % view.extent[a + 2]);
    i /= view.extent[a + 2];
  }
  element.c = static_cast<int>(i % view.extent[1]);
  element.n = i / view.extent[1];
  return element;
}

template <class T>
__device__ inline int64_t n_elements(const GlobalView<T, 5>& view) {
  return view.extent[0] * view.extent[1] * view.extent[2] * view.extent[3] * view.extent[4];
}

// The taps [begin, end) of an axis that fall inside [0, extent) for the output at `out`.
struct TapRange {
  int begin, end;
};
__device__ inline TapRange taps_inside(int out, int stride, int padding, int kernel, int64_t extent) {
  const int first = out * stride - padding;  // where tap 0 falls
  const int64_t n_left = extent - first;
  return {first < 0 ? -first : 0, n_left < kernel ? static_cast<int>(n_left) : kernel};
}

// The output that sees input `in` through tap k, or -1.
__device__ inline int output_seeing(int in, int k, int stride, int padding, int64_t n_out) {
  const int scaled = in + padding - k;
  return scaled < 0 || scaled % stride != 0 || scaled / stride >= n_out ? -1 : scaled / stride;
}

// y at one element, without its bias: over the C channels of x and the taps inside it.
__device__ inline float output_sum(const DirectConv3d& conv, const GlobalView<const float, 5>& x,
                                   const Element5& y) {
  const GlobalView<const float, 5>& weight = conv.weight;
  const int *stride = conv.stride, *padding = conv.padding;
  const int *at = y.at, n_c = static_cast<int>(x.extent[1]);
  TapRange taps[3];
  for (int a = 0; a < 3; ++a) {
    const int kernel = static_cast<int>(weight.extent[a + 2]);
    taps[a] = taps_inside(at[a], stride[a], padding[a], kernel, x.extent[a + 2]);
  }
  float sum = 0.0f;
  for (int c = 0; c < n_c; ++c) {
    for (int i = taps[0].begin; i < taps[0].end; ++i) {
      for (int j = taps[1].begin; j < taps[1].end; ++j) {
        const int d = at[0] * stride[0] + i - padding[0], h = at[1] * stride[1] + j - padding[1];
        for (int k = taps[2].begin; k < taps[2].end; ++k)
          sum += weight(y.c, c, i, j, k) * x(y.n, c, d, h, at[2] * stride[2] + k - padding[2]);
      }
    }
  }
  return sum;
}

// grad_x at one element: over the O channels of grad_y and the taps through which an output sees the element.
__device__ inline float input_sum(const DirectConv3d& conv, const GlobalView<const float, 5>& grad_y,
                                  const Element5& x) {
  const GlobalView<const float, 5>& weight = conv.weight;
  const int *stride = conv.stride, *padding = conv.padding;
  const int n_o = static_cast<int>(grad_y.extent[1]);
  const int kd = static_cast<int>(weight.extent[2]), kh = static_cast<int>(weight.extent[3]),
            kw = static_cast<int>(weight.extent[4]);
  float sum = 0.0f;
  for (int o = 0; o < n_o; ++o) {
    for (int i = 0; i < kd; ++i) {
      const int a = output_seeing(x.at[0], i, stride[0], padding[0], grad_y.extent[2]);
      if (a < 0) continue;
      for (int j = 0; j < kh; ++j) {
        const int b = output_seeing(x.at[1], j, stride[1], padding[1], grad_y.extent[3]);
        if (b < 0) continue;
        for (int k = 0; k < kw; ++k) {
          const int e = output_seeing(x.at[2], k, stride[2], padding[2], grad_y.extent[4]);
          if (e >= 0) sum += weight(o, x.c, i, j, k) * grad_y(x.n, o, a, b, e);
        }
      }
    }
  }
  return sum;
}

}  // namespace primal::PRIMAL_SIMT
