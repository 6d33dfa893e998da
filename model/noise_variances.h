// The variance of the noise at each pixel of a picture, as the refinement of a map needs it (solvers/map_refinement).
//
//   v_i = NoiseModel::variance_at(m_i)      a + b m_i within the intensities that were seen; sigma^2 everywhere where the line does not rise
//   m     the local mean of the intensity (radius 2, solvers/map_refinement/local_mean.h)
//   v_i   the local noise of i's cell instead, where that is more than twice as large; else 1.1 of the above
//   v     a local mean of that (radius 4)
//
// Counted light has more noise where it is brighter. With one deviation for all pixels, the stronger noise would be taken for texture and
// left in, and so it would where the noise depends on the place (vignetting, stitched pictures, bars). The local noise prevents that. A variance that is too small does more harm than one that is too large: hence 1.1.
//
// Shapes:  intensity [K,...,H,W], f32 or f64: z itself, or what it was made of (NoiseOrigins), of which the mean counts -> [H,W] f32,
//          on the CPU. The local noise is that of a picture of this size.
#pragma once

#include "data/noise_estimate/noise_estimate.h"
#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kMinRefinedSide =
    64;  // a smaller picture has too few blocks for its noise to be known so well

Tensor noise_variances(const NoiseModel& noise, const Tensor& intensity);

// The above for z, where its noise is known well enough to refine a map for it; undefined where it is not, or a side is too small.
Tensor known_noise_variances(const NoiseModel& noise, const Tensor& z, const NoiseOrigins& origins = {});

// The same deviation everywhere in z.
Tensor noise_variances(double sigma, const Tensor& z);

}  // namespace primal
