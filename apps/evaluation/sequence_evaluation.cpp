#include "apps/evaluation/sequence_evaluation.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>
#include <vector>

#include "apps/evaluation/report.h"
#include "apps/evaluation/sequence_rows.h"
#include "apps/scores/pair_search.h"
#include "apps/scores/sequence_scores.h"
#include "apps/sequences/sequence_figures.h"
#include "apps/shell/is_folder.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/training/checkpoint.h"
#include "apps/training/sequence_data.h"
#include "data/noise/noise.h"
#include "data/sequence/frames.h"
#include "data/table/table.h"
#include "model/checkpoint_format.h"
#include "tensor/error.h"

namespace primal {
namespace {

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
  if (!settings.range.empty()) config.data.range = settings.range;
  return config;
}

class Evaluated {
 public:
  Evaluated(const std::filesystem::path& file, const TaskEvaluationSettings& settings)
      : settings_(settings),
        config_(config_of(file, settings)),
        model_(load_sequence_model(file, {}, settings.device)),
        clips_(open_test_clips(config_)),
        kind_(parse_noise_kind(settings.noise_kind.empty() ? config_.noise.kind : settings.noise_kind)) {}

  int64_t size() const {
    return settings_.limit > 0 ? std::min(settings_.limit, clips_.size()) : clips_.size();
  }
  const TestClips& clips() const { return clips_; }
  const TrainConfig& config() const { return config_; }
  Boundary boundary() const { return model_.module().options().boundary; }

  SequenceRow row(int64_t i, Frames* frames = nullptr) const {
    const TestClips::Clip& clip = clips_.clips[static_cast<size_t>(i)];
    const int64_t side = config_.data.size;
    model_.check({1, 1, side, side, clip.n_frames}, clip.name);
    const Tensor clean = clips_.clip(i);
    const Tensor noisy = add_noise(clean, kind_, settings_.noise,
                                   NoiseKey{.seed = settings_.seed, .sample = static_cast<uint32_t>(i)});
    const Denoised denoised = denoise_sequence(model_, noisy);
    PairSearch search =
        search_pair(noisy, clean, {.iterations = settings_.pair_iterations, .boundary = boundary()});
    if (frames != nullptr) *frames = {clean, noisy, search.by_psnr.x, denoised.x, denoised.lambda};
    search.by_psnr.x = search.by_ssim.x = Tensor();
    return {clip.name,
            mean_over_frames(noisy, clean),
            mean_over_frames(denoised.x, clean),
            search.by_psnr,
            search.by_ssim,
            search.n_solved,
            clip.n_frames};
  }

 private:
  const TaskEvaluationSettings& settings_;
  TrainConfig config_;
  SequenceModel model_;
  TestClips clips_;
  NoiseKind kind_;
};

// The clips that could be scored.
struct Scored {
  std::vector<SequenceRow> rows;
  std::vector<int64_t> clips;  // the one of each row
};

// Until a signal comes. A clip that cannot be read is reported and left out.
Scored score_all(const Evaluated& e, const TaskEvaluationSettings& settings, const StopSignals& signals,
                 std::vector<TestClips::Broken>& broken) {
  Scored scored;
  const auto leave_out = [&](int64_t i, const Error& error) {
    broken.push_back({e.clips().clips[static_cast<size_t>(i)].name, error.what()});
    say("primal: {}\n", error.what());
  };
  for (int64_t i = 0; i < e.size() && signals.caught() == 0; ++i) {
    try {
      scored.rows.push_back(e.row(i));
    } catch (const DataError& error) {
      leave_out(i, error);
      continue;
    } catch (const IoError& error) {
      leave_out(i, error);
      continue;
    }
    scored.clips.push_back(i);
    const SequenceRow& r = scored.rows.back();
    if (settings.progress)
      settings.progress(
          fmt::format("{:>4}/{} {}: noisy {:.2f}, best pair {:.2f} at {:.3g},{:.3g}, model {:.2f} dB "
                      "({:+.2f})",
                      i + 1, e.size(), r.name, r.noisy.psnr, r.by_psnr.scores.psnr, r.by_psnr.lambda.xy,
                      r.by_psnr.lambda.t, r.model.psnr, r.psnr_gain()));
  }
  return scored;
}

// The first clip, and those with the smallest and the largest gain, each once.
struct Shown {
  int64_t row;
  const char *figure, *why;
};
std::vector<Shown> shown_of(const std::vector<SequenceRow>& rows) {
  const std::vector<double> gains = sequence_column(rows, [](const SequenceRow& r) { return r.psnr_gain(); });
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
void add_figures(const Evaluated& e, const Scored& scored, const StopSignals& signals,
                 TaskEvaluation& result) {
  for (const Shown& shown : shown_of(scored.rows)) {
    if (signals.caught() != 0) return;
    Frames frames;
    const SequenceRow row = e.row(scored.clips[static_cast<size_t>(shown.row)], &frames);
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
  const StopSignals signals;
  const Evaluated e(model, settings);
  TaskEvaluation result;
  std::vector<TestClips::Broken> broken = e.clips().broken;
  for (const TestClips::Broken& one : broken) say("primal: {}\n", one.problem);
  if (settings.progress && e.clips().n_short > 0)
    settings.progress(
        fmt::format("note: {} of {} sequences have fewer than {} frames (data.frames), so all "
                    "their frames are one clip",
                    e.clips().n_short, e.clips().n_sequences, e.config().data.frames));
  const Scored scored = score_all(e, settings, signals, broken);
  const std::vector<SequenceRow>& rows = scored.rows;
  result.stopped_by = signals.caught();
  if (rows.empty() && result.stopped_by != 0) throw Stopped(result.stopped_by, false);
  if (rows.empty())
    throw DataError("[evaluate] none of the sequences below {} can be used", settings.data.string());
  const Gain psnr =
      gain_of(sequence_column(rows, [](const SequenceRow& r) { return r.psnr_gain(); }), settings.seed);
  const Gain ssim =
      gain_of(sequence_column(rows, [](const SequenceRow& r) { return r.ssim_gain(); }), settings.seed);
  result.text = sequence_table(rows, psnr, ssim);
  result.csv = sequence_csv(rows);
  result.remarks = sequence_remarks(rows, psnr);
  result.json = sequence_json(rows, psnr, ssim);
  result.json["frames"] = e.config().data.frames;
  result.json["size"] = e.config().data.size;
  result.json["boundary"] = name_of(e.boundary());
  result.json["pair_iterations"] = settings.pair_iterations;
  result.json["complete"] = broken.empty() && std::ssize(rows) == e.size();
  for (const TestClips::Broken& one : broken) {
    result.json["errors"].push_back({{"sequence", one.name}, {"error", one.problem}});
  }
  result.n_broken = std::ssize(broken);
  if (settings.figures) add_figures(e, scored, signals, result);
  if (result.stopped_by == 0) result.stopped_by = signals.caught();
  return result;
}

}  // namespace primal
