// What turns a noisy picture z into x: a trained model, or one lambda for all pixels.
//
//   x = PDHG(z, Lambda),  Lambda = the model's map of z, or the number      (solvers/pdhg, nn/unrolled_tv)
//
// Either may be refined: corrected in each neighbourhood by an estimate of the error
// (solvers/map_refinement), for which the variance of the noise is given or estimated from z
// (noise_variances.h). The map is kept as it is if the picture has no noise or is too small for the estimate,
// or if the estimate is not reliable.
//
// Shapes:  z [1,1,1,H,W] -> x [1,1,1,H,W], lambda [1,n_maps,1,H,W] or [].
// Devices: computes where the model lives (for a number: where z lives); results are on the CPU.
// Errors:  ShapeError for other shapes and types, ConfigError for a negative lambda, tile or number of
//          iterations; with refinement, those of refine_map() and estimate_noise_model().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "data/image/image.h"
#include "data/noise_estimate/noise_estimate.h"
#include "nn/unrolled_tv/map_plan.h"
#include "nn/unrolled_tv/unrolled_tv.h"
#include "solvers/boundary/boundary.h"

namespace primal {

struct DenoisingOptions {
  // The iterations of PDHG. 0: as many as the model was trained with, 256 with a number as lambda, at most
  // 10000 where a gap is given.
  int64_t iterations = 0;
  double gap = 0.0;  // > 0: iterate until (P - D) <= gap * P instead
  // The network's work in tiles of at most so many pixels a side, 0: as a whole. Left out: see
  // plan_map_in_memory.
  std::optional<int64_t> tile = {};
  // What lies beyond the edge of the picture (solvers/boundary): as the model was trained,
  // symmetric with a number.
  std::optional<Boundary> boundary = {};
  // Whether the map is refined. Left out: as the model's options say; with a number as lambda, it is not.
  std::optional<bool> refine = {};
  Tensor variance = {};       // of the noise at each pixel, [H,W] f32, for that; left out: estimated from z
  NoiseOrigins origins = {};  // the pictures that z was made of, for that estimate
  // Called for what may take longer than a moment: "tile", "trial" or "iteration", how many are done, and of
  // how many (0: not known).
  std::function<void(const char* unit, int64_t done, int64_t total)> watch = {};
};
using Watch = decltype(DenoisingOptions::watch);

struct Denoised {
  Tensor lambda;
  Tensor x;
  int64_t iterations = 0;
  double relative_gap = 0.0;  // (P - D) / P at x; above 1 where P - D is the larger
  bool is_refined = false;    // whether lambda was refined

  bool has_map() const { return lambda.shape().rank() == 5; }
};

Denoised denoise(const UnrolledTv& model, const Tensor& z, const DenoisingOptions& options = {});
Denoised denoise(double lambda, const Tensor& z, const DenoisingOptions& options = {});

// The same for each of these numbers of iterations, in place of options.iterations; the map is made once.
std::vector<Denoised> denoise_for_each(const UnrolledTv& model, const Tensor& z,
                                       const std::vector<int64_t>& iterations,
                                       const DenoisingOptions& options = {});

// N pictures z [N,1,1,H,W] of one size as one batch with one map, that of `guide` [1,1,1,H,W]: the channels
// of a picture in colour with the map of its luminance, refined for the noise of the luminance. The map is
// multiplied by `factor`: where z has more noise than the guide, the weights have to grow like the noise. The
// relative gap is the largest among the N pictures.
Denoised denoise_with_map_of(const UnrolledTv& model, const Tensor& guide, const Tensor& z,
                             double factor = 1.0, const DenoisingOptions& options = {});

// The same for a picture as it comes from a file: a picture in colour becomes grey, the result
// has its size and bit depth.
struct DenoisedPicture {
  Image picture;
  Tensor lambda;
};
DenoisedPicture denoise(const UnrolledTv& model, const Image& noisy, const DenoisingOptions& options = {});

// How the network works on z where nobody says otherwise: as a whole where it takes at most 512 MiB (on a
// CUDA device half of the memory that is free), else in as few tiles as keep to that.
MapPlan plan_map_in_memory(const UnrolledTv& model, const Shape& z);

}  // namespace primal
