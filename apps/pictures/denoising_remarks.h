// What `primal denoise` says of the noise that it found in a picture, and of how far its result is from convergence.
#pragma once

#include <string>

#include "apps/pictures/denoiser.h"
#include "apps/pictures/denoising_job.h"
#include "apps/pictures/denoising_row.h"
#include "apps/pictures/remarks.h"

namespace primal {

// `name` is that of a picture, a page or a channel, as messages have it.
void remark_on_noise(const PictureDenoisingOptions& options, const Denoiser& denoiser,
                     const std::string& name, const DenoisingRow& row, Remarks& remarks);
void remark_on_convergence(const PictureDenoisingOptions& options, const std::string& name,
                           const Denoised& result, Remarks& remarks);

}  // namespace primal
