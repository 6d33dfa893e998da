// What a block of conv3d_tensor_core_weights.cu copies to shared memory: where a tile lies, and who copies
// what. Included by that file alone.
#pragma once

#include "nn/conv3d/cuda/conv3d_tensor_core.h"

namespace primal::PRIMAL_SIMT {

constexpr int kRows = 2, kPixels = kRows * kLanes;  // of a tile
constexpr int kBlock = 32;                          // output and input channels of a block
constexpr int kWarpBlock = 16, kTilesC = kWarpBlock / 8;

struct WeightGradient {
  Planes x, grad_y;  // all channels
  Tiles tiles;
  int64_t tiles_per_part;
  int depth;        // of the kernel
  bool wide;        // four pixels copied at a time
  bool in_cluster;  // the blocks of a cluster compute the parts of a block of weights
  bool wants_bias;
  WeightParts parts;
};

// A tile's place in shared memory, in floats.
template <int kSide>
struct GradientStage {
  static constexpr int kLeft =
      kSide == 1 ? 0 : 4;  // columns left of the tile: the border, and three for alignment
  static constexpr int kPatchRows = kRows + kSide - 1, kPatchColumns = kLanes + 2 * kLeft;
  static constexpr int kUpstreamChannel = kPixels + 4, kChannel = kPatchRows * kPatchColumns + 4;
  static_assert(kUpstreamChannel % 8 == 4 && kChannel % 8 == 4, "an odd multiple of 4");
  static constexpr int kMask = kBlock * kUpstreamChannel, kPatch = 2 * kMask;
  static constexpr int kFloats = kPatch + kBlock * kChannel;
  static constexpr int kCount = 2;  // that exist at a time
  static constexpr int kBytes = kCount * kFloats * int{sizeof(float)};
};
static_assert(GradientStage<3>::kBytes <= 80 << 10,
              "two blocks on a multiprocessor of compute capability 8.0 or later");

// A thread's share of the copies: the same four pixels of grad_y in some channels, and of x in others.
template <int kSide, int kProducts>
class GradientLoader {
 public:
  using S = GradientStage<kSide>;
  static constexpr int kPieces = kPixels / 4, kGroups = kThreads / kPieces,
                       kMyChannels = kBlock / kGroups;  // of grad_y
  static constexpr int kPatchRow = S::kPatchColumns / 4, kPatchPieces = S::kPatchRows * kPatchRow,
                       kPatchGroups = kThreads / kPatchPieces;

  __device__ GradientLoader(const WeightGradient& q, const GlobalChannelParts<const float>& x,
                            Global<const float> grad_y, const Mask& mask, int64_t first_o, int64_t first_c,
                            int plane, int thread)
      : q_(q),
        x_(x),
        grad_y_(grad_y),
        mask_(mask),
        first_o_(first_o),
        first_c_(first_c),
        plane_(plane),
        row_(thread % kPieces / (kLanes / 4)),
        column_(4 * (thread % (kLanes / 4))),
        channel_(thread / kPieces),
        patch_row_(thread % kPatchPieces / kPatchRow),
        patch_column_(4 * (thread % kPatchPieces % kPatchRow)),
        patch_channel_(thread < kPatchGroups * kPatchPieces ? thread / kPatchPieces : kBlock) {}

  template <class Shared>
  __device__ void start(const Shared& stage, const TileAt& tile) const {
    const int64_t h = tile.h + row_, w = tile.w + column_, volume = q_.grad_y.volume();
    const unsigned inside = inside_of(q_.grad_y, h, w);
    const int64_t at =
        (tile.n * q_.grad_y.c + first_o_) * volume + tile.d * q_.grad_y.pixels + h * q_.grad_y.w + w;
    for (int o = channel_; o < kBlock; o += kGroups) {
      const unsigned of_o = first_o_ + o < q_.grad_y.c ? inside : 0U;
      const int to = o * S::kUpstreamChannel + row_ * kLanes + column_;
      copy_four(stage + to, grad_y_ + (at + o * volume), of_o, q_.wide);
      if (mask_.has_y) copy_four(stage + (S::kMask + to), mask_.y + (at + o * volume), of_o, q_.wide);
    }
    const int64_t d = tile.d + plane_ - q_.depth / 2, patch_h = tile.h + patch_row_ - kSide / 2,
                  patch_w = tile.w + patch_column_ - S::kLeft;
    const unsigned inside_patch = d >= 0 && d < q_.x.d ? inside_of(q_.x, patch_h, patch_w) : 0U;
    // Channel c of either part begins c volumes after these.
    const int64_t volume_x = q_.x.volume(), in_volume = d * q_.x.pixels + patch_h * q_.x.w + patch_w;
    const Global<const float> first = x_.first.data + (x_.first.at(tile.n, 0, volume_x) + in_volume),
                              second = x_.second.data + (x_.second.at(tile.n, 0, volume_x) + in_volume);
    for (int c = patch_channel_; c < kBlock; c += kPatchGroups) {
      const int64_t channel = first_c_ + c;
      const bool in_second = channel >= x_.second.begin && x_.second.count > 0;
      const Global<const float> from = (in_second ? second : first) + channel * volume_x;
      copy_four(stage + (S::kPatch + patch_at(c)), from, channel < q_.x.c ? inside_patch : 0U, q_.wide);
    }
  }

  // What has arrived: through the mask, added to the sums for the bias, and rounded for one product.
  template <class Shared>
  __device__ void prepare(const Shared& stage, bool sums_bias, float (&bias)[size_t{kMyChannels}]) const {
    if (kProducts == 1 || mask_.has_y || sums_bias) {
#pragma unroll
      for (int k = 0; k < kMyChannels; ++k) {
        const int at = (channel_ + k * kGroups) * S::kUpstreamChannel + row_ * kLanes + column_;
        Float4 y{};
        if (mask_.has_y) y = *as<Float4>(stage + (S::kMask + at));
        replace_four(stage + at, [&](int i, float u) {
          if (mask_.has_y && !(y.at[i] > 0.0f)) u *= mask_.slope;
          bias[k] += u;
          return kProducts == 1 ? tf32_value(to_tf32(u)) : u;
        });
      }
    }
    if constexpr (kProducts == 1) {
      for (int c = patch_channel_; c < kBlock; c += kPatchGroups)
        replace_four(stage + (S::kPatch + patch_at(c)),
                     [](int, float pixel) { return tf32_value(to_tf32(pixel)); });
    }
  }

  // The output channel of bias[k], the same for the kPieces neighbouring threads that have its other pixels.
  __device__ int64_t output(int k) const { return first_o_ + channel_ + k * kGroups; }

 private:
  __device__ int patch_at(int c) const {
    return c * S::kChannel + patch_row_ * S::kPatchColumns + patch_column_;
  }

  const WeightGradient& q_;
  const GlobalChannelParts<const float>& x_;
  const Global<const float> grad_y_;
  const Mask& mask_;
  int64_t first_o_, first_c_;
  int plane_, row_, column_, channel_, patch_row_, patch_column_, patch_channel_;
};

}  // namespace primal::PRIMAL_SIMT
