#include "data/noise_estimate/local_noise.h"

#include <algorithm>
#include <vector>

#include "data/noise_estimate/noise_estimate.h"
#include "tensor/exec.h"

namespace primal {
namespace {

constexpr int64_t kWindowReach = 32;  // pixels from the centre of a cell to the ends of its window
constexpr int64_t kSpacing = 2;       // between the blocks that are looked at, at least
// The lowest tenth of the mean of kNHigh, of kNLow squares of normal numbers of variance 1 (chi-squared).
constexpr double kDecileOfHigh = 0.63, kDecileOfLow = 0.73;
constexpr double kMostColour = 2.0;  // of low over high frequencies: 1 for white noise, far more for texture

float high_of(const BlockSpectra& spectra, int64_t block) {
  const float* squares = spectra.high.data<float>() + block * kNHigh;
  float sum = 0.0F;
  for (int64_t h = 0; h < kNHigh; ++h) sum += squares[h];
  return sum / static_cast<float>(kNHigh);
}

// The block at each place of the grid, -1 where there is none.
std::vector<int64_t> blocks_on_grid(const BlockSpectra& spectra) {
  std::vector<int64_t> blocks(static_cast<size_t>(spectra.n_rows * spectra.n_columns), -1);
  for (int64_t k = 0; k < spectra.size(); ++k)
    blocks[static_cast<size_t>(spectra.place[static_cast<size_t>(k)])] = k;
  return blocks;
}

// The lowest tenth of the values, whose order changes.
double decile_of(std::vector<float>& values) {
  const auto decile = values.begin() + std::ssize(values) / 10;
  std::ranges::nth_element(values, decile);
  return static_cast<double>(*decile);
}

// The places of the grid along an axis whose blocks have their middle in the window of a cell: [first, last].
struct Window {
  int64_t first, last;
};
Window window_of(int64_t cell, int64_t step, int64_t n_places) {
  const int64_t centre = cell * kNoiseCell + kNoiseCell / 2 - kBlockSide / 2;
  return {std::max<int64_t>((centre - kWindowReach + step - 1) / step, 0),
          std::min((centre + kWindowReach) / step, n_places - 1)};
}

}  // namespace

Tensor local_noise_of(const BlockSpectra& spectra, int64_t height, int64_t width) {
  const int64_t n_rows = (height + kNoiseCell - 1) / kNoiseCell,
                n_columns = (width + kNoiseCell - 1) / kNoiseCell;
  const Tensor variance = Tensor::zeros({n_rows, n_columns});
  const std::vector<int64_t> blocks = blocks_on_grid(spectra);
  const int64_t skip = std::max<int64_t>(kSpacing / spectra.step, 1);
  parallel_for(Exec{}, n_rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> high, low;
    for (int64_t i = begin; i < end; ++i) {
      const Window rows = window_of(i, spectra.step, spectra.n_rows);
      for (int64_t j = 0; j < n_columns; ++j) {
        const Window columns = window_of(j, spectra.step, spectra.n_columns);
        high.clear();
        low.clear();
        for (int64_t r = rows.first; r <= rows.last; r += skip) {
          for (int64_t c = columns.first; c <= columns.last; c += skip) {
            const int64_t block = blocks[static_cast<size_t>(r * spectra.n_columns + c)];
            if (block < 0) continue;
            high.push_back(high_of(spectra, block));
            low.push_back(spectra.low[static_cast<size_t>(block)]);
          }
        }
        if (std::ssize(high) < kFewBlocks) continue;
        const double noise = decile_of(high) / kDecileOfHigh;
        if (decile_of(low) / kDecileOfLow < kMostColour * noise)
          variance.data<float>()[i * n_columns + j] = static_cast<float>(noise);
      }
    }
  });
  return variance;
}

}  // namespace primal
