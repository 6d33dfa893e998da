#include "apps/report/evaluation_sections.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/evaluation/comparison.h"
#include "apps/evaluation/report.h"
#include "apps/evaluation/score_figures.h"
#include "apps/report/json_fields.h"
#include "apps/report/page_parts.h"
#include "apps/scores/scores.h"

namespace primal {
namespace {

constexpr size_t kMaxRows = 1000;  // in the table of all pictures

std::string gain_text(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:+.{}f}", value, digits);
}

std::string interval_text(const Gain& gain, int digits) {
  if (std::isnan(gain.interval.low)) return "-";
  return gain_text(gain.interval.low, digits) + " .. " + gain_text(gain.interval.high, digits);
}

void add_gains(Page& page, const std::string& name, const Gain& psnr, const Gain& ssim) {
  const auto row = [](const std::string& score, const Gain& g, int digits) {
    return std::vector<std::string>{
        score, gain_text(g.summary.mean, digits), score_text(g.summary.deviation, digits),
        interval_text(g, digits),
        fmt::format("{} of {} ({:.0f} %)", g.n_improved, g.summary.n(), 100.0 * g.share_improved)};
  };
  page.table({name, "mean difference", "deviation", "95 % interval of the mean", "better for"},
             {row("PSNR / dB", psnr, 3), row("SSIM", ssim, 4)});
}

std::string pair_text(const Scores& s) { return fmt::format("{:.2f} dB, SSIM {:.4f}", s.psnr, s.ssim); }

Tensor shown_lambda(const Tensor& lambda) {
  const Tensor first =
      lambda.slice(0, 1).reshape(lambda.shape().with(0, lambda.size(1)).with(1, 1)).slice(0, 1);
  const Tensor small = shown_size(first);
  return small.reshape(Shape{1, 1, 1, small.size(-2), small.size(-1)});
}

void add_picture(Page& page, const ShownEvaluation& s) {
  const EvaluatedPictures& p = s.pictures;
  subheading(page, fmt::format("{}: {} ({:+.2f} dB against the best single lambda)", s.why, s.scores.name,
                               s.scores.psnr_gain()));
  begin_row(page);
  page.compare({"noisy", shown_size(p.noisy)}, {"map", shown_size(p.denoised)},
               fmt::format("Noisy ({}) on the left, denoised with the map ({}) on the right.{}",
                           pair_text(s.scores.noisy), pair_text(s.scores.map), shown_size_text(p.noisy)));
  page.compare(
      {fmt::format("lambda {:.3g}", s.scores.lambda_by_psnr), shown_size(p.scalar)},
      {"map", shown_size(p.denoised)},
      fmt::format("The best single lambda by PSNR, {:.4g} ({}), on the left, the map ({}) on the right.",
                  s.scores.lambda_by_psnr, pair_text(s.scores.by_psnr), pair_text(s.scores.map)));
  page.compare({"map", shown_size(p.denoised)}, {"clean", shown_size(p.clean)},
               "Denoised with the map on the left, the clean picture on the right.");
  end_row(page);
  EvaluatedPictures map;
  map.lambda = shown_lambda(p.lambda);
  add_panels(
      page, lambda_figure(map),
      {"The map Lambda on a linear scale: where it is bright, more is smoothed.",
       "The same map on a logarithmic scale.",
       "How often each value of Lambda occurs; the colours are those of the map on the logarithmic scale."});
  add_panels(page, search_figure(s.scores, p),
             {"PSNR over the single lambdas that were tried; dashed: the map and the noisy picture.",
              "SSIM over the same lambdas."});
}

}  // namespace

std::vector<TellingRow> telling_rows(const std::vector<Evaluation>& rows) {
  std::vector<size_t> order(rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](size_t i) {
    const double g = rows[i].psnr_gain();
    return std::isnan(g) ? -std::numeric_limits<double>::infinity() : g;  // what is no number is the worst
  });
  std::vector<TellingRow> telling;
  const auto add = [&](size_t row, const char* why) {
    if (std::ranges::count(telling, row, &TellingRow::row) == 0) telling.push_back({row, why});
  };
  if (rows.empty()) return telling;
  add(order.front(), "The smallest gain");
  add(order.back(), "The largest gain");
  add(order[order.size() / 2], "The median gain");
  add(0, "The first picture");
  return telling;
}

std::string evaluation_paragraph(const EvaluationScope& scope) {
  const EvaluationSummary summary = summarise(scope.rows, scope.seed, scope.models);
  const nlohmann::json grid = object_in(scope.settings, "grid");
  std::string text = fmt::format("{} picture{}", summary.n_pictures, summary.n_pictures == 1 ? "" : "s");
  if (const std::string folder = text_in(scope.settings, "folder"); !folder.empty())
    text += fmt::format(" of {}", folder);
  if (const auto noise = number_in(scope.settings, "noise"))
    text += fmt::format(", made noisy with {} noise of standard deviation {:g},",
                        text_in(scope.settings, "noise_kind"), *noise);
  text += fmt::format(
      " {} denoised twice: with the map that {} proposes, and with the best {} for each picture, chosen "
      "with knowledge of the clean one.",
      summary.n_pictures == 1 ? "was" : "were",
      text_in(scope.settings, "model").empty() ? "the model" : text_in(scope.settings, "model"),
      grid.contains("n")
          ? fmt::format("of {} single lambdas from {:g} to {:g}", integer_in(grid, "n"),
                        number_in(grid, "low").value_or(0.0), number_in(grid, "high").value_or(0.0))
          : std::string("of several single lambdas"));
  const Gain& gain = summary.psnr;
  text += fmt::format(
      " The mean PSNR is {} dB for the noisy pictures, {} dB for the best single lambda and {} dB for the "
      "map.",
      score_text(summary.methods[0].psnr.mean, 2), score_text(summary.methods[1].psnr.mean, 2),
      score_text(summary.methods[3].psnr.mean, 2));
  if (std::isnan(gain.summary.mean)) return text;
  text += fmt::format(" The map is {} by {:.3f} dB on average", gain.summary.mean >= 0.0 ? "better" : "worse",
                      std::abs(gain.summary.mean));
  if (!std::isnan(gain.interval.low))
    text += fmt::format(" (95 % bootstrap interval of the difference {})", interval_text(gain, 3));
  return text +
         fmt::format(", and better for {} of {} pictures ({:.0f} %); by SSIM it is better for {} of {}.",
                     gain.n_improved, summary.n_pictures, 100.0 * gain.share_improved,
                     summary.ssim.n_improved, summary.n_pictures);
}

