// Scores of a sequence against its clean one: the means of PSNR and SSIM over the frames.
#pragma once

#include <vector>

#include "apps/scores/scores.h"
#include "tensor/tensor.h"

namespace primal {

// The scores of each frame; x and clean [1,1,H,W,T] on the CPU.
std::vector<Scores> scores_of_frames(const Tensor& x, const Tensor& clean);
// Their means; an infinite PSNR, of a frame that is identical to the clean one, is left out, and where all
// frames are identical the mean is infinite.
Scores mean_over_frames(const Tensor& x, const Tensor& clean);

}  // namespace primal
