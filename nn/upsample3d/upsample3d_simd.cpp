// upsample3d, simd: the passes of upsample3d_passes.h with vectors.
//
// Idea: along D and H whole rows are added up, a few vectors of the result at a time with all their taps, so that it is
// written once. Along W the taps of a vector's lanes lie within a few neighbouring cells: where two vectors of the row hold
// them all, the lanes are picked out of these by a permutation, with indices that were worked out once for all rows.
// The sums are those of the reference, pair of taps by pair of taps, so the results have its bits.
#include <algorithm>

#include "nn/upsample3d/upsample3d_kernels.h"
#include "nn/upsample3d/upsample3d_passes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/upsample3d/upsample3d_simd.cpp"
// These have vectors without a size, of which there are no arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/partial_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using IndexTag = hn::RebindToSigned<Tag>;
using Vector = hn::Vec<Tag>;
constexpr int64_t kLanes = hn::MaxLanes(Tag());

// Tap t of the outputs [i, i + kLanes) of an axis: lane l has weight[l] of the cell begin + lane[l].
struct LaneTap {
  HWY_ALIGN float weight[kLanes];  // 0: this lane has no such tap
  HWY_ALIGN int32_t lane[kLanes];
  int64_t begin;
  bool any;  // lane with such a tap
};

// The taps of an axis, for rows along it.
class LaneTaps {
 public:
  explicit LaneTaps(const AxisTable<float>& map)
      : n_in_(map.n_in),
        n_out_(map.identity ? 0 : map.n_out),
        n_taps_(map.n_taps),
        taps_(sizeof(LaneTap) * static_cast<size_t>((n_out_ + kLanes - 1) / kLanes * n_taps_)) {
    for (n_vectors_ = 1; n_vectors_ < kFar && !fill(map); ++n_vectors_) {
    }
    if (n_vectors_ == kFar) fill(map);
  }

  // n_rows rows in [n_in] -> out = (or +=) [n_out]
  void resample(int64_t n_rows, const float* in, bool add, float* out) const {
    if (n_vectors_ == 1) return resample_rows<1>(n_rows, in, add, out);
    if (n_vectors_ == 2) return resample_rows<2>(n_rows, in, add, out);
    resample_rows<kFar>(n_rows, in, add, out);
  }

 private:
  static constexpr int kFar = 3;
  static constexpr int64_t kWindow = 2 * kLanes;  // of cells, at the most

  // False if some lanes of a tap lie further apart than n_vectors_ vectors.
  bool fill(const AxisTable<float>& map) {
    LaneTap* tap = taps_.as<LaneTap>();
    for (int64_t i = 0; i < n_out_; i += kLanes) {
      const int64_t n = std::min(kLanes, n_out_ - i);
      for (int64_t t = 0; t < n_taps_; ++t, ++tap) {
        const float* weight = map.weight.data() + t * n_out_ + i;
        const int32_t* index = map.index.data() + t * n_out_ + i;
        int64_t low = n_in_, high = -1;  // of the cells
        for (int64_t l = 0; l < n; ++l) {
          if (weight[l] == 0.0F) continue;
          low = std::min<int64_t>(low, index[l]);
          high = std::max<int64_t>(high, index[l]);
        }
        tap->any = high >= 0;
        // All that is loaded lies within the row.
        tap->begin =
            n_vectors_ == kFar ? 0 : std::max<int64_t>(0, std::min(low, n_in_ - n_vectors_ * kLanes));
        if (n_vectors_ != kFar && high - tap->begin >= n_vectors_ * kLanes) return false;
        for (int64_t l = 0; l < kLanes; ++l) {
          const bool real = l < n && weight[l] != 0.0F;
          tap->weight[l] = real ? weight[l] : 0.0F;
          tap->lane[l] = real ? index[l] - static_cast<int32_t>(tap->begin) : 0;
        }
      }
    }
    return true;
  }

