// Pictures in colour: their three channels are denoised, and stay three channels.
//
//   channels   each channel is a picture of its own, with a map (or a chosen lambda) of its own
//   opponent   the same for the luminance and the two chroma channels of data/preprocess/opponent.h, which
//              are then converted back to red, green and blue; --sigma, and a number as --lambda, are for R,
//              G and B, and are multiplied by 1 / sqrt(3) for these channels
//   joint      one map (or chosen lambda) from the luminance, times the ratio of the mean noise of the
//              channels to that of the luminance (at least 1 and at most 2); the three channels are
//              solved with it as one batch
//   luminance  the luminance is denoised, and what it changes is added to each channel:
//              x_c = z_c + (y' - y); noise that only the colours have stays
//   grey       the picture becomes grey, as it was before
//
// In the modes joint and luminance, the luminance is that of ITU-R 601-2,
// y = (19595 R + 38470 G + 7471 B) / 65536, of the values as a file stores them: the transfer function of
// sRGB is left alone here as in the rest of the program, so the noise counts as it shows on a screen.
//
// Scores of a picture in colour are those of scikit-image with channel_axis: PSNR over all values of the
// three channels together, SSIM as the mean of the three.
// Errors:  ConfigError for another name.
// Source:  Recommendation ITU-R BT.601-7; scikit-image 0.19, skimage.metrics.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "apps/pictures/picture_noise.h"
#include "apps/scores/scores.h"
#include "tensor/tensor.h"

namespace primal {

enum class ColourMode { channels, opponent, joint, luminance, grey };
ColourMode parse_colour_mode(const std::string& name);
inline constexpr const char* kColourModes[] = {"channels", "opponent", "joint", "luminance", "grey"};
inline constexpr std::array kChannelNames{"red", "green", "blue"};

// [3,1,1,H,W] -> [1,1,1,H,W]; independent white noise of the same deviation in R, G and B has kLuminanceScale
// times that deviation there.
inline constexpr double kLuminanceScale = 0.66855;  // sqrt(0.299^2 + 0.587^2 + 0.114^2)
Tensor luminance(const Tensor& rgb);

// What y -> denoised_y changes, added to every channel of rgb.
Tensor with_luminance(const Tensor& rgb, const Tensor& y, const Tensor& denoised_y);

// [N,1,1,H,W], N = 1 or 3.
Scores scores_of_channels(const Tensor& x, const Tensor& clean);

}  // namespace primal
