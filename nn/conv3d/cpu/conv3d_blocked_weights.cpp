// conv3d, blocked: the gradient of the weights, for the shapes of conv3d_blocked.cpp.
//
//   grad_weight[o,c,i,j] += sum over pixels p of grad_y[o,p] x[c, p + (i,j) - border]
//
// Idea: every weight is a dot product over pixels. A tile of kO channels of grad_y x kC channels of x x the
// taps of one kernel row has a vector of partial sums each in registers; a step along the pixels loads kO +
// kC * taps vectors for kO * kC * taps multiply-adds. A patch of about a thousand pixels keeps the rows that
// a tile reads in the first-level cache; at its end the lanes are added up.
//   - The pixels are split into segments (conv3d_segments.h): work for many threads whatever the shape.
//   - grad_bias comes out of the same sweep over grad_y.
#include "nn/conv3d/conv3d_kernels.h"
#include "nn/conv3d/cpu/conv3d_patch.h"
#include "nn/conv3d/cpu/conv3d_same.h"
#include "nn/conv3d/cpu/conv3d_segments.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/conv3d/cpu/conv3d_blocked_weights.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/conv3d/cpu/conv3d_mask-inl.h"
#include "nn/float_vector-inl.h"

// This file is compiled once for each instruction set; what they share is declared once.
#ifndef PRIMAL_NN_CONV3D_BLOCKED_WEIGHTS_SHARED
#define PRIMAL_NN_CONV3D_BLOCKED_WEIGHTS_SHARED
namespace primal::cpu {

// The channels of one task: [o, o + n_o) of grad_y and [c, c + n_c) of x.
struct ChannelGroup {
  int64_t o, n_o, c, n_c;
};

}  // namespace primal::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

// The tile: 24 (16 for 1x1) sums in 32 vector registers or 12 (8) in 16.
constexpr int kTileO = kManyRegisters ? 4 : 2;
template <int kSide>
constexpr int kTileC = kSide == 3 ? 2 : 4;

// sums [o][c][j] = dot products over the patch for one kernel row. gy: the first pixel; x: its first tap.
template <int kSide>
HWY_NOINLINE void dot_products(const float* HWY_RESTRICT gy, const PackedPatch& gy_packed,
                               const float* HWY_RESTRICT x, const PackedPatch& x_packed, const Patch& patch,
                               float* HWY_RESTRICT sums) {
  constexpr int kC = kTileC<kSide>;
  const Tag tag;
  hn::Vec<Tag> sum[kTileO][size_t{kC}][size_t{kSide}];
  HWY_UNROLL(8)
  for (int o = 0; o < kTileO; ++o) {
    HWY_UNROLL(8)
    for (int c = 0; c < kC; ++c) {
      HWY_UNROLL(8)
      for (int j = 0; j < kSide; ++j) sum[o][c][j] = hn::Zero(tag);
    }
  }
  const int64_t gy_channel = gy_packed.channel_stride, x_channel = x_packed.channel_stride;
  for (int64_t row = 0; row < patch.n_rows; ++row, gy += gy_packed.row_stride, x += x_packed.row_stride) {
    for (int64_t p = 0; p < patch.n_cols; p += kLanes) {  // behind the last column gy is zero
      hn::Vec<Tag> g[kTileO];
      HWY_UNROLL(8)
      for (int o = 0; o < kTileO; ++o) g[o] = hn::Load(tag, gy + o * gy_channel + p);
      HWY_UNROLL(8)
      for (int c = 0; c < kC; ++c) {
        HWY_UNROLL(8)
        for (int j = 0; j < kSide; ++j) {
          const auto tap = hn::LoadU(tag, x + c * x_channel + p + j);
          HWY_UNROLL(8)
          for (int o = 0; o < kTileO; ++o) sum[o][c][j] = hn::MulAdd(g[o], tap, sum[o][c][j]);
        }
      }
    }
  }
  HWY_UNROLL(8)
  for (int o = 0; o < kTileO; ++o) {
    HWY_UNROLL(8)
    for (int c = 0; c < kC; ++c) {
      HWY_UNROLL(8)
      for (int j = 0; j < kSide; ++j) {
        sums[(o * kC + c) * kSide + j] = hn::GetLane(hn::SumOfLanes(tag, sum[o][c][j]));
      }
    }
  }
}

float sum_of_patch(const PackedPatch& gy, int64_t o, const Patch& patch) {
  const Tag tag;
  double total = 0.0;  // of rows: gradients of a bias cancel more than others
  for (int64_t row = 0; row < patch.n_rows; ++row) {
    auto sum = hn::Zero(tag);
    for (int64_t p = 0; p < patch.n_cols; p += kLanes) sum = hn::Add(sum, hn::Load(tag, gy.at(o, row, p)));
    total += hn::GetLane(hn::SumOfLanes(tag, sum));
  }
  return static_cast<float>(total);
}

// Adds the products of one packed patch to weights [O,C,side,side].
template <int kSide>
void add_patch(const SameWeightGradient& q, const ChannelGroup& group, const PackedPatch& gy,
               const PackedPatch& x, const Patch& patch, float* weights) {
  constexpr int kC = kTileC<kSide>;
  for (int64_t o = 0; o < group.n_o; o += kTileO) {
    for (int64_t c = 0; c < group.n_c; c += kC) {
      for (int64_t i = 0; i < kSide; ++i) {
        float sums[size_t{kTileO * kC * kSide}];
        dot_products<kSide>(gy.at(o, 0, 0), gy, x.at(c, i - kSide / 2, -(kSide / 2)), x, patch, sums);
        for (int64_t to = 0; to < HWY_MIN(int64_t{kTileO}, group.n_o - o); ++to) {
          for (int64_t tc = 0; tc < HWY_MIN(int64_t{kC}, group.n_c - c); ++tc) {
            float* row = weights + (((group.o + o + to) * q.c + group.c + c + tc) * kSide + i) * kSide;
            for (int64_t j = 0; j < kSide; ++j) row[j] += sums[(to * kC + tc) * kSide + j];
          }
        }
      }
    }
  }
}

