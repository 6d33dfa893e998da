// The golden op `grid_search`: PSNR and SSIM of scalar TV at each lambda. It joins a solver with metrics,
// which do not know each other, so its description lives here.
#pragma once

#include "tensor/op/op.h"

namespace primal {

// Inputs clean, noisy [1,1,1,H,W], lambdas [n]; attrs T, p0, sigma, tau, theta; outputs psnr, ssim [n].
// Allowed: 0.005 dB and 5e-4 at each lambda.
OpInfo grid_search_info();

}  // namespace primal
