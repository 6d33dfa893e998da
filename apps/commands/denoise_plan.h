// Which pictures `primal denoise` works on, and where their results go.
#pragma once

#include <vector>

#include "apps/commands/denoise_options.h"
#include "apps/pictures/denoising_job.h"

namespace primal {

struct DenoisingPlan {
  std::vector<DenoisingJob> jobs;
  size_t n_skipped = 0;  // pictures of this part whose results exist (--skip-existing)
};

// A job for each picture of this part (--shard) whose results are still missing. Creates the folders of the
// results. Errors: those of ResultPlace and find_clean_inputs.
DenoisingPlan plan_denoising(const DenoiseOptions& o, const std::vector<PictureInput>& inputs);

}  // namespace primal
