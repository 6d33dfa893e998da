// How many blocks to believe: from those with the least texture to all of them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "data/noise_estimate/block_spectra.h"

namespace primal {
namespace {

// Chosen on set12 and radiographs with noise from 0.02 to 0.5 of their deviation: a wider reach lets more texture in (2: half as much
// again of the error at 0.1), fewer first blocks make the start uncertain.
constexpr double kReach = 1.0;  // standard errors
constexpr double kFirstShare = 0.005;
constexpr int64_t kFirstBlocks = 200;
constexpr double kGrowth = 1.5;

// Blocks that overlap see the same noise: the high frequencies of one at every pixel are worth one for each 16 pixels.
constexpr double kPixelsOfAnIndependentBlock = 16.0;
constexpr double kMedianEfficiency = 2.0 / 3.141592653589793;

double median_of(std::array<double, kNHigh> values) {
  std::ranges::nth_element(values, values.begin() + kNHigh / 2);
  return values[kNHigh / 2];
}

// By L, and where that is equal by their numbers. L is not negative, so its bits are in the order of its values: a whole number that has
// them before the block's own is sorted without looking L up for each comparison.
void sort_by_texture(const BlockSpectra& spectra, std::vector<int64_t>& blocks) {
  std::vector<uint64_t> keys(blocks.size());
  std::ranges::transform(blocks, keys.begin(), [&](int64_t block) {
    const uint64_t low = std::bit_cast<uint32_t>(spectra.low[static_cast<size_t>(block)]);
    return low << 32 | static_cast<uint64_t>(block);
  });
  std::ranges::sort(keys);
  std::ranges::transform(keys, blocks.begin(),
                         [](uint64_t key) { return static_cast<int64_t>(key & 0xffffffffU); });
}

}  // namespace

BlockNoise noise_of(const BlockSpectra& spectra, std::vector<int64_t> blocks) {
  sort_by_texture(spectra, blocks);
  const int64_t n_blocks = std::ssize(blocks);
  const auto n_step = static_cast<double>(spectra.step * spectra.step);
  const auto share = static_cast<int64_t>(kFirstShare * static_cast<double>(n_blocks));
  std::array<double, kNHigh> sums{};
  BlockNoise best;
  double low = 0.0, high = std::numeric_limits<double>::infinity();
  int64_t m = 0, next = std::min(n_blocks, std::max(kFirstBlocks, share));
  while (m < n_blocks) {
    for (; m < next; ++m) {
      const float* squares = spectra.high.data() + blocks[static_cast<size_t>(m)] * kNHigh;
      for (size_t h = 0; h < sums.size(); ++h) sums[h] += static_cast<double>(squares[h]);
    }
    const double sigma = std::sqrt(median_of(sums) / static_cast<double>(m));
    const double independent =
        std::max(1.0, static_cast<double>(m) * std::min(1.0, n_step / kPixelsOfAnIndependentBlock));
    const double error = sigma / std::sqrt(2.0 * independent * kNHigh * kMedianEfficiency);
    low = std::max(low, sigma - kReach * error);
    high = std::min(high, sigma + kReach * error);
    if (low > high) break;
    best = {sigma, error, m};
    next = std::min(n_blocks, static_cast<int64_t>(std::ceil(static_cast<double>(m) * kGrowth)));
  }
  return best;
}

std::vector<int64_t> unclipped_blocks(const BlockSpectra& spectra, const ClippedEnds& ends, double sigma) {
  constexpr double kAway = 3.0;
  std::vector<int64_t> blocks;
  for (int64_t k = 0; k < spectra.size(); ++k) {
    const auto mean = static_cast<double>(spectra.mean[static_cast<size_t>(k)]);
    if (mean - ends.low >= kAway * sigma && ends.high - mean >= kAway * sigma) blocks.push_back(k);
  }
  return blocks;
}

}  // namespace primal
