// Opponent channels: luminance and two chroma channels of a picture in colour, for denoising.
//
//   l  =       (R + G + B) / 3
//   c1 = 1/2 + (R - B) / sqrt(6)
//   c2 = 1/2 + (R - 2 G + B) / sqrt(18)
// The rows are orthogonal and of length 1 / sqrt(3): white noise of deviation s in R, G and B is white noise
// of deviation s / sqrt(3) in each of the three, and the sum of the squared errors of R, G and B is 3 times
// theirs. R, G and B in [0,1] give channels in [0,1]; a grey picture is l itself, with c1 = c2 = 1/2. Most of
// a photograph's contrast is in l: the chroma can be smoothed far more than R, G and B.
//
// Shapes:  [3,1,1,H,W] f32 both ways.
// Errors:  ShapeError for other shapes and types.
// Source:  the "opp" space of CBM3D (K. Dabov, A. Foi, V. Katkovnik, K. Egiazarian, IEEE ICIP 2007), with all
//          rows scaled to one length.
#pragma once

#include <array>

#include "data/image/image.h"
#include "tensor/tensor.h"

namespace primal {

inline constexpr std::array kOpponentNames{"luminance", "chroma 1", "chroma 2"};
inline constexpr double kOpponentScale = 0.57735026918962576;  // 1 / sqrt(3), the length of a row

Tensor to_opponent(const Tensor& rgb);
Tensor from_opponent(const Tensor& channels);

// Channel 0, 1 or 2 of a picture in colour, rounded to 16-bit levels.
Image opponent_channel(const Image& rgb, int channel);

}  // namespace primal
