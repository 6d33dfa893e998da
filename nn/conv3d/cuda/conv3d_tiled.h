// What the tiled kernels of conv3d share: how an image is cut. Included by their .cu files alone.
#pragma once

#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cuda/conv3d_channel_parts.h"
#include "tensor/simt/float4.h"
#include "tensor/simt/simt.h"

namespace primal::PRIMAL_SIMT {

constexpr int kLanes = 32;  // of a warp; and the columns of a tile, so that a warp reads a row of pixels

// The planes of [N,C,D,H,W], all of the same size. Around a 3x3 kernel's pixels those of the rows
// above and below matter, so a plane is H x W; a 1x1x1 kernel sees none of them, and a channel's whole
// volume is cut into rows of 32.
struct Planes {
  int64_t n, c, d;  // D, or 1
  int64_t h, w;     // rows and columns
  int64_t pixels;   // of a plane: the last row may be shorter

  __device__ int64_t volume() const { return d * pixels; }
  __device__ bool inside(int64_t row, int64_t column) const {
    return row >= 0 && row < h && column >= 0 && column < w && row * w + column < pixels;
  }
};

template <class T>
Planes planes_of(const ChannelParts<T>& channels, int side) {
  const std::array<int64_t, 5>& extent = channels.first.extent;
  const int64_t volume = extent[2] * extent[3] * extent[4];
  if (side == 1) return {extent[0], channels.count(), 1, (volume + kLanes - 1) / kLanes, kLanes, volume};
  return {extent[0], channels.count(), extent[2], extent[3], extent[4], extent[3] * extent[4]};
}

// The tiles of all planes of one channel, `rows` x 32 pixels each.
struct Tiles {
  int64_t n_h, n_w, rows;

  __device__ int64_t in_plane() const { return n_h * n_w; }
};

struct TileAt {
  int64_t n, d, h, w;  // of its first pixel
};

inline Tiles tiles_of(const Planes& planes, int64_t rows) {
  return {(planes.h + rows - 1) / rows, (planes.w + kLanes - 1) / kLanes, rows};
}
inline int64_t n_tiles(const Planes& planes, const Tiles& tiles) {
  return planes.n * planes.d * tiles.n_h * tiles.n_w;
}
__device__ inline TileAt tile_at(const Planes& planes, const Tiles& tiles, int64_t i) {
  const int64_t plane = i / tiles.in_plane(), in_plane = i % tiles.in_plane();
  return {plane / planes.d, plane % planes.d, in_plane / tiles.n_w * tiles.rows,
          in_plane % tiles.n_w * kLanes};
}

// conv3d_tiled_weights.cu
Conv3dWeightParts<float> conv3d_tiled_begin_weights(const Exec& exec, const ChannelParts<const float>& x,
                                                    const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                                    View5<float> grad_weight, View<float, 1> grad_bias);
void conv3d_tiled_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                                   const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                   View5<float> grad_weight, View<float, 1> grad_bias);

}  // namespace primal::PRIMAL_SIMT
