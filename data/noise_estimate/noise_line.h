// The line of noise_estimate.h from blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "data/noise_estimate/block_spectra.h"
#include "data/noise_estimate/noise_estimate.h"

namespace primal {

NoiseLine noise_line_of(const BlockSpectra& spectra, std::vector<int64_t> blocks);

}  // namespace primal
