// What a block of conv3d_tensor_core.cu copies to shared memory: the steps of its sum, where each lies, and
// who copies what. Included by that file alone.
#pragma once

#include "nn/conv3d/cuda/conv3d_tensor_core.h"

namespace primal::PRIMAL_SIMT {

constexpr int kRows = 8;                         // of a block's pixels
constexpr int kWarpRows = 4, kWarpColumns = 16;  // of a warp's: the columns are the rows of a product
constexpr int kBlockN = 32, kTilesN = kBlockN / 8;

struct Product {
  Planes from, to;
  Tiles tiles;
  int64_t stride_n, stride_k;  // of weight: from an output, and from an input channel to the next
  int depth;                   // of the kernel
  int channels_per_split;
  bool wide_pixels, wide_weights;  // copied four at a time
  bool in_cluster;                 // the blocks of a cluster compute the splits
  Finish finish;
};

// A step's place in shared memory, in floats.
template <int kSide, bool kBackward>
struct ProductStage {
  static constexpr int kTaps = kSide * kSide;
  static constexpr int kLeft =
      kSide == 1 ? 0 : 4;  // columns left of the tile: the border, and three for alignment
  static constexpr int kPatchRows = kRows + kSide - 1, kPatchColumns = kLanes + 2 * kLeft;
  static constexpr int kChannel = padded(kPatchRows * kPatchColumns, 8, 24);
  static constexpr int kPatch = kDepth * kChannel;
  static constexpr int kMask = kPatch;  // y begins here
  static constexpr int kWeights = kBackward ? 2 * kPatch : kPatch;
  // Weights of output n and input k: forward [n][k][tap], backward [k][n][tap].
  static constexpr int kStrideN = kBackward ? kTaps : kDepth * kTaps + 4;
  static constexpr int kStrideK = kBackward ? kBlockN * kTaps + 8 : kTaps;
  static constexpr int kFloats = kWeights + (kBackward ? kDepth * kStrideK : kBlockN * kStrideN);
  static constexpr int kCount = kBackward ? 2 : 3;  // that exist at a time
  static constexpr int kBytes = kCount * kFloats * int{sizeof(float)};
};
static_assert(ProductStage<3, false>::kBytes <= 72 << 10 && ProductStage<3, true>::kBytes <= 72 << 10,
              "two blocks on a multiprocessor of compute capability 8.0, three on 9.0");

// The part of a sum that a block puts into shared memory for its cluster: [kBlockN][kRows * kLanes], with a
// stride of kPartStride between channels, so that the lanes of a warp, which have eight columns of four pairs
// of channels, write to 32 different banks.
constexpr int kPartStride = kRows * kLanes + 4;
constexpr int kPartBytes = kBlockN * kPartStride * int{sizeof(float)};

// Input channels and plane of the kernel.
struct Step {
  int first_c, plane;
};

// Runs through the steps of a block: up to kDepth channels of one part, and for these the planes that meet
// the volume.
struct Steps {
  int second, end;  // where the second part begins, and the channels end
  int first_plane, end_plane;
  Step at;

  __device__ int n_channels() const {
    const int stop = at.first_c < second && second < end ? second : end;
    return stop - at.first_c < kDepth ? stop - at.first_c : kDepth;
  }
  __device__ bool any() const { return at.first_c < end && first_plane < end_plane; }
  __device__ void advance() {
    if (++at.plane < end_plane) return;
    at.plane = first_plane;
    at.first_c += n_channels();
  }
};

// A thread's share of the copies, and what it makes of them.
template <int kSide, bool kBackward, int kProducts>
class ProductLoader {
 public:
  using S = ProductStage<kSide, kBackward>;

  __device__ ProductLoader(const Product& q, const GlobalChannelParts<const float>& in, const Mask& mask,
                           Global<const float> weight, const TileAt& tile, int64_t first_n, int thread)
      : q_(q), in_(in), mask_(mask), weight_(weight), tile_(tile), first_n_(first_n), thread_(thread) {
    const int piece = thread % kPieces, row = piece / kPiecesInRow, column = 4 * (piece % kPiecesInRow);
    const int64_t h = tile.h + row - kSide / 2, w = tile.w + column - S::kLeft;
    first_c_ = thread / kPieces;  // beyond kDepth: no pixels for this thread
    if (thread >= kGroups * kPieces) first_c_ = kDepth;
    in_patch_ = row * S::kPatchColumns + column;
    in_plane_ = h * q.from.w + w;
    inside_ = inside_of(q.from, h, w);
    const int64_t n = q.to.c - first_n;
    n_outputs_ = n < kBlockN ? static_cast<int>(n) : kBlockN;
  }

