// max_pool3d, simd: windows of 2 x 2 cells side by side, a vector of them at a time.
//
// Idea: a vector of windows is four vectors of cells, the even and the odd ones of two neighbouring rows, and
// three comparisons of them. x is read once from front to back, and y and argmax are written once. On the way
// back each cell asks whether it is the one its window kept: every lane of grad_y goes to two neighbouring
// cells of both rows, and a comparison with argmax says which of the four takes it.
#include <algorithm>

#include "nn/max_pool3d/max_pool3d_kernels.h"
#include "tensor/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/max_pool3d/max_pool3d_simd.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "nn/float_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace primal::cpu::HWY_NAMESPACE {
namespace {

using IndexTag = hn::RebindToSigned<Tag>;
using Indices = hn::Vec<IndexTag>;

// The even and the odd ones of 2 kLanes cells.
HWY_INLINE void split(const float* x, Vector& even, Vector& odd) {
  const Tag tag;
#if HWY_TARGET == HWY_SCALAR
  hn::LoadInterleaved2(tag, x, even, odd);
#else
  const Vector low = hn::LoadU(tag, x), high = hn::LoadU(tag, x + kLanes);
  even = hn::ConcatEven(tag, high, low);
  odd = hn::ConcatOdd(tag, high, low);
#endif
}

// What a window holds after `value` at `cell` came by: the larger, and a NaN in any case.
HWY_INLINE void take(Vector value, Indices cell, Vector& best, Indices& at) {
  const auto wins = hn::Or(hn::Gt(value, best), hn::IsNaN(value));
  best = hn::IfThenElse(wins, value, best);
  at = hn::IfThenElse(hn::RebindMask(IndexTag(), wins), cell, at);
}

void take(float value, int32_t cell, float& best, int32_t& at) {
  if (!(value > best) && value == value) return;
  best = value;
  at = cell;
}

}  // namespace

// One row of n windows, whose first cell is x[0]; argmax may be null.
void pool_row(const float* x, int64_t stride, int32_t first_cell, int64_t n, float* y, int32_t* argmax) {
  const Tag tag;
  const IndexTag index_tag;
  const auto row_step = hn::Set(index_tag, static_cast<int32_t>(stride)), one = hn::Set(index_tag, 1);
  const auto lanes = hn::Iota(index_tag, 0);
  int64_t w = 0;
  for (; w + kLanes <= n; w += kLanes) {
    const auto cell =
        hn::Add(hn::Set(index_tag, first_cell + static_cast<int32_t>(2 * w)), hn::Add(lanes, lanes));
    const auto below = hn::Add(cell, row_step);
    Vector best, b, c, d;
    split(x + 2 * w, best, b);
    split(x + stride + 2 * w, c, d);
    Indices at = cell;
    take(b, hn::Add(cell, one), best, at);
    take(c, below, best, at);
    take(d, hn::Add(below, one), best, at);
    hn::StoreU(best, tag, y + w);
    if (argmax != nullptr) hn::StoreU(at, index_tag, argmax + w);
  }
  for (; w < n; ++w) {
    const int32_t cell = first_cell + static_cast<int32_t>(2 * w),
                  below = cell + static_cast<int32_t>(stride);
    const float* window = x + 2 * w;
    float best = window[0];
    int32_t at = cell;
    take(window[1], cell + 1, best, at);
    take(window[stride], below, best, at);
    take(window[stride + 1], below + 1, best, at);
    y[w] = best;
    if (argmax != nullptr) argmax[w] = at;
  }
}

