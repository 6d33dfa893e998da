#include "data/metrics/metrics.h"

#include <cmath>
#include <limits>
#include <vector>

#include "data/metrics/metrics_kernels.h"
#include "tensor/error.h"
#include "tensor/exec.h"
#include "tensor/range.h"

namespace primal {
namespace {

constexpr const MetricsImplementation<float>* kF32[] = {
    PRIMAL_DEVICES(metrics_separable), &cpu::metrics_separable_f32, &cpu::metrics_reference_f32};
constexpr const MetricsImplementation<double>* kF64[] = {&cpu::metrics_separable_f64,
                                                         &cpu::metrics_reference_f64};

void check_pair(const char* metric, const Tensor& a, const Tensor& b, double data_range) {
  if (!a.defined() || !b.defined()) throw ShapeError("[{}] needs two tensors, got an undefined one", metric);
  if (a.shape() != b.shape() || a.dtype() != b.dtype() || !is_floating(a.dtype())) {
    throw ShapeError("[{}] needs two tensors of one shape and type, f32 or f64: a={} b={}", metric, a.str(),
                     b.str());
  }
  common_device(metric, {a, b});
  if (a.numel() == 0) throw ShapeError("[{}] has no elements to compare: a={}", metric, a.str());
  if (!(data_range > 0.0)) throw ShapeError("[{}] data range must be above 0, got {}", metric, data_range);
}

// [2 r + 1], sums to 1
std::vector<double> window_weights(const SsimParams& params) {
  const int64_t r = params.radius();
  std::vector<double> w;
  double sum = 0.0;
  for (int64_t t = -r; t <= r; ++t) {
    const double u = static_cast<double>(t) / params.sigma;
    w.push_back(params.window == SsimParams::Window::uniform ? 1.0 : std::exp(-0.5 * u * u));
    sum += w.back();
  }
  for (double& weight : w) weight /= sum;
  return w;
}

}  // namespace

const Ladder<MetricsImplementation> metrics_ladder{kF32, kF64};

std::string key(const MetricsGeometry& g) { return fmt::format("h{} w{}", g.height, g.width); }

int64_t SsimParams::radius() const {
  return window == Window::uniform ? size / 2 : static_cast<int64_t>(truncate * sigma + 0.5);
}

double mse(const Tensor& a, const Tensor& b) {
  check_pair("mse", a, b, 1.0);
  const MetricsGeometry picture{a.shape().rank() > 1 ? a.size(-2) : 1, a.shape().rank() > 0 ? a.size(-1) : 1};
  const Tensor sum = Tensor::empty({1}, DType::f64, a.device());
  dispatch_floating(a.dtype(), "mse", [&]<class T>() {
    choose("metrics", "forward", metrics_ladder.of<T>(), picture, a.device())
        .kernels.squares(exec_on(a.device()), a.device_span<const T>(), b.device_span<const T>(),
                         sum.device_span<double>().data());
  });
  return sum.item() / static_cast<double>(a.numel());
}

double psnr(const Tensor& a, const Tensor& b, double data_range) {
  check_pair("psnr", a, b, data_range);
  const double error = mse(a, b);
  if (error == 0.0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(data_range * data_range / error);
}

double ssim(const Tensor& a, const Tensor& b, const SsimParams& params) {
  const Range range("ssim");
  check_pair("ssim", a, b, params.data_range);
  const bool uniform = params.window == SsimParams::Window::uniform;
  if (uniform && (params.size < 3 || params.size % 2 == 0)) {
    throw ShapeError("[ssim] window must be odd and at least 3 wide, got {}", params.size);
  }
  if (!uniform && !(params.sigma > 0.0 && params.truncate > 0.0 && params.truncate * params.sigma < 1e6)) {
    throw ShapeError("[ssim] sigma and truncate must be above 0, got {} and {}", params.sigma,
                     params.truncate);
  }
  const int64_t n = 2 * params.radius() + 1;
  if (a.shape().rank() < 2 || a.size(-2) < n || a.size(-1) < n) {
    throw ShapeError("[ssim] the window of {} x {} does not fit into the picture: a={}", n, n, a.str());
  }
  const int64_t H = a.size(-2), W = a.size(-1), n_pictures = a.numel() / (H * W);
  const Tensor weights = Tensor::from(Shape{n}, window_weights(params)).to(a.device());
  SsimWindow window{weights.device_span<const double>(), {}};
  if (uniform)
    window.constants.covariance_factor = static_cast<double>(n * n) / static_cast<double>(n * n - 1);
  window.constants.c1 = std::pow(0.01 * params.data_range, 2);
  window.constants.c2 = std::pow(0.03 * params.data_range, 2);

  const Tensor sums = Tensor::empty({n_pictures}, DType::f64, a.device());
  dispatch_floating(a.dtype(), "ssim", [&]<class T>() {
    const auto& chosen =
        choose("metrics", "forward", metrics_ladder.of<T>(), MetricsGeometry{H, W}, a.device());
    for (int64_t i = 0; i < n_pictures; ++i) {
      const View<const T, 2> va{a.device_span<const T>().data() + i * H * W, {H, W}};
      const View<const T, 2> vb{b.device_span<const T>().data() + i * H * W, {H, W}};
      chosen.kernels.ssim(exec_on(a.device()), va, vb, window, sums.device_span<double>().data() + i);
    }
  });
  double total = 0.0;
  for (const double sum : sums.to_doubles()) total += sum;
  return total / static_cast<double>(n_pictures * (H - n + 1) * (W - n + 1));
}

double ssim_gaussian(const Tensor& a, const Tensor& b, double data_range) {
  return ssim(a, b, {.window = SsimParams::Window::gaussian, .data_range = data_range});
}

OpInfo metrics_info() {
  OpInfo info;
  info.name = "metrics";
  info.equation = "mse = mean (a - b)^2, psnr = 10 log10(R^2 / mse), ssim as scikit-image";
  info.run = [](const OpCall& call) {
    const Tensor a = call.inputs.at("a").to(call.device), b = call.inputs.at("b").to(call.device);
    const double data_range = call.attrs.value("data_range", 1.0);
    SsimParams uniform{.data_range = data_range}, gaussian{.data_range = data_range};
    uniform.size = call.attrs.value("ssim_window", uniform.size);
    gaussian.window = SsimParams::Window::gaussian;
    gaussian.sigma = call.attrs.value("ssim_gaussian_sigma", gaussian.sigma);
    gaussian.truncate = call.attrs.value("ssim_gaussian_truncate", gaussian.truncate);
    OpResult result;
    result.outputs["mse"] = Tensor::scalar(mse(a, b), DType::f64);
    result.outputs["psnr"] = Tensor::scalar(psnr(a, b, data_range), DType::f64);
    result.outputs["ssim"] = Tensor::scalar(ssim(a, b, uniform), DType::f64);
    result.outputs["ssim_gaussian"] = Tensor::scalar(ssim(a, b, gaussian), DType::f64);
    return result;
  };
  // The same in either type: the inputs are what was rounded.
  info.judge = [](const std::string&, const Tensor& got, const Tensor& expected, const OpCall&) {
    return Verdict{relative_l2(got, expected), 1e-5};
  };
  const auto pair = [](const char* name, int64_t height, int64_t width, Attributes attrs = {}) {
    return OpCase{
        name,
        std::move(attrs),
        {{"a", {height, width}, OpInput::Fill::uniform}, {"b", {height, width}, OpInput::Fill::uniform}}};
  };
  info.corner_cases = {
      pair("smallest", 11, 11),
      pair("odd", 13, 29),
      pair("bands", 57, 16),
      pair("data_range", 17, 19, {{"data_range", 255.0}}),
      pair("small_windows", 12, 15,
           {{"ssim_window", 3}, {"ssim_gaussian_sigma", 0.7}, {"ssim_gaussian_truncate", 2.0}}),
      pair("large_windows", 31, 29,
           {{"data_range", 0.3},
            {"ssim_window", 15},
            {"ssim_gaussian_sigma", 3.1},
            {"ssim_gaussian_truncate", 4.0}})};
  info.stages = {pair("picture", 256, 256)};
  info.results = {"mse", "psnr", "ssim", "ssim_gaussian"};
  info.implementations = infos_of(metrics_ladder.f32);
  info.differentiable = false;
  // Per window of n x n pixels: 8 a pixel (sums of a, b, a a, b b, a b) and some 20 to combine
  // them; mse and psnr 3 each.
  info.cost = [](const OpShapes& s) {
    const auto windows = [&](double n) {
      const Shape& a = s.in("a");
      return (static_cast<double>(a[-2]) - n + 1.0) * (static_cast<double>(a[-1]) - n + 1.0) *
             (8.0 * n * n + 20.0);
    };
    const double gaussian =
        2.0 * std::floor(s.attrs.value("ssim_gaussian_sigma", SsimParams{}.sigma) *
                             s.attrs.value("ssim_gaussian_truncate", SsimParams{}.truncate) +
                         0.5) +
        1.0;
    const double uniform = static_cast<double>(s.attrs.value("ssim_window", SsimParams{}.size));
    const double n = elements_of(s.in("a"));
    return PhaseCosts{{"forward", {6.0 * n + windows(uniform) + windows(gaussian), f32_bytes(2.0 * n)}}};
  };
  return info;
}

}  // namespace primal
