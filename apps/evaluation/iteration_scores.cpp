#include "apps/evaluation/iteration_scores.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/table/table.h"
#include "model/denoise.h"
#include "tensor/error.h"

namespace primal {

std::vector<int64_t> parse_iterations(const std::string& text) {
  std::vector<int64_t> iterations;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    int64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    if (error != std::errc() || stop != text.data() + end || value < 1 || value > 1'000'000'000) {
      throw ConfigError(
          "[evaluate] --iterations {}: expected whole numbers from 1 to 10^9 with commas between them", text);
    }
    if (std::ranges::count(iterations, value) > 0)
      throw ConfigError("[evaluate] --iterations {}: {} occurs twice", text, value);
    iterations.push_back(value);
    begin = end + 1;
  }
  return iterations;
}

IterationScores::IterationScores(std::vector<int64_t> iterations) {
  std::ranges::sort(iterations);
  for (const int64_t n : iterations) columns_.push_back({n, {}, {}, {}, {}, {}});
}

void IterationScores::add(const UnrolledTv& model, const Dataset& pictures, int64_t i,
                          const EvaluationSettings& settings) {
  if (!any()) return;
  const Tensor clean = pictures.clean(i), noisy = noisy_picture(clean, i, settings);
  const Device device = model.device();
  std::vector<int64_t> iterations;
  for (const Column& column : columns_) iterations.push_back(column.iterations);
  const std::vector<Denoised> maps =
      denoise_for_each(model, noisy, iterations, {.tile = settings.tile, .refine = settings.refine});
  for (size_t c = 0; c < columns_.size(); ++c) {
    Column& column = columns_[c];
    const Denoised& map = maps[c];
    const Scores scores = scores_of(map.x, clean);
    const LambdaSearch search = search_lambda(noisy.to(device), clean.to(device), settings.grid,
                                              column.iterations, model.options().boundary);
    column.map_psnr.push_back(scores.psnr);
    column.map_ssim.push_back(scores.ssim);
    column.scalar_psnr.push_back(search.scores[search.by_psnr.index].psnr);
    column.scalar_ssim.push_back(search.scores[search.by_ssim.index].ssim);
    column.relative_gap.push_back(map.relative_gap);
  }
}

std::vector<IterationScores::Row> IterationScores::rows() const {
  std::vector<Row> rows;
  for (const Column& c : columns_) {
    rows.push_back({c.iterations, summarise_scores(c.map_psnr), summarise_scores(c.map_ssim),
                    summarise_scores(c.scalar_psnr), summarise_scores(c.scalar_ssim),
                    summarise_scores(c.relative_gap)});
  }
  return rows;
}

std::string iterations_table(const std::vector<IterationScores::Row>& rows) {
  if (rows.empty()) return "";
  std::string text = fmt::format("\n{:<22} {:>9} {:>10} {:>13} {:>13} {:>9}\n", "iterations T", "map dB",
                                 "map SSIM", "scalar dB", "scalar SSIM", "gap");
  for (const IterationScores::Row& row : rows) {
    text += fmt::format("{:<22} {:>9} {:>10} {:>13} {:>13} {:>9.1e}\n", row.iterations,
                        score_text(row.map_psnr.mean, 3), score_text(row.map_ssim.mean, 4),
                        score_text(row.scalar_psnr.mean, 3), score_text(row.scalar_ssim.mean, 4),
                        row.relative_gap.mean);
  }
  return text +
         "The scalar is the best of each picture for that T; the gap is the primal-dual gap of the map's "
         "problem, relative to its objective.\n";
}

std::string iterations_csv(const std::vector<IterationScores::Row>& rows) {
  std::string text =
      "iterations,psnr_map,psnr_map_deviation,ssim_map,ssim_map_deviation,psnr_scalar,psnr_scalar_deviation,"
      "ssim_scalar,ssim_scalar_deviation,relative_gap\n";
  for (const IterationScores::Row& row : rows) {
    text += fmt::format("{}", row.iterations);
    for (const ScoreSummary* s : {&row.map_psnr, &row.map_ssim, &row.scalar_psnr, &row.scalar_ssim}) {
      text += fmt::format(",{},{}", s->has_mean() ? csv_number(s->mean) : "",
                          s->n_finite > 1 ? csv_number(s->deviation) : "");
    }
    text += fmt::format(",{}\n", csv_number(row.relative_gap.mean));
  }
  return text;
}

nlohmann::json iterations_json(const std::vector<IterationScores::Row>& rows) {
  nlohmann::json json = nlohmann::json::array();
  for (const IterationScores::Row& row : rows) {
    json.push_back({{"iterations", row.iterations},
                    {"map", {{"psnr", row.map_psnr.mean}, {"ssim", row.map_ssim.mean}}},
                    {"best_scalar", {{"psnr", row.scalar_psnr.mean}, {"ssim", row.scalar_ssim.mean}}},
                    {"relative_gap", row.relative_gap.mean}});
  }
  return json;
}

Figure iterations_figure(const std::vector<IterationScores::Row>& rows, int64_t trained) {
  const auto chart = [&](const char* label, ScoreSummary IterationScores::Row::*map,
                         ScoreSummary IterationScores::Row::*scalar) {
    Line of_map{.name = "map"}, of_scalar{.name = "best scalar of each picture"};
    for (const IterationScores::Row& row : rows) {
      for (Line* line : {&of_map, &of_scalar}) line->x.push_back(static_cast<double>(row.iterations));
      of_map.y.push_back((row.*map).mean);
      of_scalar.y.push_back((row.*scalar).mean);
    }
    return Chart{
        .x = {.label = "iterations T at test time", .logarithmic = true},
        .y = {.label = label},
        .layers = {of_map, of_scalar,
                   Level{static_cast<double>(trained), fmt::format("T of the training, {}", trained), true}}};
  };
  return {.rows = {{Panel{"", chart("mean PSNR / dB", &IterationScores::Row::map_psnr,
                                    &IterationScores::Row::scalar_psnr)},
                    Panel{"", chart("mean SSIM", &IterationScores::Row::map_ssim,
                                    &IterationScores::Row::scalar_ssim)}}}};
}

}  // namespace primal