  template <int kVectors>
  void resample_rows(int64_t n_rows, const float* in, bool add, float* out) const {
    constexpr int kRows = 4;  // at once: independent sums, and the tables are read once
    int64_t row = 0;
    for (; row + kRows <= n_rows; row += kRows)
      resample_rows<kVectors, kRows>(in + row * n_in_, add, out + row * n_out_);
    for (; row < n_rows; ++row) resample_rows<kVectors, 1>(in + row * n_in_, add, out + row * n_out_);
  }

  template <int kVectors, int kRows>
  void resample_rows(const float* in, bool add, float* out) const {
    const Tag tag;
    HWY_ALIGN float whole[kRows][kWindow];  // of rows that are shorter
    int64_t stride = n_in_;
    if (n_in_ < kWindow) {
      for (int r = 0; r < kRows; ++r)
        std::fill(std::copy_n(in + r * n_in_, n_in_, whole[r]), whole[r] + kWindow, 0.0F);
      in = whole[0];
      stride = kWindow;
    }
    const LaneTap* tap = taps_.as<LaneTap>();
    for (int64_t i = 0; i < n_out_; i += kLanes) {
      Vector sum[kRows];
      HWY_UNROLL(4)
      for (int r = 0; r < kRows; ++r) sum[r] = add ? get(out + r * n_out_ + i, n_out_ - i) : hn::Zero(tag);
      for (int64_t t = 0; t < n_taps_; t += 2, tap += 2) {
        if (!tap[0].any) continue;  // nor of the second of this pair
        const Cells<kVectors> first(tap[0]), second(tap[1]);
        HWY_UNROLL(4)
        for (int r = 0; r < kRows; ++r) {
          const float* const row = in + r * stride;
          sum[r] = hn::Add(sum[r], hn::Add(first.weighted(row), second.weighted(row)));
        }
      }
      HWY_UNROLL(4)
      for (int r = 0; r < kRows; ++r) put(sum[r], n_out_ - i, out + r * n_out_ + i);
    }
  }

  // The cells that the lanes of a tap want: picked from one or two vectors of the row, or one by one.
  template <int kVectors>
  struct Cells {
    Vector weight;
    hn::Vec<IndexTag> lane;
    int64_t begin;
    explicit HWY_INLINE Cells(const LaneTap& tap)
        : weight(hn::Load(Tag(), tap.weight)), lane(hn::Load(IndexTag(), tap.lane)), begin(tap.begin) {}
    HWY_INLINE Vector weighted(const float* row) const {
      // What lanes without this tap pick may be no number.
      const auto real = hn::Ne(weight, hn::Zero(Tag()));
      return hn::Mul(weight, hn::IfThenElseZero(real, of(row + begin)));
    }
    HWY_INLINE Vector of(const float* from) const {
      const Tag tag;
      if constexpr (kVectors == 1) {
        return hn::TableLookupLanes(hn::LoadU(tag, from), hn::IndicesFromVec(tag, lane));
      } else if constexpr (kVectors == 2) {
        const auto n = hn::Set(IndexTag(), static_cast<int32_t>(kLanes));
        const auto in_first = hn::Lt(lane, n);
        const auto indices = hn::IndicesFromVec(tag, hn::IfThenElse(in_first, lane, hn::Sub(lane, n)));
        const auto first = hn::TableLookupLanes(hn::LoadU(tag, from), indices);
        const auto second = hn::TableLookupLanes(hn::LoadU(tag, from + kLanes), indices);
        return hn::IfThenElse(hn::RebindMask(tag, in_first), first, second);
      } else {
        HWY_ALIGN int32_t at[kLanes];
        HWY_ALIGN float cells[kLanes];
        hn::Store(lane, IndexTag(), at);
        for (int64_t l = 0; l < kLanes; ++l) cells[l] = from[at[l]];
        return hn::Load(tag, cells);
      }
    }
  };

  int64_t n_in_, n_out_, n_taps_;
  int n_vectors_;  // that hold the cells of every tap, or kFar
  Scratch taps_;   // LaneTap [vectors of the output, n_taps]
};

