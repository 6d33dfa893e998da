#include "apps/evaluation/score_figures.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace primal {
namespace {

Chart boxes_of(const std::vector<Evaluation>& rows, const std::vector<std::string>& models, const char* label,
               double Scores::*score, Scores Evaluation::*scalar) {
  Chart chart{.x = {.label = "method", .categories = {"noisy", "best scalar"}}, .y = {.label = label}};
  Boxes boxes;
  boxes.values.push_back(column(rows, [&](const Evaluation& e) { return e.noisy.*score; }));
  boxes.values.push_back(column(rows, [&](const Evaluation& e) { return (e.*scalar).*score; }));
  for (size_t m = 0; m < models.size(); ++m) {
    chart.x.categories.push_back(models.size() > 1 ? "map of " + models[m] : "map");
    boxes.values.push_back(
        column(rows, [&](const Evaluation& e) { return (m == 0 ? e.map : e.other_maps.at(m - 1)).*score; }));
  }
  chart.layers.push_back(boxes);
  return chart;
}

Panel gains_of(const std::vector<double>& gains, const Gain& gain, const char* title, const char* label,
               const std::string& mean) {
  // About the square root of their number, as many as a reader can tell apart.
  const auto n_bins = std::clamp<int64_t>(std::lround(std::sqrt(static_cast<double>(gains.size()))), 5, 40);
  return {fmt::format("{}\nbetter for {} of {} pictures", title, gain.n_improved, gains.size()),
          Chart{.x = {.label = label},
                .y = {.label = "number of pictures"},
                .layers = {histogram(gains, n_bins), Level{gain.summary.mean, mean, true},
                           Level{0.0, "equal", true}}}};
}

}  // namespace

Figure score_boxes(const std::vector<Evaluation>& rows, const std::vector<std::string>& models) {
  return {.rows = {{Panel{"", boxes_of(rows, models, "PSNR / dB", &Scores::psnr, &Evaluation::by_psnr)},
                    Panel{"", boxes_of(rows, models, "SSIM", &Scores::ssim, &Evaluation::by_ssim)}}}};
}

Figure gain_histograms(const std::vector<Evaluation>& rows, const EvaluationSummary& summary) {
  return {.rows = {{gains_of(column(rows, [](const Evaluation& e) { return e.psnr_gain(); }), summary.psnr,
                             "PSNR, map - best scalar", "difference of PSNR / dB",
                             fmt::format("mean {:+.3f} dB", summary.psnr.summary.mean)),
                    gains_of(column(rows, [](const Evaluation& e) { return e.ssim_gain(); }), summary.ssim,
                             "SSIM, map - best scalar", "difference of SSIM",
                             fmt::format("mean {:+.4f}", summary.ssim.summary.mean))}}};
}

}  // namespace primal
