#include "data/noise_estimate/block_spectra.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>

#include "tensor/exec.h"

namespace primal {
namespace {

constexpr size_t kSide = kBlockSide, kHalf = kSide / 2;
constexpr size_t kLanes = 8;    // blocks of neighbouring columns that are computed together
constexpr size_t kStrip = 256;  // columns of blocks whose rows' coefficients are kept: 128 KiB
using Lanes = std::array<double, kLanes>;

// basis[i][t] = a_i cos(pi (2 t + 1) i / 16), orthonormal; its second half is the first one in reverse, with
// the other sign where i is odd.
const std::array<std::array<double, kHalf>, kSide>& dct_basis() {
  static const std::array<std::array<double, kHalf>, kSide> basis = [] {
    std::array<std::array<double, kHalf>, kSide> b{};
    for (size_t i = 0; i < kSide; ++i) {
      const double scale = std::sqrt((i == 0 ? 1.0 : 2.0) / static_cast<double>(kSide));
      for (size_t t = 0; t < kHalf; ++t) {
        const double angle = std::numbers::pi * static_cast<double>((2 * t + 1) * i) / (2.0 * kSide);
        b[i][t] = scale * std::cos(angle);
      }
    }
    return b;
  }();
  return basis;
}

// The DCT of 8 values in each lane: values[t] -> coefficients[i].
void dct(const std::array<Lanes, kSide>& values, std::array<Lanes, kSide>& coefficients) {
  const auto& basis = dct_basis();
  std::array<Lanes, kHalf> sum, difference;
  for (size_t t = 0; t < kHalf; ++t) {
    for (size_t l = 0; l < kLanes; ++l) {
      sum[t][l] = values[t][l] + values[kSide - 1 - t][l];
      difference[t][l] = values[t][l] - values[kSide - 1 - t][l];
    }
  }
  for (size_t i = 0; i < kSide; ++i) {
    const std::array<Lanes, kHalf>& x = i % 2 == 0 ? sum : difference;
    for (size_t l = 0; l < kLanes; ++l) {
      coefficients[i][l] =
          basis[i][0] * x[0][l] + basis[i][1] * x[1][l] + basis[i][2] * x[2][l] + basis[i][3] * x[3][l];
    }
  }
}

// Where the blocks lie: block (r, k) has its first pixel at row r step and column k step.
template <class T>
struct BlockGrid {
  std::span<const T> values;
  size_t width, step, n_rows, n_columns;

  const T* row(size_t y) const { return values.data() + y * width; }
};

// Leaves out, at [r n_columns + k], block (r, k) if it has a clipped pixel.
template <class T>
void leave_out_clipped(const BlockGrid<T>& grid, const ClippedEnds& ends, std::vector<uint8_t>& kept) {
  if (!std::isfinite(ends.low) && !std::isfinite(ends.high)) return;
  parallel_for(Exec{}, static_cast<int64_t>(grid.n_rows), 16, [&](int64_t begin, int64_t end) {
    std::vector<size_t> before(grid.width + 1);  // clipped pixels of these 8 rows left of a column
    for (auto r = static_cast<size_t>(begin); r < static_cast<size_t>(end); ++r) {
      for (size_t x = 0; x < grid.width; ++x) {
        size_t n = 0;
        for (size_t t = 0; t < kSide; ++t) {
          const auto value = static_cast<double>(grid.row(r * grid.step + t)[x]);
          n += value <= ends.low || value >= ends.high ? 1 : 0;
        }
        before[x + 1] = before[x] + n;
      }
      for (size_t k = 0; k < grid.n_columns; ++k) {
        if (before[k * grid.step + kSide] != before[k * grid.step]) kept[r * grid.n_columns + k] = 0;
      }
    }
  });
}

// The mean of block (r, k) at number[r n_columns + k], of blocks with a number.
template <class T>
std::vector<float> block_means(const BlockGrid<T>& grid, const std::vector<int64_t>& number,
                               int64_t n_blocks) {
  std::vector<float> means(static_cast<size_t>(n_blocks));
  parallel_for(Exec{}, static_cast<int64_t>(grid.n_rows), 16, [&](int64_t begin, int64_t end) {
    std::vector<double> columns(grid.width);  // sums of the 8 rows
    for (auto r = static_cast<size_t>(begin); r < static_cast<size_t>(end); ++r) {
      std::ranges::fill(columns, 0.0);
      for (size_t t = 0; t < kSide; ++t) {
        for (size_t x = 0; x < grid.width; ++x)
          columns[x] += static_cast<double>(grid.row(r * grid.step + t)[x]);
      }
      for (size_t k = 0; k < grid.n_columns; ++k) {
        const int64_t block = number[r * grid.n_columns + k];
        if (block < 0) continue;
        double sum = 0.0;
        for (size_t t = 0; t < kSide; ++t) sum += columns[k * grid.step + t];
        means[static_cast<size_t>(block)] = static_cast<float>(sum / static_cast<double>(kSide * kSide));
      }
    }
  });
  return means;
}

// The mean of the origins' means.
std::vector<float> mean_of(const std::vector<std::vector<float>>& origins) {
  std::vector<float> mean = origins.front();
  for (size_t o = 1; o < origins.size(); ++o) {
    for (size_t k = 0; k < mean.size(); ++k) mean[k] += origins[o][k];
  }
  for (float& m : mean) m /= static_cast<float>(origins.size());
  return mean;
}

// The spectra of rows of blocks, a strip of columns at a time. The coefficients along a row of pixels serve
// all blocks that it is in: those of the last 8 rows are kept.
template <class T>
class StripOfBlocks {
 public:
  StripOfBlocks(const BlockGrid<T>& grid, size_t first)
      : grid_(grid), first_(first), n_(std::min(kStrip, grid.n_columns - first)) {}

