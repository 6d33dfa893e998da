// The spectra of the overlapping 8 x 8 blocks of a picture, as the estimates of noise need them; equations in noise_estimate.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kBlockSide = 8;
inline constexpr int64_t kFirstHigh = 9;  // i + j of the first high frequencies
inline constexpr int64_t kNHigh = 21;     // coefficients with i + j >= 9
inline constexpr int64_t kNLow = 42;      // coefficients with 0 < i + j < 9
inline constexpr int64_t kFewBlocks = 64;

// The ends at which a picture's values are cut off; infinite where they are not.
struct ClippedEnds {
  double low, high;
  double share = 0.0;  // of the pixels that lie there
};
// T is float or double.
template <class T>
ClippedEnds clipped_ends(std::span<const T> picture);

struct BlockSpectra {
  int64_t step = 1;  // pixels between blocks, in both directions
  std::vector<float> mean,
      low;      // of each block: mean of its pixels; L, the mean square of its low frequencies
  Tensor high;  // [blocks, kNHigh] f32, squares of its high frequencies

  int64_t size() const { return std::ssize(mean); }
};

// Of the blocks without a clipped pixel; with steps so large that there are about kMaxBlocks at most.
inline constexpr int64_t kMaxBlocks = 400'000;
template <class T>
BlockSpectra block_spectra(std::span<const T> picture, int64_t height, int64_t width,
                           const ClippedEnds& ends);

// The blocks whose mean is at least 3 sigma from a clipped end.
std::vector<int64_t> unclipped_blocks(const BlockSpectra& spectra, const ClippedEnds& ends, double sigma);

// sigma and its standard error from these blocks, given by their numbers; 0 from none.
struct BlockNoise {
  double sigma = 0.0, standard_error = 0.0;
  int64_t n_blocks = 0;
};
BlockNoise noise_of(const BlockSpectra& spectra, std::vector<int64_t> blocks);

}  // namespace primal
