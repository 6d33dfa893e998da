// The variance of the noise at each pixel of a picture, as the refinement of a map needs it
// (solvers/map_refinement).
//
//   m     the local mean of the intensity (radius 2, solvers/map_refinement/local_mean.h)
//   l_i   NoiseModel::variance_at(m_i): the line a + b m_i, or sigma^2 where the line does not rise
//   u_i   the local noise of i's cell if it is more than twice l_i; else 1.1 l_i
//   v     a local mean of u (radius 4)
//
// Counted light has more noise where it is brighter, and some noise depends on the place (vignetting,
// stitched pictures, bars). If one deviation were used for all pixels, the stronger noise would be
// taken for texture and left in. The line corrects for the first, and the local noise for the second
// where it is more than twice what the line says. A variance that is too small does more harm than one
// that is too large: hence 1.1.
//
// Shapes:  intensity [K,...,H,W], f32 or f64: z itself, or the pictures that z was made of
//          (NoiseOrigins), which are averaged -> [H,W] f32, on the CPU. The local noise must be that
//          of a picture of this size.
#pragma once

#include "data/noise_estimate/noise_estimate.h"
#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kMinRefinedSide =
    64;  // a smaller picture has too few blocks for its noise to be known so well

Tensor noise_variances(const NoiseModel& noise, const Tensor& intensity);

// The above for z, where its noise is known well enough to refine a map for it; undefined where it is
// not, or a side is too small.
Tensor known_noise_variances(const NoiseModel& noise, const Tensor& z, const NoiseOrigins& origins = {});

// The same deviation everywhere in z.
Tensor noise_variances(double sigma, const Tensor& z);

}  // namespace primal
