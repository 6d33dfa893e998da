#include "apps/evaluation/sequence_evaluation.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>
#include <vector>

#include "apps/evaluation/report.h"
#include "apps/scores/pair_search.h"
#include "apps/scores/sequence_scores.h"
#include "apps/sequences/sequence_figures.h"
#include "apps/shell/is_folder.h"
#include "apps/training/checkpoint.h"
#include "apps/training/sequence_data.h"
#include "data/noise/noise.h"
#include "data/sequence/frames.h"
#include "data/table/table.h"
#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {
namespace {

// One clip.
struct Row {
  std::string name;
  Scores noisy, model;
  PairSearch::Best by_psnr, by_ssim;  // without their frames
  int64_t n_solved = 0;

  double psnr_gain() const { return model.psnr - by_psnr.scores.psnr; }
  double ssim_gain() const { return model.ssim - by_ssim.scores.ssim; }
};

constexpr int64_t kFilmSide = 150;  // of a frame in a film, about

// What figures are drawn from.
struct Frames {
  Tensor clean, noisy, pair, model, lambda;
};

TrainConfig config_of(const std::filesystem::path& model, const TaskEvaluationSettings& settings) {
  if (!is_folder(settings.data))
    throw IoError("[evaluate] --data {} is no folder, expected one with sequences of clean frames",
                  settings.data.string());
  const Safetensors file = Safetensors::read(model);
  TrainConfig config;
  if (is_checkpoint(file.metadata())) config = checkpoint_config(file);
  config.data.folder = settings.data.string();
  if (settings.size > 0) config.data.size = settings.size;
  return config;
}

class Evaluated {
 public:
  Evaluated(const std::filesystem::path& file, const TaskEvaluationSettings& settings)
      : settings_(settings),
        config_(config_of(file, settings)),
        model_(load_sequence_model(file, {}, settings.device)),
        clips_(all_clips(config_)),
        kind_(parse_noise_kind(settings.noise_kind.empty() ? config_.noise.kind : settings.noise_kind)) {
    const int64_t side = config_.data.size;
    model_.check({1, 1, side, side, config_.data.frames}, "a clip");
  }

  int64_t size() const {
    return settings_.limit > 0 ? std::min(settings_.limit, clips_.size()) : clips_.size();
  }
  const TrainConfig& config() const { return config_; }
  Boundary boundary() const { return model_.module().options().boundary; }

  Row row(int64_t i, Frames* frames = nullptr) const {
    const Tensor clean = clips_.clip(i);
    const Tensor noisy = add_noise(clean, kind_, settings_.noise,
                                   NoiseKey{.seed = settings_.seed, .sample = static_cast<uint32_t>(i)});
    const Denoised denoised = denoise_sequence(model_, noisy);
    PairSearch search =
        search_pair(noisy, clean, {.iterations = settings_.pair_iterations, .boundary = boundary()});
    if (frames != nullptr) *frames = {clean, noisy, search.by_psnr.x, denoised.x, denoised.lambda};
    search.by_psnr.x = search.by_ssim.x = Tensor();
    return {clips_.names[static_cast<size_t>(i)],
            mean_over_frames(noisy, clean),
            mean_over_frames(denoised.x, clean),
            search.by_psnr,
            search.by_ssim,
            search.n_solved};
  }

