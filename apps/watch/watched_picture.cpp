#include "apps/watch/watched_picture.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>

#include "apps/pictures/inputs.h"
#include "apps/scores/scores.h"
#include "apps/shell/streams.h"
#include "apps/training/checkpoint.h"
#include "apps/training/model_choice.h"
#include "data/image/raster/raster.h"
#include "data/noise/noise.h"
#include "data/preprocess/preprocess.h"
#include "model/denoise.h"
#include "model/model_file.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr int64_t kLeastSide = 2;  // a picture without neighbours has no jumps, so there is nothing to watch

PictureInput single_input(const std::string& path) {
  const std::vector<PictureInput> inputs = find_inputs({path});
  if (inputs.size() > 1)
    throw ConfigError("[watch] {} has {} pictures, expected one picture", path, inputs.size());
  return inputs.front();
}

// The picture as it is shown, and how it came to that.
struct Fitted {
  Image image;
  std::string how;
};

Fitted fitted(const Image& grey, const WatchSettings& s) {
  const int64_t width = grey.width, height = grey.height, longer = std::max(width, height);
  if (longer <= s.size) return {grey, ""};
  const std::string whole = fmt::format("{} x {}", width, height);
  if (s.crop) {
    const int64_t w = std::min(width, s.size), h = std::min(height, s.size);
    const int64_t left = (width - w) / 2, top = (height - h) / 2;
    return {crop(grey, {left, top, left + w, top + h}), fmt::format(", cut out of the middle of {}", whole)};
  }
  const auto side = [&](int64_t n) {
    const double scaled = static_cast<double>(n) * static_cast<double>(s.size) / static_cast<double>(longer);
    return std::max(kLeastSide, static_cast<int64_t>(std::llround(scaled)));
  };
  return {resize_bicubic(grey, side(width), side(height)), fmt::format(", reduced from {}", whole)};
}

void remark_on(const Image& image, const std::string& name, const LevelRange& range) {
  const std::string remark =
      small_range_remark(name, image.bit_depth, *std::ranges::max_element(image.levels));
  if (!remark.empty() && range.kind == LevelRange::Kind::full) say("note: {}\n", remark);
  if (has_colour(image)) say("{} is in colour: it is converted to grey (ITU-R 601)\n", name);
  if (image.had_alpha) say("{} has transparency: it is ignored\n", name);
  for (const std::string& fault : image.remarks) say("{}: {}\n", name, fault);
}

// What a model says of itself; without one the defaults.
struct Source {
  std::unique_ptr<UnrolledTv> model;
  TrainConfig config;
  std::string file;
};

Source source_of(const WatchSettings& s) {
  if (s.model.empty()) return {};
  if (s.lambda) {
    throw ConfigError(
        "[watch] --lambda {} and the model {}: Lambda comes from one of them, leave out the other", *s.lambda,
        s.model);
  }
  if (has_image_extension(s.model))
    throw DataError("[watch] {} is named as a picture, expected a model: one picture comes first, then MODEL",
                    s.model);
  const std::filesystem::path file = model_file(s.model, s.quiet);
  std::unique_ptr<UnrolledTv> model = load_model(file, {}, s.device);
  return {std::move(model), model_config(file), file.filename().string()};
}

Tensor lambda_of(const Source& source, const WatchSettings& s, const Tensor& z) {
  if (source.model == nullptr)
    return Tensor::full({}, s.lambda.value_or(kDefaultLambda), z.dtype(), z.device());
  const NoGrad no_grad;
  const int64_t tile = plan_map_in_memory(*source.model, z.shape()).tile;
  return tile > 0 ? source.model->map_in_tiles(z, tile) : source.model->map_of(z).value();
}

PdhgParams params_of(const Source& source, const WatchSettings& s) {
  PdhgParams params;
  if (source.model != nullptr) {
    const UnrolledTv::Steps steps = source.model->steps();
    const UnrolledTvOptions& options = source.model->options();
    params = {.n_iter = options.n_iter,
              .sigma = steps.sigma,
              .tau = steps.tau,
              .theta = steps.theta,
              .axes = options.axes,
              .p_start = options.start};
  }
  if (s.iterations > 0) params.n_iter = s.iterations;
  return params;
}

std::string lambda_fact(const Source& source, const WatchSettings& s) {
  if (source.model != nullptr) {
    return fmt::format("Lambda is a map: the network in {} proposed a value for each pixel when it saw z.",
                       source.file);
  }
  if (s.lambda) return fmt::format("Lambda is the same at every pixel: {}.", *s.lambda);
  return fmt::format(
      "Lambda is the same at every pixel: {:g}, which is this page's default, because the command names "
      "neither --lambda nor a model.",
      kDefaultLambda);
}

}  // namespace

WatchedPicture watched_picture(const WatchSettings& s) {
  const PictureInput input = single_input(s.picture);
  const Source source = source_of(s);
  const LevelRange range = parse_level_range(s.range.empty() ? source.config.data.range : s.range);
  const Image image = read_input(input);
  if (std::min(image.width, image.height) < kLeastSide) {
    throw DataError(
        "[watch] {} has {} x {} pixels, expected {} x {} at least: without neighbours there are no jumps",
        input.str(), image.width, image.height, kLeastSide, kLeastSide);
  }
  if (!s.quiet) remark_on(image, input.str(), range);

  WatchedPicture out;
  out.name = input.is_stdin() ? "standard input" : input.file.filename().string();
  const Levels levels = levels_of(image, range, input.str());
  const Fitted shown = fitted(to_grey(image), s);
  Tensor z = to_unit(shown.image, levels).to(s.device);
  std::string fact = fmt::format("{} has {} x {} pixels here{}.", out.name, shown.image.width,
                                 shown.image.height, shown.how);
  if (s.noise) {
    const NoiseKind kind = parse_noise_kind(s.noise_kind.empty() ? source.config.noise.kind : s.noise_kind);
    out.problem.clean = z;
    if (!s.quiet && stays_clean(z, kind, *s.noise)) say("note: {}\n", no_noise_remark(input.str()));
    z = add_noise(z, kind, *s.noise, NoiseKey{.seed = s.seed});
    fact += fmt::format(" It counts as clean: z is this picture with {} noise of deviation {}, seed {}.",
                        name_of(kind), *s.noise, s.seed);
  } else {
    fact += " It is z, the noisy picture.";
  }
  out.problem.z = z;
  out.problem.params = params_of(source, s);
  out.boundary = !s.boundary.empty()       ? parse_boundary(s.boundary)
                 : source.model != nullptr ? source.model->options().boundary
                                           : Boundary::symmetric;
  out.lambda = lambda_of(source, s, z);
  const PdhgParams& p = out.problem.params;
  out.problem.weights = weights_at(out.boundary, out.lambda, z.shape(), p.axes).value();
  if (!s.quiet && source.model == nullptr && !s.lambda)
    say("note: neither --lambda nor a model is given: lambda = {:g} at every pixel\n", kDefaultLambda);
  out.facts = {
      fact + " " + lambda_fact(source, s),
      fmt::format("PDHG takes T = {} iterations with sigma = {:.4g}, tau = {:.4g} and theta = {:.4g} "
                  "from x = x_bar = z, q = 0 and p = {}. The boundary is {}.",
                  p.n_iter, p.sigma, p.tau, p.theta, p.p_start == PdhgStart::noisy ? "z" : "0",
                  name_of(out.boundary))};
  return out;
}

}  // namespace primal
