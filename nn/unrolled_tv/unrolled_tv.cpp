#include "nn/unrolled_tv/unrolled_tv.h"

#include <optional>

#include "nn/learnt_steps/learnt_steps.h"
#include "nn/pad3d/pad3d.h"
#include "nn/unrolled_tv/map_plan.h"
#include "nn/unrolled_tv/picture_tiles.h"
#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/memory_pool.h"
#include "tensor/range.h"

namespace primal {
namespace {

// What a learnt step starts from, before its sigmoid: sigmoid(10) = 0.99995.
Tensor raw_start(const Initialiser& init) { return Tensor::full({}, 10.0, init.dtype(), init.device()); }

void check_rank(const Variable& z) {
  if (z.shape().rank() != 5) throw ShapeError("[unrolled_tv] expects [N,1,D,H,W], found {}", z.value().str());
}

}  // namespace

UnrolledTv::UnrolledTv(const UnrolledTvOptions& options, Initialiser& init)
    : options_(options), cnn_(options.unet, init) {
  if (options.map_channel.size() != 1 &&
      options.map_channel.size() != static_cast<size_t>(options.axes.count())) {
    throw ConfigError("[unrolled_tv] {} maps for {} axes: one for all, or one each",
                      options.map_channel.size(), static_cast<size_t>(options.axes.count()));
  }
  if (options.n_iter < 0) throw ConfigError("[unrolled_tv] n_iter {} is below zero", options.n_iter);
  register_module("cnn", cnn_);
  if (options.learn_steps) {
    sigma_ = register_parameter("pdhg.sigma", raw_start(init));
    tau_ = register_parameter("pdhg.tau", raw_start(init));
    theta_ = register_parameter("pdhg.theta", raw_start(init));
  }
}

double UnrolledTv::norm_bound() const {
  return options_.norm_bound > 0.0 ? options_.norm_bound : pdhg_norm(options_.axes);
}

UnrolledTv::Steps UnrolledTv::steps() const {
  const double step = 1.0 / norm_bound();
  if (!options_.learn_steps) return {step, step, 1.0};
  const NoGrad no_grad;
  // To the bit what solve() takes.
  const std::vector<double> values = learnt_steps(sigma_, tau_, theta_, step).value().to_doubles();
  return {values[0], values[1], values[2]};
}

Variable UnrolledTv::map_of(const Variable& z) const {
  check_rank(z);
  const PicturePadding padding(z.shape(), multiple());
  if (!padding.any) return lambda_map(cnn_.forward(z), map_params());
  return lambda_map(crop3d(cnn_.forward(pad3d(z, padding.pad)), padding.crop), map_params());
}

Variable UnrolledTv::map_of_part(const Variable& padded, const CellBox& part) const {
  return lambda_map(cnn_.forward(padded, part), map_params());
}

Tensor UnrolledTv::map_in_tiles(const Tensor& z, int64_t tile,
                                const std::function<void(int64_t, int64_t)>& watch) const {
  const NoGrad no_grad;
  check_rank(z);
  const PicturePadding padding(z.shape(), multiple());
  const Variable padded = padding.any ? pad3d(z, padding.pad) : Variable(z);
  const Tensor map =
      Tensor::zeros(z.shape().with(1, std::ssize(options_.map_channel)), z.dtype(), z.device());
  // Tiles at the border take blocks of other sizes than those inside, and the solver others again. Twice the
  // plan: a block may serve for half its size, and where that suffices the system is asked only once.
  const auto planned = static_cast<size_t>(plan_map(*this, z.shape(), tile).bytes);
  MemoryPool* const pool = backend(z.device()).pool();
  std::optional<PoolLimit> limit;
  if (pool != nullptr) limit.emplace(*pool, pool->stats().live_bytes + 2 * planned);
  const std::vector<CellBox> tiles = tiles_of(padding.picture, multiple(), tile);
  int64_t n_done = 0;
  for (const CellBox& box : tiles) {
    const Variable part = map_of_part(padded, box);
    std::array<int64_t, 3> begin;
    for (size_t a = 0; a < 3; ++a) begin[a] = box[a].begin - padding.picture[a].begin;
    add_part3d(part.value(), begin, map);
    if (watch) watch(++n_done, std::ssize(tiles));
  }
  if (pool != nullptr) pool->release_cached();
  return map;
}

Variable UnrolledTv::solve(const Variable& z, const Variable& lambda) const {
  const double step = 1.0 / norm_bound();
  PdhgParams params{
      .n_iter = options_.n_iter, .sigma = step, .tau = step, .theta = 1.0, .axes = options_.axes};
  params.p_start = options_.start;
  const Variable weighted = weights(lambda, z.shape());
  if (!options_.learn_steps) return pdhg(z, weighted, params);
  return pdhg(z, weighted, learnt_steps(sigma_, tau_, theta_, step), params);
}

UnrolledTv::Result UnrolledTv::forward(const Variable& z, int64_t tile) const {
  const Range range("unrolled_tv");
  const Variable lambda = tile > 0 ? Variable(map_in_tiles(z.value(), tile)) : map_of(z);
  return {lambda, solve(z, lambda)};
}

}  // namespace primal
