// The deviation of the noise in one picture, found without a clean one.
//
//   model    z = x + sigma n, n normal with mean 0 and deviation 1, independent from pixel to pixel
//   blocks   c_k(i, j) = coefficient (i, j) of the orthonormal DCT of the k-th block of 8 x 8
//            pixels; blocks overlap. Each coefficient of the noise has variance sigma^2, and those
//            of one block are independent.
//   texture  L_k = mean of c_k(i, j)^2 over 0 < i + j < 9: noise, and whatever x has there
//   curve    s(m)^2 = median over i + j >= 9 of the mean of c_k(i, j)^2 over the m blocks whose L_k is least
//   sigma    s(m) at the largest m for which s(1st m), ..., s(m) agree within their standard errors
// What chooses the blocks (low frequencies) is independent of what is measured in them (high frequencies), so
// that a choice of few blocks does not make the noise seem less than it is, as a threshold on gradients does.
// Little noise needs the few blocks with the least texture; much noise hides the texture, and more blocks
// make the estimate more certain: that is what the last line weighs (intersection of confidence intervals).
//
// The noise that a picture has of its own (grain, rounding to grey levels) counts as noise. Noise that JPEG
// or a resize has smoothed is underestimated, as is all noise that is not white, since little of it is in the
// high frequencies. Texture as fine as a pixel everywhere is taken for noise.
// Clipped: where the least or the greatest value is exactly 0 or 1 and occurs more than once, noise there
// may have been cut off. Blocks with such a pixel in them are left out, and so are those whose mean is
// closer to that end than 3 sigma.
//
// Shapes:  z [..., H, W], f32 or f64, on any device: an estimate for each picture (channel) of the leading
//          axes. H, W at least kMinNoiseSide.
// Errors:  ShapeError for smaller pictures and other types; NumericError for a value that is not finite, with
//          its place.
// Same bits for any number of threads.
//
// line     sigma^2 = a + b x, as the noise of counted light has it (b x: shot noise, a: the camera's): the
//          variance of the blocks above in classes of equal number by their mean, and a line through them by
//          iteratively reweighted least squares. Texture adds to the variance of a class and takes nothing
//          away, so that classes far above the line lose their weight (Cauchy's weights; Huber's below).
// Source:  N. Ponomarenko et al., "An automatic approach to lossy compression of AVIRIS images", IGARSS 2007;
//          M. Colom, A. Buades, "Analysis and extension of the Ponomarenko et al. method, estimating a noise
//          curve from a single image", IPOL 3 (2013); V. Katkovnik, "A new method for varying adaptive
//          bandwidth selection", IEEE TSP 47 (1999); A. Foi et al., "Practical Poissonian-Gaussian noise
//          modeling and fitting for single-image raw-data", IEEE TIP 17 (2008).
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace primal {

inline constexpr int64_t kMinNoiseSide = 16;
// A smaller sigma comes from the rounding of the arithmetic: a picture in [0,1] has 24 bits.
inline constexpr double kResolvedNoise = 1.0 / (1 << 24);

struct NoiseEstimate {
  double sigma = 0.0;           // in the unit of the picture; 0 for a picture that is the same everywhere
  double standard_error = 0.0;  // of sigma, by the number of blocks alone
  int64_t n_blocks = 0;         // that the estimate is from
  double clipped = 0.0;  // share of the pixels at an end of the range; with origins, the largest of theirs
  // False where hardly any block is left, since nearly all is clipped or too close to it: then sigma is
  // a guess, on the low side.
  bool is_reliable = true;
};

std::vector<NoiseEstimate> estimate_noise_per_channel(const Tensor& z);

// The pictures that a channel was made of, as an opponent channel is of R, G and B. Where one of
// them is clipped, its noise is cut off, and the channel alone does not show where. So a block
// of it is used only if it is free of clipping in all of these pictures, and the line below is
// over the mean of their intensities. Where hardly any block is free of clipping in all of them,
// sigma follows from separate estimates for each of the pictures, as if their noises were
// independent.
struct NoiseOrigins {
  Tensor pictures = {};  // [K, ..., H, W] of z's type, or undefined: z itself
  double scale = 1.0;    // the noise of z as a multiple of theirs, if theirs are independent
};
// The noise of one picture: z has H W elements.
NoiseEstimate estimate_noise(const Tensor& z, const NoiseOrigins& origins = {});

// The line; of one picture. b = 0 where the means of the blocks do not differ.
struct NoiseLine {
  double a = 0.0, b = 0.0;
  struct Class {
    double mean, variance, standard_error;  // of the variance
  };
  std::vector<Class> classes;  // that the line was fitted to, by rising mean

  double variance_at(double intensity) const { return a + b * intensity; }
};
NoiseLine estimate_noise_line(const Tensor& z);

// The estimate, the line, and the noise of each place, from the same blocks.
//
// local    for each cell of kNoiseCell x kNoiseCell pixels, from the blocks whose middle is within 32 pixels
//          of the cell's middle along each axis: the first decile of the mean squares of the high
//          frequencies, divided by its value for noise of variance 1. The decile keeps most texture out. A
//          value far above the line means that the noise is stronger there than elsewhere. The value is 0 if
//          fewer than 64 of the blocks are free of clipping, or if the first decile of L, divided in the same
//          way, is more than twice as large: that is a sign of texture, since white noise gives equal values.
inline constexpr int64_t kNoiseCell = 16;
struct NoiseModel {
  static constexpr double kLeastShare = 0.1;

  NoiseEstimate estimate = {};
  NoiseLine line = {};
  Tensor local = {};  // [ceil(H / kNoiseCell), ceil(W / kNoiseCell)] f32, variances

  // The variance by the line, at least kLeastShare of sigma^2; outside of the classes it keeps its value at
  // the nearest class. If the line does not rise, sigma^2 is used everywhere: the noise of counted light
  // grows with the light, and a line that falls is mostly due to texture in dark areas.
  double variance_at(double intensity) const;
  // Whether there is noise, and enough blocks to tell how much.
  bool is_known() const;
};
NoiseModel estimate_noise_model(const Tensor& z, const NoiseOrigins& origins = {});

// Deviation of the clean picture from that of the noisy one: sqrt(max(noisy^2 - sigma^2, 0)).
double clean_deviation(double noisy_deviation, double sigma);

}  // namespace primal
