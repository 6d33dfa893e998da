// The spectra of the overlapping 8 x 8 blocks of a picture, as the estimates of noise need them;
// equations in noise_estimate.h.
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

// A picture in which clipped noise can be recognised: the one whose noise is estimated, or one that it
// was made of (NoiseOrigins).
template <class T>
struct BlockOrigin {
  std::span<const T> picture;
  ClippedEnds ends;
};

struct BlockSpectra {
  int64_t step = 1;                              // pixels between blocks, in both directions
  int64_t n_rows = 0, n_columns = 0;             // of the places where blocks may lie
  std::vector<int64_t> place = {};               // of each block: row n_columns + column
  std::vector<std::vector<float>> origins = {};  // mean of each block's pixels, in each origin
  std::vector<float>
      mean = {},
      low =
          {};  // of each block: the mean over the origins of its means; L, the mean square of its low frequencies
  Tensor high = {};  // [blocks, kNHigh] f32, squares of its high frequencies

  int64_t size() const { return std::ssize(mean); }
};

// The spectra of the blocks without a pixel that is clipped in an origin. The step is so large that there are
// about kMaxBlocks at most.
inline constexpr int64_t kMaxBlocks = 400'000;
template <class T>
BlockSpectra block_spectra(std::span<const T> picture, int64_t height, int64_t width,
                           const std::vector<BlockOrigin<T>>& origins);

// The blocks whose mean in each origin is at least 3 sigma from an end at which that is clipped; sigma is
// the noise of the origins.
std::vector<int64_t> unclipped_blocks(const BlockSpectra& spectra, const std::vector<ClippedEnds>& ends,
                                      double sigma);

// sigma and its standard error from these blocks, given by their numbers; 0 from none.
struct BlockNoise {
  double sigma = 0.0, standard_error = 0.0;
  int64_t n_blocks = 0;
};
BlockNoise noise_of(const BlockSpectra& spectra, std::vector<int64_t> blocks);

}  // namespace primal