// The scratch memory of add_segment(): both tensors' channels of a patch.
template <int kSide>
int64_t scratch_floats(const Patches& patches, const ChannelGroup& group) {
  return round_up(group.n_o, kTileO) * PackedPatch(patches, 0).channel_stride +
         round_up(group.n_c, kTileC<kSide>) * PackedPatch(patches, kSide / 2).channel_stride;
}

// Adds the patches [first, last) into weights [O,C,side,side] and bias [O], at the channels of the group;
// either may be null.
template <int kSide>
void add_segment(const SameWeightGradient& q, const Patches& patches, int64_t first, int64_t last,
                 const ChannelGroup& group, float* scratch, float* weights, float* bias) {
  PackedPatch gy(patches, 0), x(patches, kSide / 2);
  gy.data = scratch;
  x.data = gy.data + round_up(group.n_o, kTileO) * gy.channel_stride;
  // Channels that fill up a tile, and the slack behind rows, count as zero.
  std::fill_n(scratch, scratch_floats<kSide>(patches, group), 0.0F);
  const ChannelParts<const float> upstream{q.grad_y.grad};
  for (int64_t index = first; index < last; ++index) {
    const Patch patch = patches[index];
    for (int64_t o = 0; o < group.n_o; ++o) {
      const float* const from = upstream.volume(patch.n, group.o + o);
      gy.copy_channel(o, from + patch.d * q.h * q.w, q.h, q.w, patch, CopyMasked{q.grad_y});
      if (bias != nullptr) bias[group.o + o] += sum_of_patch(gy, o, patch);
    }
    if (weights == nullptr) continue;
    for (int64_t c = 0; c < group.n_c; ++c) {
      const float* const from = q.x.volume(patch.n, group.c + c);
      x.copy_channel(c, from + patch.d * q.h * q.w, q.h, q.w, patch, CopyPixels());
    }
    add_patch<kSide>(q, group, gy, x, patch, weights);
  }
}

}  // namespace

void blocked_weight_gradient(const Exec& exec, const SameWeightGradient& q) {
  constexpr int64_t kPatchPixels = 1024;  // 4 channels of grad_y and 2 of x: 24 KiB
  constexpr int64_t kPatchCols = 256;
  constexpr int64_t kGroup = 32;  // channels of grad_y and of x in one task
  constexpr int64_t kTasks = 64;  // at least, where there are patches enough
  const int64_t max_cols = q.side == 1 ? kPatchPixels : kPatchCols;
  const int64_t max_rows = kPatchPixels / std::clamp<int64_t>(q.w, 1, max_cols);
  const Patches patches(q.n, q.d, q.h, q.w, max_rows, max_cols);
  const int64_t groups_o = (q.o + kGroup - 1) / kGroup;
  const int64_t groups_c = q.grad_weight != nullptr ? (q.c + kGroup - 1) / kGroup : 1;
  const int64_t n_groups = groups_o * groups_c;
  const Segments segments = Segments::split(patches.count(), n_groups, kTasks);

  // A sum for each segment: weights [O,C,side,side], then bias [O].
  const int64_t n_weights = q.grad_weight != nullptr ? q.o * q.c * q.side * q.side : 0;
  const int64_t n_sums = n_weights + q.o;
  const Scratch<float> all_sums(exec, segments.count * n_sums);
  float* const sums = all_sums.data();
  std::memset(sums, 0, sizeof(float) * static_cast<size_t>(segments.count * n_sums));
  const ChannelGroup largest{.o = 0, .n_o = HWY_MIN(kGroup, q.o), .c = 0, .n_c = HWY_MIN(kGroup, q.c)};
  const int64_t task_floats = (q.side == 3 ? scratch_floats<3> : scratch_floats<1>)(patches, largest);
  const int64_t n_tasks = segments.count * n_groups;
  parallel_for<float>(exec, n_tasks, 1, task_floats, [&](int64_t begin, int64_t end, float* memory) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t segment = task / n_groups;
      ChannelGroup group{};
      group.o = task % n_groups / groups_c * kGroup;
      group.c = task % groups_c * kGroup;
      group.n_o = HWY_MIN(kGroup, q.o - group.o);
      group.n_c = HWY_MIN(kGroup, q.c - group.c);
      float* const weights = sums + segment * n_sums;
      const auto add = q.side == 3 ? add_segment<3> : add_segment<1>;
      add(q, patches, segments.first(segment), segments.last(segment), group, memory,
          n_weights > 0 ? weights : nullptr,
          q.grad_bias != nullptr && group.c == 0 ? weights + n_weights : nullptr);
    }
  });
  add_segments(exec, segments, sums, n_sums, n_weights, q.grad_weight);
  if (q.grad_bias != nullptr) add_segments(exec, segments, sums + n_weights, n_sums, q.o, q.grad_bias);
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
HWY_EXPORT(blocked_weight_gradient);

void conv3d_blocked_backward_weights(const Exec& exec, const ChannelParts<const float>& x,
                                     const MaskedGradient<float>& grad_y, const Conv3dParams&,
                                     View5<float> grad_weight, View<float, 1> grad_bias) {
  HWY_DYNAMIC_DISPATCH(blocked_weight_gradient)(exec, weight_gradient(x, grad_y, grad_weight, grad_bias));
}

}  // namespace primal::cpu
#endif
