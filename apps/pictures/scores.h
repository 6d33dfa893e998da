// Scores of a picture against its clean one: on the unclipped result, data range 1, SSIM with scikit-image's default window.
#pragma once

#include <algorithm>
#include <string>

#include "data/metrics/metrics.h"
#include "tensor/error.h"

namespace primal {

struct Scores {
  double psnr = 0.0;  // dB
  double ssim = 0.0;
};

inline Scores scores_of(const Tensor& x, const Tensor& clean) { return {psnr(x, clean), ssim(x, clean)}; }

// DataError for a picture that is smaller than the window of SSIM.
inline void check_scorable(int64_t width, int64_t height, const std::string& name) {
  const int64_t window = SsimParams{}.size;
  if (std::min(width, height) < window) {
    throw DataError("[scores] {} has {} x {} pixels, SSIM needs {} x {} at least", name, width, height,
                    window, window);
  }
}

}  // namespace primal
