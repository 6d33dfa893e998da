// Which pictures `primal denoise` works on, and where their results go.
#pragma once

#include <vector>

#include "apps/commands/denoise_options.h"
#include "apps/pictures/denoising_job.h"

namespace primal {

// A job for each picture that has something left to be done. Makes the folders of the results. Errors: those of ResultPlace and
// find_clean_inputs.
std::vector<DenoisingJob> plan_denoising(const DenoiseOptions& o, const std::vector<PictureInput>& inputs);

}  // namespace primal