  template <class Shared>
  __device__ void start(const Shared& stage, const Steps& steps) const {
    const int n_channels = steps.n_channels();
    const ChannelRange<const float> range = in_.of(steps.at.first_c);
    const int64_t d = tile_.d + steps.at.plane - q_.depth / 2;
    const int64_t at = range.at(tile_.n, steps.at.first_c, q_.from.volume()) + d * q_.from.pixels + in_plane_;
#pragma unroll
    for (int c = first_c_; c < kDepth; c += kGroups) {
      const unsigned inside = c < n_channels ? inside_ : 0U;
      const int64_t from = at + c * q_.from.volume();
      copy_four(stage + (c * S::kChannel + in_patch_), range.data + from, inside, q_.wide_pixels);
      if (kBackward && mask_.has_y)
        copy_four(stage + (S::kMask + c * S::kChannel + in_patch_), mask_.y + from, inside, q_.wide_pixels);
    }
    start_weights(stage + S::kWeights, steps.at, n_channels);
  }

  // What has arrived: through the mask, and rounded for one product.
  template <class Shared>
  __device__ void prepare(const Shared& stage) const {
    if constexpr (kProducts == 1) {
      prepare_pixels(stage, kBackward && mask_.has_y);
      prepare_weights(stage + S::kWeights);
    } else if constexpr (kBackward) {
      if (mask_.has_y) prepare_pixels(stage, true);
    }
  }

 private:
  static constexpr int kPiecesInRow = S::kPatchColumns / 4, kPieces = S::kPatchRows * kPiecesInRow;
  static constexpr int kGroups = kThreads / kPieces;  // channels that are copied side by side
  static_assert(kGroups >= 1 && kDepth % kGroups == 0, "a thread has the same four pixels of some channels");
  // Runs of weights that are contiguous, here and in shared memory: forward those of an output, backward of
  // an input.
  static constexpr int kRuns = kBackward ? kDepth : kBlockN, kRun = (kBackward ? kBlockN : kDepth) * S::kTaps;
  static constexpr int kStrideRun = kBackward ? S::kStrideK : S::kStrideN;

  // Element i of all runs, `width` at a time.
  template <class Use>
  __device__ void for_my_weights(int width, const Use& use) const {
#pragma unroll 1
    for (int i = width * thread_; i < kRuns * kRun; i += width * kThreads) use(i / kRun, i % kRun);
  }

  template <class Shared>
  __device__ void start_weights(const Shared& weights, const Step& step, int n_channels) const {
    const int n_runs = kBackward ? n_channels : n_outputs_;
    const int run = (kBackward ? n_outputs_ : n_channels) * S::kTaps;
    const int64_t stride_run = kBackward ? q_.stride_k : q_.stride_n;
    const int64_t at = first_n_ * q_.stride_n + step.first_c * q_.stride_k;
    if (q_.wide_weights) {  // a kernel of one plane: a run has no gaps
      for_my_weights(4, [&](int r, int i) {
        const unsigned inside = r < n_runs && i < run ? 15U : 0U;
        copy_four(weights + (r * kStrideRun + i), weight_ + (at + r * stride_run + i), inside, true);
      });
      return;
    }
    const int plane = (kBackward ? q_.depth - 1 - step.plane : step.plane) * S::kTaps;
    const int64_t stride = kBackward ? q_.stride_n : q_.stride_k;
    for_my_weights(1, [&](int r, int i) {
      const int64_t from = at + r * stride_run + i / S::kTaps * stride + plane + i % S::kTaps;
      copy_async(weights + (r * kStrideRun + i), weight_ + from, r < n_runs && i < run);
    });
  }

  template <class Shared>
  __device__ void prepare_pixels(const Shared& stage, bool masks) const {
#pragma unroll
    for (int c = first_c_; c < kDepth; c += kGroups) {
      const int at = c * S::kChannel + in_patch_;
      Float4 y{};
      if (masks) y = *as<Float4>(stage + (S::kMask + at));
      replace_four(stage + at, [&](int i, float u) {
        if (masks && !(y.at[i] > 0.0f)) u *= mask_.slope;
        return kProducts == 1 ? tf32_value(to_tf32(u)) : u;
      });
    }
  }

  template <class Shared>
  __device__ void prepare_weights(const Shared& weights) const {
    if (q_.wide_weights) {
      for_my_weights(4, [&](int r, int i) {
        replace_four(weights + (r * kStrideRun + i),
                     [](int, float weight) { return tf32_value(to_tf32(weight)); });
      });
    } else {
      for_my_weights(1, [&](int r, int i) {
        const float weight = weights[r * kStrideRun + i];
        weights[r * kStrideRun + i] = tf32_value(to_tf32(weight));
      });
    }
  }

  const Product& q_;
  const GlobalChannelParts<const float>& in_;
  const Mask& mask_;
  const Global<const float> weight_;
  const TileAt& tile_;
  int64_t first_n_, in_plane_;
  int thread_, first_c_, in_patch_, n_outputs_;
  unsigned inside_;
};

}  // namespace primal::PRIMAL_SIMT
