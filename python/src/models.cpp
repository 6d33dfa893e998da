// Models of total variation with a map of their own, and one lambda or a given map for all.
#include <memory>
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/training/checkpoint.h"
#include "data/preprocess/opponent.h"
#include "model/config_key.h"
#include "model/denoise.h"
#include "model/model_file.h"
#include "model/model_options.h"
#include "model/noise_variances.h"
#include "python/src/arrays.h"
#include "python/src/bindings.h"
#include "python/src/calls.h"
#include "solvers/boundary/boundary.h"
#include "solvers/pdhg/pdhg.h"
#include "tensor/error.h"

namespace nb = nanobind;

namespace primal::python {
namespace {

// Pixels times iterations that take about 20 ms on one core.
constexpr int64_t kBriefWork = 10'000'000;

DenoisingOptions options_of(int64_t iterations, double gap, const std::optional<std::string>& boundary,
                            std::optional<int64_t> tile, std::optional<bool> refine, const Stop& stop) {
  DenoisingOptions options{.iterations = iterations, .gap = gap, .tile = tile};
  options.refine = refine;
  if (boundary) options.boundary = parse_boundary(*boundary);
  options.watch = [stop](const char*, int64_t, int64_t) { stop.check(); };
  return options;
}

using Solved = nb::typed<nb::tuple, nb::object, nb::object, int64_t, double>;
nb::tuple as_tuple(const Denoised& result) {
  return nb::make_tuple(array_of(result.x), array_of(result.lambda), result.iterations, result.relative_gap);
}

class PyModel {
 public:
  explicit PyModel(const std::string& path)
      : model_(without_lock(
            false, [path](const Stop&) { return std::shared_ptr<const UnrolledTv>(load_model(path)); })),
        colour_(model_config(path).data.colour) {}

  // z [1,1,1,H,W] of float32; rgb [3,1,1,H,W], of which z is an opponent channel.
  nb::tuple denoise(const Array& z, int64_t iterations, double gap,
                    const std::optional<std::string>& boundary, std::optional<int64_t> tile,
                    std::optional<bool> refine, std::optional<double> sigma,
                    const std::optional<Array>& rgb) const {
    const Tensor picture = borrowed(z);
    const NoiseOrigins origins{rgb ? borrowed(*rgb) : Tensor(), rgb ? kOpponentScale : 1.0};
    return as_tuple(without_lock(false, [=, model = model_](const Stop& stop) {
      DenoisingOptions options = options_of(iterations, gap, boundary, tile, refine, stop);
      options.origins = origins;
      if (sigma && *sigma * origins.scale >= kResolvedNoise)
        options.variance = noise_variances(*sigma * origins.scale, picture);
      else if (sigma)
        options.refine = false;
      return primal::denoise(*model, picture, options);
    }));
  }

  // Lambda [N,n_maps,D,H,W] of z [N,1,D,H,W].
  nb::object map(const Array& z) const {
    const Tensor picture = borrowed(z);
    return array_of(without_lock(false, [=, model = model_](const Stop&) {
      const NoGrad no_grad;
      return model->map_of(picture).value();
    }));
  }

  nb::dict settings() const {
    ModelSettings settings = model_settings(model_->options());
    const nb::object loads = nb::module_::import_("json").attr("loads");
    return nb::cast<nb::dict>(loads(to_json(model_keys(settings)).dump()));
  }

  // data.colour of the training: how it took pictures in colour.
  const std::string& colour() const { return colour_; }

  nb::tuple steps() const {
    const UnrolledTv::Steps steps = model_->steps();
    return nb::make_tuple(steps.sigma, steps.tau, steps.theta);
  }

  // The weights by name, kernels as PyTorch has them: (out, in, kd, kh, kw).
  nb::dict state() const {
    nb::dict all;
    for (const auto& [name, tensor] : model_->state()) all[name.c_str()] = array_of(tensor.clone());
    return all;
  }

 private:
  std::shared_ptr<const UnrolledTv> model_;
  std::string colour_;
};

// Total variation with a given lambda: z [N,1,D,H,W], lambda [], [N] or [N|1,A|1,D|1,H|1,W|1].
nb::tuple tv(const Array& z_array, const Array& lambda_array, int64_t iterations, double gap,
             const std::string& boundary, const std::vector<int>& axes) {
  const Tensor z = borrowed(z_array), lambda = borrowed(lambda_array);
  PdhgParams params{.n_iter = iterations, .axes = Axes(std::span<const int>(axes))};
  params.sigma = params.tau = 1.0 / pdhg_norm(params.axes);
  const Boundary edges = parse_boundary(boundary);
  const auto solve = [=](const Stop& stop) {
    const NoGrad no_grad;
    const Tensor weights = weights_at(edges, lambda, z.shape(), params.axes).value();
    const PdhgState state = pdhg_start(z, params);
    PdhgStop until{.relative_gap = gap};
    if (z.numel() * params.n_iter > kBriefWork) until.watch = [&](int64_t) { stop.check(); };
    const PdhgReport report = pdhg_solve(z, weights, params, state, until);
    double relative = 0.0;
    for (size_t i = 0; i < report.gap.size(); ++i) {
      if (report.gap[i] > 0.0) relative = std::max(relative, report.gap[i] / report.objective[i]);
    }
    return Denoised{lambda, state.x, report.iterations, relative};
  };
  const Denoised result = without_lock(z.numel() * params.n_iter <= kBriefWork, solve);
  return nb::make_tuple(array_of(result.x), result.iterations, result.relative_gap);
}

}  // namespace

void bind_models(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<PyModel>(m, "Model")
      .def(nb::init<const std::string&>(), "path"_a)
      .def("denoise", &PyModel::denoise, "z"_a.noconvert(), "iterations"_a, "gap"_a, "boundary"_a.none(),
           "tile"_a.none(), "refine"_a.none(), "sigma"_a.none(), "rgb"_a.noconvert().none())
      .def("map", &PyModel::map, "z"_a.noconvert())
      .def("settings", &PyModel::settings)
      .def("colour", &PyModel::colour)
      .def("steps", &PyModel::steps)
      .def("state", &PyModel::state);
  m.def("tv", tv, "z"_a.noconvert(), "lam"_a.noconvert(), "iterations"_a, "gap"_a, "boundary"_a, "axes"_a);
}

}  // namespace primal::python
