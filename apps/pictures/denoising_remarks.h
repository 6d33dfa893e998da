// What `primal denoise` reports about the noise that it found in a picture, and about how far its
// result is from convergence.
#pragma once

#include <string>

#include "apps/pictures/denoiser.h"
#include "apps/pictures/denoising_job.h"
#include "apps/pictures/denoising_row.h"
#include "apps/pictures/remarks.h"

namespace primal {

// `name`: the picture, page or channel, as messages name it.
void remark_on_noise(const PictureDenoisingOptions& options, const Denoiser& denoiser,
                     const std::string& name, const DenoisingRow& row, Remarks& remarks);
void remark_on_convergence(const PictureDenoisingOptions& options, const std::string& name,
                           const Denoised& result, Remarks& remarks);

}  // namespace primal