  // Block (r, first + k) goes to number[k] of the spectra, a negative number nowhere. r rises from call to
  // call.
  void compute(size_t r, std::span<const int64_t> number, BlockSpectra& spectra) {
    const size_t top = r * grid_.step;
    for (size_t y = std::max(next_, top); y < top + kSide; ++y) transform_row(y);
    next_ = top + kSide;
    for (size_t k = 0; k < n_; k += kLanes) compute_lanes(top, k, number, spectra);
  }

 private:
  using RowCoefficients = std::array<std::array<double, kStrip>, kSide>;  // [j][k]

  // The DCT of the 8 pixels of row y from the first column of each block on.
  void transform_row(size_t y) {
    RowCoefficients& to = rows_[y % kSide];
    std::array<Lanes, kSide> values{}, coefficients;
    for (size_t k = 0; k < n_; k += kLanes) {
      const size_t n_lanes = std::min(kLanes, n_ - k);
      for (size_t t = 0; t < kSide; ++t) {
        const T* const from = grid_.row(y) + (first_ + k) * grid_.step + t;
        for (size_t l = 0; l < n_lanes; ++l) values[t][l] = static_cast<double>(from[l * grid_.step]);
      }
      dct(values, coefficients);
      for (size_t j = 0; j < kSide; ++j)
        std::ranges::copy(coefficients[j], to[j].begin() + static_cast<std::ptrdiff_t>(k));
    }
  }

  // The DCT along the columns of 8 blocks beside each other, whose rows are transformed.
  void compute_lanes(size_t top, size_t k, std::span<const int64_t> number, BlockSpectra& spectra) const {
    std::array<Lanes, kSide> values, coefficients;
    std::array<Lanes, static_cast<size_t>(kNHigh)> high;
    Lanes low{};
    size_t n_high = 0;
    for (size_t j = 0; j < kSide; ++j) {
      for (size_t t = 0; t < kSide; ++t)
        std::copy_n(rows_[(top + t) % kSide][j].begin() + static_cast<std::ptrdiff_t>(k), kLanes,
                    values[t].begin());
      dct(values, coefficients);
      for (size_t i = 0; i < kSide; ++i) {
        const Lanes& c = coefficients[i];
        if (i + j == 0) continue;
        if (i + j < kFirstHigh) {
          for (size_t l = 0; l < kLanes; ++l) low[l] += c[l] * c[l];
        } else {
          for (size_t l = 0; l < kLanes; ++l) high[n_high][l] = c[l] * c[l];
          ++n_high;
        }
      }
    }
    for (size_t l = 0; l < std::min(kLanes, n_ - k); ++l) {
      if (number[k + l] < 0) continue;
      const auto block = static_cast<size_t>(number[k + l]);
      spectra.low[block] = static_cast<float>(low[l] / static_cast<double>(kNLow));
      float* const to = spectra.high.data<float>() + block * kNHigh;
      for (size_t h = 0; h < high.size(); ++h) to[h] = static_cast<float>(high[h][l]);
    }
  }

