// The local noise of noise_estimate.h from blocks.
#pragma once

#include "data/noise_estimate/block_spectra.h"

namespace primal {

// [ceil(H / kNoiseCell), ceil(W / kNoiseCell)] f32.
Tensor local_noise_of(const BlockSpectra& spectra, int64_t height, int64_t width);

}  // namespace primal
