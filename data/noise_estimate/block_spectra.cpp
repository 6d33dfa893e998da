#include "data/noise_estimate/block_spectra.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "tensor/exec.h"

namespace primal {
namespace {

constexpr size_t kSide = kBlockSide;
using Eight = std::array<double, kSide>;

// basis[i][t] = a_i cos(pi (2 t + 1) i / 16), orthonormal
const std::array<Eight, kSide>& dct_basis() {
  static const std::array<Eight, kSide> basis = [] {
    std::array<Eight, kSide> b{};
    for (size_t i = 0; i < kSide; ++i) {
      const double scale = std::sqrt((i == 0 ? 1.0 : 2.0) / static_cast<double>(kSide));
      for (size_t t = 0; t < kSide; ++t) {
        const double angle = std::numbers::pi * static_cast<double>((2 * t + 1) * i) / (2.0 * kSide);
        b[i][t] = scale * std::cos(angle);
      }
    }
    return b;
  }();
  return basis;
}

// The DCT of 8 values, each `stride` numbers from the last.
template <class T>
Eight dct(const T* values, size_t stride) {
  const std::array<Eight, kSide>& basis = dct_basis();
  Eight c{};
  for (size_t i = 0; i < kSide; ++i) {
    for (size_t t = 0; t < kSide; ++t) c[i] += basis[i][t] * static_cast<double>(values[t * stride]);
  }
  return c;
}

template <class T>
struct Plane {
  std::span<const T> values;
  size_t width;
  const T* row(size_t y) const { return values.data() + y * width; }
};

// How many of the pixels left of column x in 8 rows are clipped, for every x.
template <class T>
std::vector<size_t> count_clipped(const Plane<T>& plane, size_t top, const ClippedEnds& ends) {
  std::vector<size_t> count(plane.width + 1);
  for (size_t x = 0; x < plane.width; ++x) {
    size_t n = 0;
    for (size_t t = 0; t < kSide; ++t) {
      const auto value = static_cast<double>(plane.row(top + t)[x]);
      n += value <= ends.low || value >= ends.high ? 1 : 0;
    }
    count[x + 1] = count[x] + n;
  }
  return count;
}

// rows[t][j]: coefficient j along row t of the block.
void add_block(const std::array<Eight, kSide>& rows, BlockSpectra& spectra) {
  double low = 0.0;
  std::array<Eight, kSide> coefficients;  // [j][i]
  for (size_t j = 0; j < kSide; ++j) coefficients[j] = dct(rows[0].data() + j, kSide);
  for (size_t i = 0; i < kSide; ++i) {
    for (size_t j = 0; j < kSide; ++j) {
      const double c = coefficients[j][i];
      if (i + j == 0) {
        spectra.mean.push_back(static_cast<float>(c / static_cast<double>(kSide)));
      } else if (i + j < kFirstHigh) {
        low += c * c;
      } else {
        spectra.high.push_back(static_cast<float>(c * c));
      }
    }
  }
  spectra.low.push_back(static_cast<float>(low / static_cast<double>(kNLow)));
}

// The blocks whose first row is `top`.
template <class T>
BlockSpectra spectra_of_row(const Plane<T>& plane, size_t top, size_t step, const ClippedEnds& ends) {
  const std::vector<size_t> clipped = count_clipped(plane, top, ends);
  BlockSpectra spectra;
  for (size_t x = 0; x + kSide <= plane.width; x += step) {
    if (clipped[x + kSide] > clipped[x]) continue;
    std::array<Eight, kSide> rows;
    for (size_t t = 0; t < kSide; ++t) rows[t] = dct(plane.row(top + t) + x, 1);
    add_block(rows, spectra);
  }
  return spectra;
}

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
                           const ClippedEnds& ends) {
  const int64_t n_places = (height - kBlockSide + 1) * (width - kBlockSide + 1);
  const auto step = static_cast<int64_t>(
      std::ceil(std::sqrt(static_cast<double>(n_places) / static_cast<double>(kMaxBlocks))));
  const int64_t n_rows = (height - kBlockSide) / step + 1;
  const Plane<T> plane{picture, static_cast<size_t>(width)};
  std::vector<BlockSpectra> parts(static_cast<size_t>(n_rows));
  parallel_for(Exec{}, n_rows, 4, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      parts[static_cast<size_t>(r)] =
          spectra_of_row(plane, static_cast<size_t>(r * step), static_cast<size_t>(step), ends);
    }
  });
  BlockSpectra all;
  all.step = step;
  for (const BlockSpectra& part : parts) {
    all.mean.insert(all.mean.end(), part.mean.begin(), part.mean.end());
    all.low.insert(all.low.end(), part.low.begin(), part.low.end());
    all.high.insert(all.high.end(), part.high.begin(), part.high.end());
  }
  return all;
}

template ClippedEnds clipped_ends(std::span<const float>);
template ClippedEnds clipped_ends(std::span<const double>);
template BlockSpectra block_spectra(std::span<const float>, int64_t, int64_t, const ClippedEnds&);
template BlockSpectra block_spectra(std::span<const double>, int64_t, int64_t, const ClippedEnds&);

}  // namespace primal
