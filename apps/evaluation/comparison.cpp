#include "apps/evaluation/comparison.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <vector>

#include "data/figure/figure.h"

namespace primal {
namespace {

constexpr int64_t kEnlargement = 4;

// The middle of a picture, a quarter of its sides, [..., H, W] as [1, 1, h, w].
Tensor middle(const Tensor& x) {
  const int64_t height = x.size(-2), width = x.size(-1);
  const int64_t h = std::max<int64_t>(height / kEnlargement, 1),
                w = std::max<int64_t>(width / kEnlargement, 1);
  const int64_t top = (height - h) / 2, left = (width - w) / 2;
  const Tensor out = Tensor::empty({1, 1, h, w});
  const Tensor source = x.to(DType::f32);
  for (int64_t y = 0; y < h; ++y) {
    const float* row = source.data<float>() + (top + y) * width + left;
    std::copy(row, row + w, out.data<float>() + y * w);
  }
  return out;
}

std::string score_text(const Scores& s) { return fmt::format("{:.2f} dB / {:.3f}", s.psnr, s.ssim); }

}  // namespace

Image comparison_figure(const Evaluation& scores, const EvaluatedPictures& p) {
  const std::string name = std::filesystem::path(scores.name).stem().string();
  // All maps of a figure share the first one's scale.
  const Tensor lambda =
      p.lambda.slice(0, 1).reshape(p.lambda.shape().with(0, p.lambda.size(1)).with(1, 1)).slice(0, 1);
  const LogRange range = log_range(lambda);
  const std::vector<Panel> whole{
      Panel::grey(p.clean, name + "  (dB / SSIM)"), Panel::grey(p.noisy, "noisy " + score_text(scores.noisy)),
      Panel::grey(p.scalar,
                  fmt::format("lambda {:.3g} {}", scores.lambda_by_psnr, score_text(scores.by_psnr))),
      Panel::grey(p.denoised, "map " + score_text(scores.map)),
      Panel::log_map(lambda, "Lambda, log scale", range.low, range.high)};
  std::vector<Panel> part;
  for (const Panel& panel : whole) {
    part.push_back(panel);
    part.back().values = middle(panel.values);
    part.back().label = fmt::format("its middle, {} times larger", kEnlargement);
    if (panel.kind != Panel::Kind::grey) part.back().label = "the same scale";
  }
  // Panels of both rows get the same height where the picture's sides are multiples of the enlargement, and nearly elsewhere.
  return make_figure({whole, part}, std::max<int64_t>(std::min(p.clean.size(-1), p.clean.size(-2)), 256));
}

}  // namespace primal