void add_evaluation_scores(Page& page, const EvaluationScope& scope) {
  const EvaluationSummary summary = summarise(scope.rows, scope.seed, scope.models);
  page.heading("Scores");
  std::vector<std::vector<std::string>> rows;
  for (const EvaluationSummary::Method& m : summary.methods)
    rows.push_back({m.name, score_text(m.psnr.mean, 3), score_text(m.psnr.deviation, 3),
                    score_text(m.ssim.mean, 4), score_text(m.ssim.deviation, 4),
                    m.has_lambda ? score_text(m.lambda.mean, 4) : "",
                    m.has_lambda ? score_text(m.lambda.deviation, 4) : ""});
  page.table({fmt::format("mean of {}", summary.n_pictures), "PSNR / dB", "deviation", "SSIM", "deviation",
              "lambda", "deviation"},
             rows);
  add_gains(page, "map - best single lambda", summary.psnr, summary.ssim);
  for (const EvaluationSummary::Comparison& c : summary.comparisons) add_gains(page, c.name, c.psnr, c.ssim);
  page.paragraph(
      "Deviations are sample deviations over the pictures. Intervals are percentile intervals of 10000 "
      "paired bootstrap resamples. Each row compares with the single lambda that is best by its own score. "
      "PSNR and SSIM are of the unclipped results, with data range 1.");
  for (const std::string& remark : summary_remarks(summary)) page.warning(remark);
  add_panels(
      page, score_boxes(scope.rows, scope.models),
      {"PSNR of the pictures. A box spans the middle half, the line is the median, the diamond the mean; "
       "whiskers reach to the last value within 1.5 boxes.",
       "SSIM of the pictures, drawn alike."});
  add_panels(page, gain_histograms(scope.rows, summary),
             {"Differences of PSNR, picture by picture: to the right of zero the map is better.",
              "Differences of SSIM."});
}

void add_evaluation_pictures(Page& page, const std::vector<ShownEvaluation>& shown) {
  if (shown.empty()) return;
  page.heading("Pictures");
  page.paragraph(
      "Move the handle over a picture, or use the arrow keys. Grey values below 0 are shown black and above "
      "1 white.");
  size_t n_left_out = 0;
  for (const ShownEvaluation& s : shown) {
    if (!add_within(page, [&](Page& p) { add_picture(p, s); })) ++n_left_out;
  }
  if (n_left_out > 0)
    page.paragraph(fmt::format("{} more would make this page larger than 5 MB and {} left out.", n_left_out,
                               n_left_out == 1 ? "is" : "are"));
}

void add_evaluation_rows(Page& page, const EvaluationScope& scope) {
  page.heading("All pictures");
  std::vector<std::vector<std::string>> rows;
  for (const Evaluation& e : scope.rows) {
    if (rows.size() == kMaxRows) break;
    rows.push_back({e.name, score_text(e.noisy.psnr, 2), score_text(e.lambda_by_psnr, 4),
                    score_text(e.by_psnr.psnr, 2), score_text(e.map.psnr, 2), gain_text(e.psnr_gain(), 2),
                    score_text(e.noisy.ssim, 4), score_text(e.by_ssim.ssim, 4), score_text(e.map.ssim, 4),
                    gain_text(e.ssim_gain(), 4)});
  }
  const std::string summary =
      scope.rows.size() > kMaxRows
          ? fmt::format("Scores of the first {} of {} pictures; evaluation.csv has all", kMaxRows,
                        scope.rows.size())
          : fmt::format("Scores of {} picture{}", rows.size(), rows.size() == 1 ? "" : "s");
  if (!add_within(page, [&](Page& p) {
        p.folded_table(summary,
                       {"picture", "PSNR noisy / dB", "best lambda", "PSNR there / dB", "PSNR map / dB",
                        "difference / dB", "SSIM noisy", "best SSIM of a lambda", "SSIM map", "difference"},
                       rows);
      }))
    page.paragraph("The table of all pictures would make this page larger than 5 MB; evaluation.csv has it.");
}

void add_evaluation_origin(Page& page, const nlohmann::json& json) {
  page.heading("Settings and origin");
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const nlohmann::json& value) {
    if (value.is_string()) {
      if (!value.get<std::string>().empty()) rows.push_back({name, value.get<std::string>()});
    } else if (!value.is_null()) {
      rows.push_back({name, value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
    }
  };
  for (const char* part : {"settings", "origin"}) {
    const nlohmann::json object = object_in(json, part);
    for (const auto& [name, value] : object.items()) add(name, value);
  }
  if (rows.empty()) return page.paragraph("The settings are not recorded.");
  page.table({"setting", "value"}, rows);
}

}  // namespace primal
