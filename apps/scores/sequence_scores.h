// Scores of a sequence against its clean one: the means of PSNR and SSIM over the frames.
#pragma once

#include <vector>

#include "apps/scores/scores.h"
#include "tensor/tensor.h"

namespace primal {

// Of each frame; x and clean [1,1,H,W,T] on the CPU.
std::vector<Scores> scores_of_frames(const Tensor& x, const Tensor& clean);
// Their means; a PSNR that is infinite, of a frame that is the clean one, is left out.
Scores mean_over_frames(const Tensor& x, const Tensor& clean);

}  // namespace primal
