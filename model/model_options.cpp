#include "model/model_options.h"

#include "tensor/error.h"

namespace primal {
namespace {

void require_default(bool same, const char* option) {
  if (!same)
    throw ConfigError("[model] {} differs from its default, and a model file has no setting for it", option);
}

}  // namespace

UnrolledTvOptions model_options(const ModelSettings& settings) {
  UnrolledTvOptions o;
  o.unet.filters = settings.filters;
  o.unet.blocks = settings.blocks;
  o.n_iter = settings.iterations;
  o.up_bound = settings.up_bound;
  o.scale = settings.scale;
  o.start = parse_start(settings.start);
  o.learn_steps = settings.learn_steps;
  o.boundary = parse_boundary(settings.boundary);
  o.refine = settings.refine;
  return o;
}

ModelSettings model_settings(const UnrolledTvOptions& o) {
  const UnrolledTvOptions standard;
  const UNetOptions &unet = o.unet, &standard_unet = standard.unet;
  require_default(o.axes == standard.axes, "axes");
  require_default(o.norm_bound == standard.norm_bound, "norm_bound");
  require_default(o.map_channel == standard.map_channel, "map_channel");
  require_default(unet.in_channels == standard_unet.in_channels, "unet.in_channels");
  require_default(unet.out_channels == standard_unet.out_channels, "unet.out_channels");
  require_default(unet.kernel == standard_unet.kernel, "unet.kernel");
  require_default(unet.pool == standard_unet.pool, "unet.pool");
  require_default(unet.slope == standard_unet.slope, "unet.slope");
  ModelSettings s;
  s.filters = unet.filters;
  s.blocks = unet.blocks;
  s.iterations = o.n_iter;
  s.up_bound = o.up_bound;
  s.scale = o.scale;
  s.start = name_of(o.start);
  s.learn_steps = o.learn_steps;
  s.boundary = name_of(o.boundary);
  s.refine = o.refine;
  return s;
}

}  // namespace primal