// out = (or +=) the sum over kTaps taps, from t on, of row i: rows of n values.
template <int kTaps>
HWY_NOINLINE void add_rows(const AxisTable<float>& map, int64_t i, int64_t t, int64_t n, const float* in,
                           bool add, float* HWY_RESTRICT out) {
  const Tag tag;
  const float* row[kTaps];
  Vector weight[kTaps];
  HWY_UNROLL(4)
  for (int k = 0; k < kTaps; ++k) {
    const auto entry = static_cast<size_t>((t + k) * map.n_out + i);
    row[k] = in + map.index[entry] * n;
    weight[k] = hn::Set(tag, map.weight[entry]);
  }
  const auto plus_pairs = [&](Vector sum, int64_t j) HWY_ATTR {
    HWY_UNROLL(2)
    for (int k = 0; k < kTaps; k += 2) {
      sum = hn::Add(sum, hn::Add(hn::Mul(weight[k], hn::LoadU(tag, row[k] + j)),
                                 hn::Mul(weight[k + 1], hn::LoadU(tag, row[k + 1] + j))));
    }
    return sum;
  };
  int64_t j = 0;
  if (add) {
    for (; j + kLanes <= n; j += kLanes) hn::StoreU(plus_pairs(hn::LoadU(tag, out + j), j), tag, out + j);
  } else {
    for (; j + kLanes <= n; j += kLanes) hn::StoreU(plus_pairs(hn::Zero(tag), j), tag, out + j);
  }
  if (j == n) return;
  HWY_ALIGN float rest[kTaps][kLanes];
  for (int k = 0; k < kTaps; ++k) {
    std::fill(std::copy(row[k] + j, row[k] + n, rest[k]), rest[k] + kLanes, 0.0F);
    row[k] = rest[k];
  }
  put(plus_pairs(add ? get(out + j, n - j) : hn::Zero(tag), 0), n - j, out + j);
}

// out = (or +=) [n_out, inner] from in [n_in, inner]: what is resampled are whole rows.
void resample_rows(const AxisTable<float>& map, int64_t inner, const float* in, bool add, float* out) {
  for (int64_t i = 0; i < map.n_out; ++i, out += inner) {
    // Pairs of taps, as the tables have them; behind an output's last one they have no weight.
    const auto pair_at = [&](int64_t t) {
      return t < map.n_taps && map.weight[static_cast<size_t>(t * map.n_out + i)] != 0.0F;
    };
    int64_t t = 0;
    do {
      const bool add_here = add || t > 0;
      if (pair_at(t + 2)) {
        add_rows<4>(map, i, t, inner, in, add_here, out);
        t += 4;
      } else {
        add_rows<2>(map, i, t, inner, in, add_here, out);
        t += 2;
      }
    } while (pair_at(t));
  }
}

}  // namespace

void ResampleVolumes(const Exec& exec, View5<const float> x, const AxisTables<float>& maps,
                     const std::array<size_t, 3>& order, bool add, View5<float> y) {
  const LaneTaps along_w(maps[2]);
  resample_volumes(
      exec, x, maps, order, add, y,
      [&](size_t axis, int64_t outer, int64_t inner, const float* in, bool add_here, float* out) {
        if (axis == 2) return along_w.resample(outer, in, add_here, out);
        const AxisTable<float>& map = maps[axis];
        for (int64_t o = 0; o < outer; ++o)
          resample_rows(map, inner, in + o * map.n_in * inner, add_here, out + o * map.n_out * inner);
      });
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {

HWY_EXPORT(ResampleVolumes);

void upsample3d_forward_simd(const Exec& exec, View5<const float> x, const AxisTables<float>& maps,
                             View5<float> y) {
  HWY_DYNAMIC_DISPATCH(ResampleVolumes)(exec, x, maps, kForwardOrder, false, y);
}

void upsample3d_backward_simd(const Exec& exec, View5<const float> grad_y,
                              const AxisTables<float>& transposes, bool add, View5<float> grad_x) {
  HWY_DYNAMIC_DISPATCH(ResampleVolumes)(exec, grad_y, transposes, kAdjointOrder, add, grad_x);
}

}  // namespace primal::cpu
#endif  // HWY_ONCE