 private:
  const TaskEvaluationSettings& settings_;
  TrainConfig config_;
  SequenceModel model_;
  ClipSet clips_;
  NoiseKind kind_;
};

template <class Value>
std::vector<double> column_of(const std::vector<Row>& rows, const Value& value) {
  std::vector<double> values;
  for (const Row& row : rows) values.push_back(value(row));
  return values;
}

// A method's scores of a clip, under the name that tables and files give it.
struct Method {
  const char *name, *key;
  Scores (*scores)(const Row&);
  const LambdaPair* (*pair)(const Row&);  // null: it has none
};
constexpr std::array kMethods{
    Method{"noisy", "noisy", [](const Row& r) { return r.noisy; }, nullptr},
    Method{"best pair by PSNR", "best_pair_by_psnr", [](const Row& r) { return r.by_psnr.scores; },
           [](const Row& r) { return &r.by_psnr.lambda; }},
    Method{"best pair by SSIM", "best_pair_by_ssim", [](const Row& r) { return r.by_ssim.scores; },
           [](const Row& r) { return &r.by_ssim.lambda; }},
    Method{"model", "model", [](const Row& r) { return r.model; }, nullptr},
};

ScoreSummary mean_of(const std::vector<Row>& rows, const Method& m, double Scores::*score) {
  return summarise_scores(column_of(rows, [&](const Row& r) { return m.scores(r).*score; }));
}
ScoreSummary mean_weight(const std::vector<Row>& rows, const Method& m, double LambdaPair::*weight) {
  return summarise_scores(column_of(rows, [&](const Row& r) { return m.pair(r)->*weight; }));
}

std::string table_of(const std::vector<Row>& rows, const Gain& psnr, const Gain& ssim) {
  std::string text = fmt::format("{:<22} {:>9} {:>9} {:>11} {:>11}\n", fmt::format("mean of {}", rows.size()),
                                 "PSNR dB", "SSIM", "lambda xy", "lambda t");
  for (const Method& m : kMethods) {
    text += fmt::format("{:<22} {:>9} {:>9}", m.name, score_text(mean_of(rows, m, &Scores::psnr).mean, 3),
                        score_text(mean_of(rows, m, &Scores::ssim).mean, 4));
    if (m.pair != nullptr)
      text += fmt::format(" {:>11.4g} {:>11.4g}", mean_weight(rows, m, &LambdaPair::xy).mean,
                          mean_weight(rows, m, &LambdaPair::t).mean);
    text += "\n";
  }
  const auto gain_line = [&](const char* name, const Gain& gain, int digits) {
    text += fmt::format("{:<22} {:+.{}f} (95 % from {:+.{}f} to {:+.{}f}), better for {} of {}\n", name,
                        gain.summary.mean, digits, gain.interval.low, digits, gain.interval.high, digits,
                        gain.n_improved, rows.size());
  };
  text += "\nmodel - best pair\n";
  gain_line("  PSNR dB", psnr, 3);
  gain_line("  SSIM", ssim, 4);
  return text;
}

nlohmann::json gain_json(const Gain& gain) {
  const auto number = [](double v) { return std::isfinite(v) ? nlohmann::json(v) : nlohmann::json(); };
  return {{"mean", number(gain.summary.mean)},
          {"deviation", number(gain.summary.deviation)},
          {"interval_95", {number(gain.interval.low), number(gain.interval.high)}},
          {"n_improved", gain.n_improved}};
}

nlohmann::json json_of(const Evaluated& e, const std::vector<Row>& rows, const Gain& psnr, const Gain& ssim,
                       const TaskEvaluationSettings& settings) {
  nlohmann::json json{{"task", "sequence"},
                      {"pictures", rows.size()},
                      {"frames", e.config().data.frames},
                      {"size", e.config().data.size},
                      {"boundary", name_of(e.boundary())},
                      {"pair_iterations", settings.pair_iterations},
                      {"gain", {{"psnr_db", gain_json(psnr)}, {"ssim", gain_json(ssim)}}}};
  for (const Method& m : kMethods) {
    json[m.key] = {{"psnr_db", mean_of(rows, m, &Scores::psnr).mean},
                   {"ssim", mean_of(rows, m, &Scores::ssim).mean}};
    if (m.pair == nullptr) continue;
    json[m.key]["lambda_xy"] = mean_weight(rows, m, &LambdaPair::xy).mean;
    json[m.key]["lambda_t"] = mean_weight(rows, m, &LambdaPair::t).mean;
  }
  for (const Row& row : rows) json["clips"].push_back({{"name", row.name}, {"pairs_solved", row.n_solved}});
  return json;
}

std::string csv_of(const std::vector<Row>& rows) {
  std::string text = "clip";
  for (const Method& m : kMethods) {
    text += fmt::format(",{0}_psnr_db,{0}_ssim", m.key);
    if (m.pair != nullptr) text += fmt::format(",{0}_lambda_xy,{0}_lambda_t", m.key);
  }
  text += ",psnr_gain_db,ssim_gain\n";
  for (const Row& row : rows) {
    text += csv_field(row.name);
    for (const Method& m : kMethods) {
      text += fmt::format(",{},{}", csv_number(m.scores(row).psnr), csv_number(m.scores(row).ssim));
      if (m.pair != nullptr) text += fmt::format(",{},{}", m.pair(row)->xy, m.pair(row)->t);
    }
    text += fmt::format(",{},{}\n", csv_number(row.psnr_gain()), csv_number(row.ssim_gain()));
  }
  return text;
}

// The first clip, and those with the smallest and the largest gain, each once.
struct Shown {
  int64_t row;
  const char *figure, *why;
};
std::vector<Shown> shown_of(const std::vector<Row>& rows) {
  const std::vector<double> gains = column_of(rows, [](const Row& r) { return r.psnr_gain(); });
  const auto at = [&](auto found) { return static_cast<int64_t>(found - gains.begin()); };
  std::vector<Shown> shown;
  for (const Shown& s : {Shown{0, "sequence_first", "The first clip"},
                         Shown{at(std::ranges::min_element(gains)), "sequence_least", "The smallest gain"},
                         Shown{at(std::ranges::max_element(gains)), "sequence_most", "The largest gain"}}) {
    if (std::ranges::count(shown, s.row, &Shown::row) == 0) shown.push_back(s);
  }
  return shown;
}

// Computed again: to keep every clip until the choice is known would take memory without bound.
void add_figures(const Evaluated& e, const std::vector<Row>& rows, TaskEvaluation& result) {
  for (const Shown& shown : shown_of(rows)) {
    Frames frames;
    const Row row = e.row(shown.row, &frames);
    const int64_t t = frames.clean.size(4) / 2;
    const auto title = [](const char* name, double psnr) {
      return fmt::format("{} {} dB", name, score_text(psnr, 2));
    };
    const std::vector<ShownSequence> all{{"clean", frames.clean},
                                         {title("noisy", row.noisy.psnr), frames.noisy},
                                         {title("best pair", row.by_psnr.scores.psnr), frames.pair},
                                         {title("model", row.model.psnr), frames.model}};
    result.figures.push_back({shown.figure, sequence_figure(all, frames.lambda, t)});
    const int64_t zoom = std::max<int64_t>(1, kFilmSide / frames.clean.size(3));
    result.films.push_back({fmt::format("{}_film", shown.figure), sequence_film(all, zoom)});
    const Tensor clean = frame_at(frames.clean, t), noisy = frame_at(frames.noisy, t),
                 denoised = frame_at(frames.model, t);
    result.samples.push_back({shown.why, fmt::format("{}, frame {}", row.name, t), clean, noisy, denoised,
                              scores_of(noisy, clean), scores_of(denoised, clean)});
  }
}

}  // namespace

