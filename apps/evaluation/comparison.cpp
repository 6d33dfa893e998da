#include "apps/evaluation/comparison.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <vector>

#include "data/figure/figure.h"

namespace primal {
namespace {

constexpr int64_t kEnlargement = 4;

using Detail = Picture::Frame;

// The middle of a picture, a quarter of its sides.
Detail middle_of(const Tensor& x) {
  const int64_t height = x.size(-2), width = x.size(-1);
  const int64_t h = std::max<int64_t>(height / kEnlargement, 1),
                w = std::max<int64_t>(width / kEnlargement, 1);
  return {(width - w) / 2, (height - h) / 2, w, h};
}

// [..., H, W] as [1, 1, h, w].
Tensor cut_out(const Tensor& x, const Detail& detail) {
  const Tensor out = Tensor::empty({1, 1, detail.height, detail.width});
  const Tensor source = x.to(DType::f32);
  for (int64_t y = 0; y < detail.height; ++y) {
    const float* row = source.data<float>() + (detail.y + y) * x.size(-1) + detail.x;
    std::copy(row, row + detail.width, out.data<float>() + y * detail.width);
  }
  return out;
}

std::string scores_text(const Scores& s) { return fmt::format("{:.2f} dB / {:.3f}", s.psnr, s.ssim); }

Tensor first_map(const Tensor& lambda) {
  return lambda.slice(0, 1).reshape(lambda.shape().with(0, lambda.size(1)).with(1, 1)).slice(0, 1);
}

}  // namespace

Figure search_figure(const Evaluation& scores, const EvaluatedPictures& p) {
  const auto chart = [&](const char* label, double Scores::*score, const LambdaSearch::Best& best,
                         int digits) {
    Line line{.x = p.search.lambdas, .name = "scalar lambda", .mark = best.index};
    for (const Scores& s : p.search.scores) line.y.push_back(s.*score);
    line.mark_name =
        fmt::format("best: {:.{}f} at {:.4g}", line.y[best.index], digits, p.search.lambdas[best.index]);
    return Chart{
        .x = {.label = "lambda"},
        .y = {.label = label},
        .layers = {line, Level{scores.map.*score, fmt::format("map: {:.{}f}", scores.map.*score, digits)},
                   Level{scores.noisy.*score, "noisy"}}};
  };
  return {.rows = {{Panel{"", chart("PSNR / dB", &Scores::psnr, p.search.by_psnr, 2)},
                    Panel{"", chart("SSIM", &Scores::ssim, p.search.by_ssim, 4)}}}};
}

Figure lambda_figure(const EvaluatedPictures& p) {
  const Tensor lambda = first_map(p.lambda);
  std::vector<double> logarithms;
  for (const double v : lambda.to_doubles())
    logarithms.push_back(std::log10(v));  // of 0 not finite: left out
  Bars bars = histogram(logarithms, 50);
  bars.map_colours = true;
  return {.rows = {{Panel{"Lambda", Picture::map(lambda, "Lambda")},
                    Panel{"Lambda, log scale", Picture::log_map(lambda, "Lambda")},
                    Panel{"histogram of log10 Lambda", Chart{.x = {.label = "log10 Lambda"},
                                                             .y = {.label = "number of pixels"},
                                                             .layers = {bars}}}}}};
}

Figure comparison_figure(const Evaluation& scores, const EvaluatedPictures& p) {
  const std::string name = std::filesystem::path(scores.name).stem().string();
  // All maps of a figure share the first one's scale.
  const Tensor lambda = first_map(p.lambda);
  const std::vector<Panel> whole{
      {name + "\nPSNR / SSIM", Picture::grey(p.clean)},
      {"noisy\n" + scores_text(scores.noisy), Picture::grey(p.noisy)},
      {fmt::format("lambda {:.3g}\n", scores.lambda_by_psnr) + scores_text(scores.by_psnr),
       Picture::grey(p.scalar)},
      {"map\n" + scores_text(scores.map), Picture::grey(p.denoised)},
      {"Lambda, log scale", Picture::log_map(lambda, "Lambda")}};
  Figure figure{.rows = {whole, {}}};
  const Detail detail = middle_of(p.clean);
  for (Panel& panel : figure.rows.front()) {
    auto& picture = std::get<Picture>(panel.content);
    Picture part = picture;
    part.values = cut_out(picture.values, detail);
    picture.frame = detail;
    figure.rows.back().push_back({"", part});
  }
  // The detail has as many pixels a side as the whole.
  const double pixel_mm = 25.4 / figure.dpi;
  const auto side = static_cast<double>(std::min(p.clean.size(-1), p.clean.size(-2)));
  figure.picture_mm = std::max(std::floor(256.0 / side + 0.5), 1.0) * side * pixel_mm;
  return figure;
}

}  // namespace primal
