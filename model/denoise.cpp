#include "model/denoise.h"

#include <algorithm>

#include "data/noise_estimate/noise_estimate.h"
#include "data/preprocess/preprocess.h"
#include "model/noise_variances.h"
#include "model/tv_solution.h"
#include "nn/scale/scale.h"
#include "solvers/map_refinement/map_refinement.h"
#include "solvers/pdhg/pdhg.h"
#include "tensor/backend.h"
#include "tensor/device.h"
#include "tensor/device_memory.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kMemory = int64_t{512} << 20;

int64_t memory_of(Device device) {
  if (device.kind != Device::Kind::cuda) return kMemory;
  return (free_bytes(device) + static_cast<int64_t>(backend(device).stats().reserved_bytes)) / 2;
}

void check(const Tensor& z, const DenoisingOptions& options) {
  const Shape& shape = z.shape();
  if (shape.rank() != 5 || shape[0] != 1 || shape[1] != 1 || shape[2] != 1)
    throw ShapeError("[denoise] expects one picture [1,1,1,H,W], found {}", z.str());
  if (options.iterations < 0)
    throw ConfigError("[denoise] iterations must be at least 0, found {}", options.iterations);
}

Denoised solve(const Tensor& z, const Tensor& lambda, const PdhgParams& params, Boundary boundary,
               const DenoisingOptions& options) {
  return solve_tv(z, lambda, params, boundary,
                  {.iterations = options.iterations, .gap = options.gap, .watch = &options.watch});
}

Tensor map_there(const UnrolledTv& model, const Tensor& guide, const DenoisingOptions& options) {
  const int64_t tile = options.tile ? *options.tile : plan_map_in_memory(model, guide.shape()).tile;
  const auto watch_tiles = [&](int64_t done, int64_t total) {
    if (options.watch) options.watch("tile", done, total);
  };
  return tile > 0 ? model.map_in_tiles(guide, tile, watch_tiles) : model.map_of(guide).value();
}

struct FinalMap {
  Tensor lambda;
  bool is_refined = false;
};

// The variance of z's noise; undefined where it is not known.
Tensor variance_of(const Tensor& z, const NoiseOrigins& origins) {
  if (std::min(z.size(-2), z.size(-1)) < kMinRefinedSide) return {};
  return known_noise_variances(estimate_noise_model(z, origins), z, origins);
}

// The map that `propose` has for z, refined for its noise.
FinalMap refined(const Tensor& z, const ProposeMap& propose, const PdhgParams& params, Boundary boundary,
                 const DenoisingOptions& options) {
  const Tensor variance = options.variance.defined() ? options.variance : variance_of(z, options.origins);
  if (!variance.defined()) return {propose(z)};
  MapRefinementParams refinement{.boundary = boundary};
  const int64_t n_iter = refinement.pdhg.n_iter;
  refinement.pdhg = params;
  refinement.pdhg.n_iter = std::min(n_iter, params.n_iter);
  refinement.watch = [&](int64_t done, int64_t total) {
    if (options.watch) options.watch("trial", done, total);
  };
  return {refine_map(z, variance, propose, refinement).map, true};
}

PdhgParams params_of(const UnrolledTv& model) {
  const UnrolledTv::Steps steps = model.steps();
  PdhgParams params{.n_iter = model.options().n_iter,
                    .sigma = steps.sigma,
                    .tau = steps.tau,
                    .theta = steps.theta,
                    .axes = model.options().axes};
  params.p_start = model.options().start;
  return params;
}

FinalMap final_map_there(const UnrolledTv& model, const Tensor& guide, const DenoisingOptions& options) {
  const auto propose = [&](const Tensor& z) { return map_there(model, z, options); };
  if (!options.refine.value_or(model.options().refine)) return {propose(guide)};
  return refined(guide, propose, params_of(model), options.boundary.value_or(model.options().boundary),
                 options);
}

// z with a map, by the model's steps.
Denoised solve_there(const UnrolledTv& model, const FinalMap& map, const Tensor& z,
                     const DenoisingOptions& options) {
  Denoised result =
      solve(z, map.lambda, params_of(model), options.boundary.value_or(model.options().boundary), options);
  result.is_refined = map.is_refined;
  return result;
}

// z with the map of guide, which may be z itself, times a factor.
Denoised denoise_there(const UnrolledTv& model, const Tensor& guide, const Tensor& z, double factor,
                       const DenoisingOptions& options) {
  FinalMap map = final_map_there(model, guide, options);
  if (factor != 1.0) map.lambda = scale(map.lambda, factor).value();
  return solve_there(model, map, z, options);
}

Denoised on_cpu(Denoised result) {
  result.x = result.x.to(Device{});
  result.lambda = result.lambda.to(Device{});
  return result;
}

}  // namespace

Denoised denoise(const UnrolledTv& model, const Tensor& z, const DenoisingOptions& options) {
  check(z, options);
  const NoGrad no_grad;
  const Tensor there = z.to(model.device());
  return on_cpu(denoise_there(model, there, there, 1.0, options));
}

Denoised denoise_with_map_of(const UnrolledTv& model, const Tensor& guide, const Tensor& z, double factor,
                             const DenoisingOptions& options) {
  check(guide, options);
  if (z.shape().rank() != 5 || z.shape().with(0, 1) != guide.shape())
    throw ShapeError("[denoise] expects pictures of the size of the guide {}, found {}", guide.str(),
                     z.str());
  const NoGrad no_grad;
  return on_cpu(denoise_there(model, guide.to(model.device()), z.to(model.device()), factor, options));
}

std::vector<Denoised> denoise_for_each(const UnrolledTv& model, const Tensor& z,
                                       const std::vector<int64_t>& iterations,
                                       const DenoisingOptions& options) {
  check(z, options);
  const NoGrad no_grad;
  const Tensor there = z.to(model.device());
  const FinalMap map = final_map_there(model, there, options);
  std::vector<Denoised> results;
  for (const int64_t n : iterations) {
    DenoisingOptions one = options;
    one.iterations = n;
    results.push_back(on_cpu(solve_there(model, map, there, one)));
  }
  return results;
}

Denoised denoise(double lambda, const Tensor& z, const DenoisingOptions& options) {
  check(z, options);
  if (!(lambda >= 0.0)) throw ConfigError("[denoise] lambda must be at least 0, found {}", lambda);
  const NoGrad no_grad;
  const Boundary boundary = options.boundary.value_or(Boundary::symmetric);
  FinalMap map{Tensor::full({}, lambda, z.dtype(), z.device())};
  if (options.refine.value_or(false)) {
    const auto propose = [&](const Tensor& at) {
      return Tensor::full(at.shape(), lambda, at.dtype(), at.device());
    };
    map = refined(z, propose, {}, boundary, options);
  }
  Denoised result = solve(z, map.lambda, {}, boundary, options);
  result.is_refined = map.is_refined;
  return on_cpu(result);
}

DenoisedPicture denoise(const UnrolledTv& model, const Image& noisy, const DenoisingOptions& options) {
  const Denoised result = denoise(model, to_tensor(to_grey(noisy)), options);
  return {to_image(result.x, noisy.bit_depth), result.lambda};
}

MapPlan plan_map_in_memory(const UnrolledTv& model, const Shape& z) {
  return plan_map_within(model, z, memory_of(model.device()));
}

}  // namespace primal