  const BlockGrid<T>& grid_;
  const size_t first_, n_;
  std::array<RowCoefficients, kSide> rows_{};  // of pixel row y at y % 8
  size_t next_ = 0;                            // the rows before are there
};

}  // namespace

template <class T>
ClippedEnds clipped_ends(std::span<const T> picture) {
  constexpr double kNowhere = std::numeric_limits<double>::infinity();
  const auto [least, greatest] = std::ranges::minmax(picture);
  ClippedEnds ends{-kNowhere, kNowhere};
  // Once may be chance; a value beyond 0 or 1 proves that nothing was cut off there.
  const auto n_low = least == T{0} ? std::ranges::count(picture, T{0}) : 0;
  const auto n_high = greatest == T{1} ? std::ranges::count(picture, T{1}) : 0;
  if (n_low > 1) ends.low = 0.0;
  if (n_high > 1) ends.high = 1.0;
  const auto n_clipped = (n_low > 1 ? n_low : 0) + (n_high > 1 ? n_high : 0);
  ends.share = static_cast<double>(n_clipped) / static_cast<double>(picture.size());
  return ends;
}

template <class T>
BlockSpectra block_spectra(std::span<const T> picture, int64_t height, int64_t width,
                           const std::vector<BlockOrigin<T>>& origins) {
  const int64_t n_places = (height - kBlockSide + 1) * (width - kBlockSide + 1);
  const auto step = static_cast<int64_t>(
      std::ceil(std::sqrt(static_cast<double>(n_places) / static_cast<double>(kMaxBlocks))));
  const BlockGrid<T> grid{picture, static_cast<size_t>(width), static_cast<size_t>(step),
                          static_cast<size_t>((height - kBlockSide) / step + 1),
                          static_cast<size_t>((width - kBlockSide) / step + 1)};
  const auto grid_of = [&](std::span<const T> values) {
    return BlockGrid<T>{values, grid.width, grid.step, grid.n_rows, grid.n_columns};
  };
  std::vector<uint8_t> kept(grid.n_rows * grid.n_columns, 1);
  for (const BlockOrigin<T>& origin : origins) leave_out_clipped(grid_of(origin.picture), origin.ends, kept);
  std::vector<int64_t> number(kept.size());
  int64_t n_blocks = 0;
  std::ranges::transform(kept, number.begin(),
                         [&](uint8_t keep) { return keep != 0 ? n_blocks++ : int64_t{-1}; });
  BlockSpectra spectra{.step = step,
                       .n_rows = static_cast<int64_t>(grid.n_rows),
                       .n_columns = static_cast<int64_t>(grid.n_columns),
                       .place = std::vector<int64_t>(static_cast<size_t>(n_blocks)),
                       .low = std::vector<float>(static_cast<size_t>(n_blocks)),
                       .high = Tensor::empty({n_blocks, kNHigh}, DType::f32)};
  for (size_t at = 0; at < number.size(); ++at) {
    if (number[at] >= 0) spectra.place[static_cast<size_t>(number[at])] = static_cast<int64_t>(at);
  }
  for (const BlockOrigin<T>& origin : origins)
    spectra.origins.push_back(block_means(grid_of(origin.picture), number, n_blocks));
  spectra.mean = mean_of(spectra.origins);
  constexpr int64_t kRowsTogether = 32;  // the first 7 rows of pixels are transformed once more for each
  parallel_for(Exec{}, static_cast<int64_t>(grid.n_rows), kRowsTogether, [&](int64_t begin, int64_t end) {
    for (size_t first = 0; first < grid.n_columns; first += kStrip) {
      const auto strip = std::make_unique<StripOfBlocks<T>>(grid, first);
      for (auto r = static_cast<size_t>(begin); r < static_cast<size_t>(end); ++r)
        strip->compute(r, std::span(number).subspan(r * grid.n_columns + first), spectra);
    }
  });
  return spectra;
}

template ClippedEnds clipped_ends(std::span<const float>);
template ClippedEnds clipped_ends(std::span<const double>);
template BlockSpectra block_spectra(std::span<const float>, int64_t, int64_t,
                                    const std::vector<BlockOrigin<float>>&);
template BlockSpectra block_spectra(std::span<const double>, int64_t, int64_t,
                                    const std::vector<BlockOrigin<double>>&);

}  // namespace primal