TaskEvaluation evaluate_sequences(const std::filesystem::path& model,
                                  const TaskEvaluationSettings& settings) {
  if (!settings.lpips.empty())
    throw ConfigError("[evaluate] --lpips is for models of task reconstruct; {} is one of task sequence",
                      model.string());
  const Evaluated e(model, settings);
  std::vector<Row> rows;
  for (int64_t i = 0; i < e.size(); ++i) {
    rows.push_back(e.row(i));
    const Row& r = rows.back();
    if (settings.progress)
      settings.progress(
          fmt::format("{:>4}/{} {}: noisy {:.2f}, best pair {:.2f} at {:.3g},{:.3g}, model {:.2f} dB "
                      "({:+.2f})",
                      i + 1, e.size(), r.name, r.noisy.psnr, r.by_psnr.scores.psnr, r.by_psnr.lambda.xy,
                      r.by_psnr.lambda.t, r.model.psnr, r.psnr_gain()));
  }
  const Gain psnr = gain_of(column_of(rows, [](const Row& r) { return r.psnr_gain(); }), settings.seed);
  const Gain ssim = gain_of(column_of(rows, [](const Row& r) { return r.ssim_gain(); }), settings.seed);
  TaskEvaluation result;
  result.text = table_of(rows, psnr, ssim);
  result.json = json_of(e, rows, psnr, ssim, settings);
  result.csv = csv_of(rows);
  if (settings.figures) add_figures(e, rows, result);
  return result;
}

}  // namespace primal
