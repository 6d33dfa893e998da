// upsample3d, simd: the passes of upsample3d_passes.h with vectors.
//
// Idea: along D and H whole rows are added up, a few vectors of the result at a time with all their taps, so
// that the result is written once. Along W the taps of a vector's lanes lie within a few neighbouring cells:
// where two vectors of the row hold them all, a permutation picks the lanes out of these two, with indices
// that were worked out once for all rows. The sums are those of the reference, pair of taps by pair of taps,
// so the results have its bits. Doubling rows and columns by repeating cells, which decoders do, has a loop
// of its own: a vector of cells gives two of each of two rows, or takes the sum of four.
#include <algorithm>

#include "nn/upsample3d/upsample3d_kernels.h"
#include "nn/upsample3d/upsample3d_passes.h"
#include "tensor/scratch.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/upsample3d/upsample3d_simd.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

using IndexTag = hn::RebindToSigned<Tag>;

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
  LaneTaps(const Exec& exec, const AxisTable<float>& map)
      : n_in_(map.n_in),
        n_out_(map.identity ? 0 : map.n_out),
        n_taps_(map.n_taps),
        taps_(exec, (n_out_ + kLanes - 1) / kLanes * n_taps_) {
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
    LaneTap* tap = taps_.data();
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
    HWY_ALIGN float whole[size_t{kRows}][kWindow];  // of rows that are shorter
    int64_t stride = n_in_;
    if (n_in_ < kWindow) {
      for (int r = 0; r < kRows; ++r)
        std::fill(std::copy_n(in + r * n_in_, n_in_, whole[r]), whole[r] + kWindow, 0.0F);
      in = whole[0];
      stride = kWindow;
    }
    const LaneTap* tap = taps_.data();
    for (int64_t i = 0; i < n_out_; i += kLanes) {
      Vector sum[size_t{kRows}];
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
  int n_vectors_;          // that hold the cells of every tap, or kFar
  Scratch<LaneTap> taps_;  // [vectors of the output, n_taps]
};

// out = (or +=) the sum over kTaps taps, from t on, of row i: rows of n values.
template <int kTaps>
HWY_NOINLINE void add_rows(const AxisTable<float>& map, int64_t i, int64_t t, int64_t n, const float* in,
                           bool add, float* HWY_RESTRICT out) {
  const Tag tag;
  const float* row[size_t{kTaps}];
  Vector weight[size_t{kTaps}];
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
  HWY_ALIGN float rest[size_t{kTaps}][kLanes];
  for (int k = 0; k < kTaps; ++k) {
    std::fill(std::copy(row[k] + j, row[k] + n, rest[k]), rest[k] + kLanes, 0.0F);
    row[k] = rest[k];
  }
  put(plus_pairs(add ? get(out + j, n - j) : hn::Zero(tag), 0), n - j, out + j);
}

// out = (or +=) [n_out, inner] from in [n_in, inner]: whole rows are combined.
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

// [h, w] -> [2 h, 2 w], every cell four times
void double_plane(int64_t h, int64_t w, const float* HWY_RESTRICT in, float* HWY_RESTRICT out) {
  const Tag tag;
  for (int64_t row = 0; row < h; ++row, in += w, out += 4 * w) {
    int64_t i = 0;
    for (; i + kLanes <= w; i += kLanes) {
      const auto cells = hn::LoadU(tag, in + i);
      hn::StoreInterleaved2(cells, cells, tag, out + 2 * i);
      hn::StoreInterleaved2(cells, cells, tag, out + 2 * w + 2 * i);
    }
    for (; i < w; ++i) out[2 * i] = out[2 * i + 1] = out[2 * (w + i)] = out[2 * (w + i) + 1] = in[i];
  }
}

// [2 h, 2 w] -> out = (or +=) [h, w], the sums of four cells: first those of a column.
void halve_plane(int64_t h, int64_t w, const float* HWY_RESTRICT in, bool add, float* HWY_RESTRICT out) {
  const Tag tag;
  for (int64_t row = 0; row < h; ++row, in += 4 * w, out += w) {
    const float* const below = in + 2 * w;
    int64_t i = 0;
    for (; i + kLanes <= w; i += kLanes) {
      Vector even, odd, even_below, odd_below;
      hn::LoadInterleaved2(tag, in + 2 * i, even, odd);
      hn::LoadInterleaved2(tag, below + 2 * i, even_below, odd_below);
      const auto sum = hn::Add(hn::Add(even, even_below), hn::Add(odd, odd_below));
      hn::StoreU(add ? hn::Add(hn::LoadU(tag, out + i), sum) : sum, tag, out + i);
    }
    for (; i < w; ++i) {
      const float sum = (in[2 * i] + below[2 * i]) + (in[2 * i + 1] + below[2 * i + 1]);
      out[i] = add ? out[i] + sum : sum;
    }
  }
}

// True if the maps double rows and columns by repeating cells, or are the transposes of such maps; then that
// is done.
bool doubled(const Exec& exec, View5<const float> x, const AxisTables<float>& maps, bool adjoint, bool add,
             View5<float> y) {
  constexpr int64_t kGrain = 1 << 13;  // cells of the larger planes per parallel chunk
  if (!maps[0].identity || maps[1].repeats != 2 || maps[2].repeats != 2) return false;
  const int64_t in_plane = x.size(3) * x.size(4), out_plane = y.size(3) * y.size(4);
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max(in_plane, out_plane));
  parallel_for(exec, x.size(0) * x.size(1) * x.size(2), grain, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      if (adjoint) {
        halve_plane(y.size(3), y.size(4), x.data + p * in_plane, add, y.data + p * out_plane);
      } else {
        double_plane(x.size(3), x.size(4), x.data + p * in_plane, y.data + p * out_plane);
      }
    }
  });
  return true;
}

}  // namespace

void resample_with_vectors(const Exec& exec, View5<const float> x, const AxisTables<float>& maps,
                           const std::array<size_t, 3>& order, bool add, View5<float> y) {
  if (doubled(exec, x, maps, order == kAdjointOrder, add, y)) return;
  const LaneTaps along_w(exec, maps[2]);
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
namespace {

HWY_EXPORT(resample_with_vectors);

void forward(const Exec& exec, View5<const float> x, const AxisTables<float>& maps, View5<float> y) {
  HWY_DYNAMIC_DISPATCH(resample_with_vectors)(exec, x, maps, kForwardOrder, false, y);
}

void backward(const Exec& exec, View5<const float> grad_y, const AxisTables<float>& transposes, bool add,
              View5<float> grad_x) {
  HWY_DYNAMIC_DISPATCH(resample_with_vectors)(exec, grad_y, transposes, kAdjointOrder, add, grad_x);
}

bool anything(const Upsample3dGeometry&) { return true; }

}  // namespace

const Upsample3dImplementation<float> upsample3d_simd{
    {"simd", "the same with vectors, taps along a row picked by permutations, each result written once"},
    anything,
    {forward, backward}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
