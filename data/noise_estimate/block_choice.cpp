// How many blocks to believe: from those with the least texture to all of them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <hwy/cache_control.h>
#include <limits>

#include "data/noise_estimate/block_spectra.h"

namespace primal {
namespace {

// Chosen on set12 and radiographs with noise from 0.02 to 0.5 of their deviation: a wider reach lets more
// texture in (2: half as much again of the error at 0.1), fewer first blocks make the start uncertain.
constexpr double kReach = 1.0;  // standard errors
constexpr double kFirstShare = 0.005;
constexpr int64_t kFirstBlocks = 200;
constexpr double kGrowth = 1.5;

// Blocks that overlap see the same noise: the high frequencies of one at every pixel are worth one for each
// 16 pixels.
constexpr double kPixelsOfAnIndependentBlock = 16.0;
constexpr double kMedianEfficiency = 2.0 / 3.141592653589793;

double median_of(std::array<double, kNHigh> values) {
  std::ranges::nth_element(values, values.begin() + kNHigh / 2);
  return values[kNHigh / 2];
}

// The numbers of blocks to try: each kGrowth times the last, up to all.
std::vector<int64_t> counts_to_try(int64_t n_blocks) {
  const auto share = static_cast<int64_t>(kFirstShare * static_cast<double>(n_blocks));
  std::vector<int64_t> counts{std::min(n_blocks, std::max(kFirstBlocks, share))};
  while (counts.back() < n_blocks)
    counts.push_back(
        std::min(n_blocks, static_cast<int64_t>(std::ceil(static_cast<double>(counts.back()) * kGrowth))));
  return counts;
}

// Puts the blocks in such an order that the first m of them are those with the least texture, for each m of
// `counts`. Where L is equal, the block with the lower number counts as less. L is not negative, so its bits
// are in the order of its values: a whole number that has them before the block's own is compared without
// looking L up. Each count is a fraction of the next, so that all of them take about as long as one selection
// among three times the blocks.
void order_by_texture(const BlockSpectra& spectra, const std::vector<int64_t>& counts,
                      std::vector<int64_t>& blocks) {
  std::vector<uint64_t> keys(blocks.size());
  std::ranges::transform(blocks, keys.begin(), [&](int64_t block) {
    const uint64_t low = std::bit_cast<uint32_t>(spectra.low[static_cast<size_t>(block)]);
    return low << 32 | static_cast<uint64_t>(block);
  });
  for (size_t i = counts.size() - 1; i > 0; --i)
    std::nth_element(keys.begin(), keys.begin() + counts[i - 1], keys.begin() + counts[i]);
  std::ranges::transform(keys, blocks.begin(),
                         [](uint64_t key) { return static_cast<int64_t>(key & 0xffffffffU); });
}

}  // namespace

BlockNoise noise_of(const BlockSpectra& spectra, std::vector<int64_t> blocks) {
  if (blocks.empty()) return {};
  const std::vector<int64_t> counts = counts_to_try(std::ssize(blocks));
  order_by_texture(spectra, counts, blocks);
  const auto n_step = static_cast<double>(spectra.step * spectra.step);
  constexpr int64_t kAhead = 16;
  const float* const all_squares = spectra.high.data<float>();
  std::array<double, kNHigh> sums{};
  BlockNoise best;
  double low = 0.0, high = std::numeric_limits<double>::infinity();
  int64_t m = 0;
  for (const int64_t count : counts) {
    for (; m < count; ++m) {
      // The blocks lie all over the memory: ask for those that come next.
      const int64_t next = blocks[static_cast<size_t>(std::min(m + kAhead, count - 1))];
      hwy::Prefetch(all_squares + next * kNHigh);
      hwy::Prefetch(all_squares + next * kNHigh + kNHigh - 1);
      const float* squares = all_squares + blocks[static_cast<size_t>(m)] * kNHigh;
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
  }
  return best;
}

std::vector<int64_t> unclipped_blocks(const BlockSpectra& spectra, const std::vector<ClippedEnds>& ends,
                                      double sigma) {
  constexpr double kAway = 3.0;
  std::vector<int64_t> blocks;
  for (int64_t k = 0; k < spectra.size(); ++k) {
    bool is_away = true;
    for (size_t o = 0; o < ends.size(); ++o) {
      const auto mean = static_cast<double>(spectra.origins[o][static_cast<size_t>(k)]);
      is_away = is_away && mean - ends[o].low >= kAway * sigma && ends[o].high - mean >= kAway * sigma;
    }
    if (is_away) blocks.push_back(k);
  }
  return blocks;
}

}  // namespace primal
