#include "model/sequence_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "model/checkpoint_format.h"
#include "model/tv_solution.h"
#include "tensor/error.h"
#include "tensor/rehearsal.h"

namespace primal {
namespace {

constexpr std::string_view kPrefix = "sequence.";

std::vector<int64_t> shape_in(const Safetensors& file, const std::string& name) {
  const auto found = file.entries().find(name);
  return found == file.entries().end() ? std::vector<int64_t>{} : found->second.shape;
}

std::string first_kernel(int64_t stage) {
  return fmt::format("cnn.encoder.enc_blocks.{}.conv_block.0.weight", stage);
}

// Filters and stages as the tensors have them; each level must be there in full, so that a model is
// never larger than its file.
SequenceSettings settings_of_tensors(const Safetensors& file, SequenceSettings settings) {
  const std::vector<int64_t> stem = shape_in(file, first_kernel(0));
  if (stem.size() < 2 || stem[0] < 1)
    throw DataError("[checkpoint] {}: expected a tensor {} of the published network, found {} tensors",
                    file.name(), first_kernel(0), file.entries().size());
  settings.filters = stem[0];
  settings.stages = 1;
  while (settings.stages < 8 && file.contains(first_kernel(settings.stages))) {
    const std::vector<int64_t> shape = shape_in(file, first_kernel(settings.stages));
    const int64_t in = settings.filters << (settings.stages - 1);
    if (shape.size() < 2 || shape[0] != 2 * in || shape[1] != in)
      throw DataError("[checkpoint] {}: {} does not follow {} filters in the first level", file.name(),
                      first_kernel(settings.stages), settings.filters);
    ++settings.stages;
  }
  return settings;
}

Denoised solve(const Tensor& z, const Tensor& lambda, const PdhgParams& params, Boundary boundary,
               const SequenceDenoisingOptions& options) {
  Denoised result = solve_tv(z, lambda, params, boundary,
                             {.iterations = options.iterations, .gap = options.gap, .watch = &options.watch});
  result.lambda = result.lambda.to(Device{});
  result.x = result.x.to(Device{});
  return result;
}

void check_call(const Tensor& z, const SequenceDenoisingOptions& options) {
  const Shape& shape = z.shape();
  if (shape.rank() != 5 || shape[0] != 1 || shape[1] != 1)
    throw ShapeError("[denoise] expects one sequence [1,1,H,W,T], found {}", z.str());
  if (options.iterations < 0)
    throw ConfigError("[denoise] iterations must be at least 0, found {}", options.iterations);
}

// One iteration needs the same memory as many.
template <class Solver>
int64_t rehearsed_bytes(const Solver& solver, const Shape& z, Device device,
                        SequenceDenoisingOptions options) {
  options.iterations = 1;
  options.watch = {};
  Rehearsal rehearsal;
  const Tensor frames = Tensor::empty(z, DType::f32, device);
  const size_t before = rehearsal.stats().live_bytes;
  denoise_sequence(solver, frames, options);
  return static_cast<int64_t>(rehearsal.stats().peak_bytes - before);
}

}  // namespace

DynamicTvOptions sequence_options(const SequenceSettings& s) {
  DynamicTvOptions o;
  o.unet.filters = s.filters;
  o.unet.stages = s.stages;
  o.up_bound = s.up_bound;
  o.n_iter = s.iterations;
  o.start = parse_start(s.start);
  o.pad_xy = s.pad_xy;
  o.pad_t = s.pad_t;
  o.boundary = parse_boundary(s.boundary);
  return o;
}

SequenceModel::SequenceModel(const SequenceSettings& settings, Initialiser& init)
    : settings_(settings), model_(std::make_unique<DynamicTv>(sequence_options(settings), init)) {}

void SequenceModel::check(const Shape& z, const std::string& what) const {
  const int64_t coarsest = int64_t{1} << (settings_.stages - 1);
  // A reflection needs one cell more than it adds; each pooling halves, and something must be left.
  const int64_t side = std::max(settings_.pad_xy + 1, coarsest - 2 * settings_.pad_xy);
  const int64_t frames = std::max({settings_.pad_t, coarsest - 2 * settings_.pad_t, int64_t{1}});
  if (std::min(z[2], z[3]) >= side && z[4] >= frames) return;
  throw DataError(
      "[sequence] {} has {} frames of {} x {} pixels, the model needs {} frames of {} x {} at least "
      "(sequence.pad_t {}, pad_xy {}, stages {})",
      what, z[4], z[3], z[2], frames, side, side, settings_.pad_t, settings_.pad_xy, settings_.stages);
}

bool has_sequence_model(const std::filesystem::path& path) {
  return architecture_in(Safetensors::read(path)) == kDynamicTv;
}

SequenceModel load_sequence_model(const std::filesystem::path& path, const SequenceSettings& otherwise,
                                  Device device) {
  const Safetensors file = read_checked(path);
  require_architecture(file, kDynamicTv);
  SequenceSettings settings = settings_of_tensors(file, otherwise);
  if (is_checkpoint(file.metadata())) {
    const SequenceSettings found = settings;
    settings = {};
    read_settings(file, sequence_keys(settings), kPrefix);
    if (settings.filters != found.filters || settings.stages != found.stages)
      throw DataError(
          "[checkpoint] {}: its configuration says {} filters, {} stages, but its tensors have {} filters, "
          "{} stages: it is corrupt, or of another architecture",
          file.name(), settings.filters, settings.stages, found.filters, found.stages);
  }
  Initialiser init(0, DType::f32, device);
  SequenceModel model(settings, init);
  load_model_state(file, model.module());
  return model;
}

Denoised denoise_sequence(const SequenceModel& model, const Tensor& z,
                          const SequenceDenoisingOptions& options) {
  check_call(z, options);
  model.check(z.shape(), "the sequence");
  const NoGrad no_grad;
  const DynamicTv& network = model.module();
  const Tensor there = z.to(network.device());
  const DynamicTv::Steps steps = network.steps();
  PdhgParams params{.n_iter = network.options().n_iter,
                    .sigma = steps.sigma,
                    .tau = steps.tau,
                    .theta = steps.theta,
                    .axes = {2, 3, 4}};
  params.p_start = network.options().start;
  const Tensor lambda = network.map_of(there, DynamicTv::Phase::testing).value();
  return solve(there, lambda, params, options.boundary.value_or(network.options().boundary), options);
}

PdhgParams sequence_pdhg() {
  PdhgParams params{.axes = {2, 3, 4}};
  params.sigma = params.tau = 1.0 / pdhg_norm(params.axes);
  return params;
}

Tensor weights_of(const LambdaPair& lambda, const Tensor& z) {
  return Tensor::from(Shape{1, 3, 1, 1, 1}, std::vector<double>{lambda.xy, lambda.xy, lambda.t})
      .to(z.dtype())
      .to(z.device());
}

Denoised denoise_sequence(const LambdaPair& lambda, const Tensor& z,
                          const SequenceDenoisingOptions& options) {
  check_call(z, options);
  if (!(lambda.xy >= 0.0 && lambda.t >= 0.0))
    throw ConfigError("[denoise] lambda must be at least 0, found {},{}", lambda.xy, lambda.t);
  const NoGrad no_grad;
  return solve(z, weights_of(lambda, z), sequence_pdhg(), options.boundary.value_or(Boundary::symmetric),
               options);
}

int64_t denoising_bytes(const SequenceModel& model, const Shape& z, const SequenceDenoisingOptions& options) {
  return rehearsed_bytes(model, z, model.module().device(), options);
}

int64_t denoising_bytes(const LambdaPair& lambda, const Shape& z, Device device,
                        const SequenceDenoisingOptions& options) {
  return rehearsed_bytes(lambda, z, device, options);
}

}  // namespace primal