// Adds a row of n gradients to the cells that its windows kept. grad_x: the first cell of the first window.
void pool_row_backward(const int32_t* argmax, const float* grad_y, int64_t n, int64_t stride,
                       int32_t first_cell, float* grad_x) {
  const Tag tag;
  const IndexTag index_tag;
  const auto lanes = hn::Iota(index_tag, 0);
  int64_t w = 0;
  for (; w + kLanes <= n; w += kLanes) {
    const auto g = hn::LoadU(tag, grad_y + w);
    const auto at = hn::LoadU(index_tag, argmax + w);
    for (int half = 0; half < 2; ++half) {
      // The cells of half a vector of windows: two neighbours have one window.
      const auto from = hn::Add(lanes, hn::Set(index_tag, static_cast<int32_t>(half * kLanes)));
      const auto window = hn::ShiftRight<1>(from);
      const auto g_here = hn::TableLookupLanes(g, hn::IndicesFromVec(tag, window));
      const auto at_here = hn::TableLookupLanes(at, hn::IndicesFromVec(index_tag, window));
      auto cell = hn::Add(hn::Set(index_tag, first_cell + static_cast<int32_t>(2 * w)), from);
      float* to = grad_x + 2 * w + half * kLanes;
      for (int row = 0; row < 2; ++row) {
        const auto kept = hn::RebindMask(tag, hn::Eq(at_here, cell));
        const auto sum = hn::LoadU(tag, to);
        hn::StoreU(hn::IfThenElse(kept, hn::Add(sum, g_here), sum), tag, to);
        cell = hn::Add(cell, hn::Set(index_tag, static_cast<int32_t>(stride)));
        to += stride;
      }
    }
  }
  for (; w < n; ++w) grad_x[argmax[w] - first_cell] += grad_y[w];
}

}  // namespace primal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace primal::cpu {
namespace {

HWY_EXPORT(pool_row);
HWY_EXPORT(pool_row_backward);

// Calls body(row, cell, first) for the rows of windows of all volumes: the first cell of the row is `first`
// in its volume and `cell` in the whole of x.
template <class Body>
void for_each_row(const Exec& exec, const std::array<int64_t, 5>& x, const std::array<int64_t, 5>& y,
                  const Body& body) {
  constexpr int64_t kGrain = 1 << 13;  // windows per parallel chunk, at least a row
  const int64_t n_rows = y[0] * y[1] * y[2] * y[3];
  parallel_for(exec, n_rows, std::max<int64_t>(1, kGrain / y[4]), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t h = row % y[3], d = row / y[3] % y[2], volume = row / (y[3] * y[2]);
      const int64_t first = (d * x[3] + 2 * h) * x[4];
      body(row, volume * x[2] * x[3] * x[4] + first, static_cast<int32_t>(first));
    }
  });
}

bool supports(const MaxPool3dGeometry& g) {
  using Triple = std::array<int64_t, 3>;
  const Triple window{1, 2, 2};
  return g.params.kernel == window && g.params.steps() == window && g.params.padding == Triple{0, 0, 0};
}

void forward(const Exec& exec, View5<const float> x, const MaxPool3dParams&, View5<float> y,
             View5<int32_t> argmax) {
  const int64_t n_w = y.size(4);
  for_each_row(exec, x.extent, y.extent, [&](int64_t row, int64_t cell, int32_t first) {
    HWY_DYNAMIC_DISPATCH(pool_row)
    (x.data + cell, x.size(4), first, n_w, y.data + row * n_w,
     argmax.data != nullptr ? argmax.data + row * n_w : nullptr);
  });
}

void backward(const Exec& exec, View5<const int32_t> argmax, View5<const float> grad_y,
              const MaxPool3dParams&, View5<float> grad_x) {
  const int64_t n_w = grad_y.size(4);
  for_each_row(exec, grad_x.extent, grad_y.extent, [&](int64_t row, int64_t cell, int32_t first) {
    HWY_DYNAMIC_DISPATCH(pool_row_backward)
    (argmax.data + row * n_w, grad_y.data + row * n_w, n_w, grad_x.size(4), first, grad_x.data + cell);
  });
}

}  // namespace

const MaxPool3dImplementation<float> max_pool3d_simd{
    {"simd", "a vector of 2 x 2 windows at a time, back a vector of cells"}, supports, {forward, backward}};

}  // namespace primal::cpu
#endif  // HWY_ONCE
