#include "apps/evaluation/task_evaluation.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <utility>

#include "apps/evaluation/sequence_evaluation.h"
#include "apps/scores/scores.h"
#include "apps/shell/is_folder.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "apps/shell/visible_text.h"
#include "apps/training/checkpoint.h"
#include "apps/training/classification_task.h"
#include "apps/training/pair_data.h"
#include "data/metrics/fit_scores.h"
#include "data/noise/noise.h"
#include "data/table/table.h"
#include "model/checkpoint_format.h"
#include "model/perceptual.h"
#include "tensor/error.h"

namespace primal {
namespace {

// The settings that the model was trained with, but of the pictures to be scored.
TrainConfig config_for(const Safetensors& file, const TaskEvaluationSettings& settings) {
  TrainConfig config = checkpoint_config(file);
  const bool folder = is_folder(settings.data.string());
  config.data.folder = folder ? settings.data.string() : "";
  config.data.manifest = folder ? "" : settings.data.string();
  if (!settings.range.empty()) config.data.range = settings.range;
  return config;
}

nlohmann::json to_json(const ClassScores& s) {
  return {{"precision", s.precision}, {"recall", s.recall}, {"f1", s.f1}};
}

nlohmann::json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

std::string scores_line(const std::string& name, const ClassScores& s, int64_t n) {
  return fmt::format("{:<20} {:>10.4f} {:>8.4f} {:>8.4f} {:>9}\n", name, s.precision, s.recall, s.f1, n);
}

// The pictures that could not be read: each is reported as it is found.
class BrokenPictures {
 public:
  void add(const std::string& name, const Error& error) {
    say("primal: {}\n", error.what());
    list_.push_back({{"picture", name}, {"error", error.what()}});
  }
  int64_t n() const { return std::ssize(list_); }
  void put_into(TaskEvaluation& result) const {
    result.n_broken = n();
    if (n() > 0) result.json["errors"] = list_;
  }
  void check_that_some_are_left(int64_t n_scored) const {
    if (n_scored == 0 && n() > 0) throw DataError("[evaluate] none of {} pictures could be read", n());
  }

 private:
  nlohmann::json list_ = nlohmann::json::array();
};

// The first pictures, and those whose PSNR rises the least and the most.
class Extremes {
 public:
  void add(const TaskSample& s) {
    if (first_.size() < kFirst) first_.push_back(s);
    const double gain = gain_of(s);
    if (!least_ || gain < gain_of(*least_)) least_ = s;
    if (!most_ || gain > gain_of(*most_)) most_ = s;
  }
  std::vector<TaskSample> samples() const {
    std::vector<TaskSample> all;
    const auto append = [&](TaskSample s, const char* why) {
      if (std::ranges::count(all, s.name, &TaskSample::name) > 0) return;
      s.why = why;
      all.push_back(std::move(s));
    };
    if (least_) append(*least_, "The smallest gain");
    if (most_) append(*most_, "The largest gain");
    for (const TaskSample& s : first_) append(s, "One of the first");
    return all;
  }

 private:
  static constexpr size_t kFirst = 2;
  static double gain_of(const TaskSample& s) { return s.after.psnr - s.before.psnr; }

  std::vector<TaskSample> first_;
  std::optional<TaskSample> least_, most_;
};

TaskEvaluation evaluate_classifier(const std::filesystem::path& path,
                                   const TaskEvaluationSettings& settings) {
  if (!settings.lpips.empty())
    throw ConfigError("[evaluate] --lpips is for models of task reconstruct; {} is one of task classify",
                      path.string());
  const StopSignals signals;
  const Classifier model = load_classifier(path, settings.device);
  const LabelledSet pictures =
      all_labelled_pictures(config_for(Safetensors::read(path), settings), settings.limit);
  std::vector<ClassifiedPicture> seen;
  const auto keep_going = [&] {
    if (settings.watch) settings.watch("picture", std::ssize(seen), pictures.size());
    return signals.caught() == 0;
  };
  BrokenPictures broken;
  const auto leave_out = [&](int64_t i, const Error& error) {
    broken.add(pictures.pictures->name(i), error);
  };
  const ConfusionMatrix confusion = confusion_of(model, pictures, keep_going, &seen, leave_out);
  TaskEvaluation result;
  result.stopped_by = signals.caught();
  if (result.stopped_by != 0 && seen.empty()) throw Stopped(result.stopped_by, false);
  broken.check_that_some_are_left(confusion.n());
  result.csv = confusion_csv(confusion, model.labels());
  if (settings.figures) {
    result.figures.push_back({"confusion", confusion_figure(confusion, model.labels())});
    if (!seen.empty())
      result.figures.push_back({"examples", classified_examples(pictures, model.labels(), seen)});
  }
  result.json = {
      {"task", "classify"}, {"pictures", confusion.n()}, {"complete", confusion.n() == pictures.size()}};
  result.json.update(confusion_json(confusion, model.labels()));
  broken.put_into(result);
  result.text =
      fmt::format("{} pictures, accuracy {:.4f}\n\n{:<20} {:>10} {:>8} {:>8} {:>9}\n", confusion.n(),
                  confusion.accuracy(), "class", "precision", "recall", "F1", "pictures");
  for (int64_t k = 0; k < confusion.n_classes(); ++k) {
    result.text += scores_line(visible(model.labels()[static_cast<size_t>(k)]), confusion.scores_of(k),
                               confusion.n_of(k));
  }
  result.text += scores_line("weighted mean", confusion.weighted(), confusion.n());
  result.text += scores_line("macro mean", confusion.macro(), confusion.n());
  result.text += fmt::format("\n{}", confusion_text(confusion, model.labels()));
  return result;
}

TaskEvaluation evaluate_autoencoder(const std::filesystem::path& path,
                                    const TaskEvaluationSettings& settings) {
  const StopSignals signals;
  const Autoencoder model = load_autoencoder(path, settings.device);
  const std::unique_ptr<Lpips> lpips =
      settings.lpips.empty() ? nullptr : load_lpips(settings.lpips, settings.device);
  const TrainConfig config = config_for(Safetensors::read(path), settings);
  if (!settings.range.empty() && (!config.data.manifest.empty() || has_mnist(config.data.folder)))
    throw ConfigError(
        "[evaluate] --range is for pictures of a folder; {} is {}, whose pictures are taken as they are",
        settings.data.string(), config.data.manifest.empty() ? "MNIST" : "a manifest");
  BrokenPictures broken;
  const PairSet pairs =
      all_pairs(config, [&](const std::string& name, const Error& error) { broken.add(name, error); });
  const NoiseKind kind =
      parse_noise_kind(settings.noise_kind.empty() ? config.noise.kind : settings.noise_kind);
  const int64_t n_wanted = settings.limit > 0 ? std::min(settings.limit, pairs.size()) : pairs.size();
  int64_t n = 0;  // scored
  ScoreColumns noisy_scores, scores;
  std::vector<double> noisy_errors, errors, noisy_distances, distances;
  FitScores noisy_fit, fit;
  Extremes extremes;
  ShownPictures shown;
  TaskEvaluation result;
  result.csv = "picture,psnr_noisy_db,psnr_db,ssim_noisy,ssim,mse_noisy,mse,lpips_noisy,lpips\n";
  for (int64_t i = 0; i < n_wanted && signals.caught() == 0; ++i) {
    if (settings.watch) settings.watch("picture", i, n_wanted);
    Tensor clean, noisy;
    try {
      clean = pairs.clean->clean(i);
      noisy = pairs.noisy != nullptr
                  ? pairs.noisy->clean(i)
                  : add_noise(clean, kind, settings.noise,
                              NoiseKey{.seed = settings.seed, .sample = static_cast<uint32_t>(i)});
    } catch (const Error& error) {
      broken.add(pairs.clean->name(i), error);
      continue;
    }
    ++n;
    const Tensor y = model.denoise(noisy);
    if (settings.figures && std::ssize(shown.clean) < n_shown_pictures(model)) {
      shown.clean.push_back(clean);
      shown.noisy.push_back(noisy);
      shown.denoised.push_back(y);
      if (!pairs.classes.empty()) shown.classes.push_back(pairs.classes.at(static_cast<size_t>(i)));
    }
    const Scores before = scores_of(noisy, clean), after = scores_of(y, clean);
    if (settings.figures) extremes.add({"", pairs.clean->name(i), clean, noisy, y, before, after});
    noisy_scores.add(before);
    scores.add(after);
    noisy_errors.push_back(mse(noisy, clean));
    errors.push_back(mse(y, clean));
    noisy_fit.add(clean, noisy);
    fit.add(clean, y);
    if (lpips != nullptr) {
      noisy_distances.push_back(lpips->distance(noisy, clean).front());
      distances.push_back(lpips->distance(y, clean).front());
    }
    result.csv += fmt::format("{},{},{},{},{},{},{},{},{}\n", pairs.clean->name(i), before.psnr, after.psnr,
                              before.ssim, after.ssim, noisy_errors.back(), errors.back(),
                              lpips != nullptr ? csv_number(noisy_distances.back()) : "",
                              lpips != nullptr ? csv_number(distances.back()) : "");
  }
  result.stopped_by = signals.caught();
  if (result.stopped_by != 0 && n == 0) throw Stopped(result.stopped_by, false);
  broken.check_that_some_are_left(n);
  const auto as_json = [](const ScoreColumns& s, const std::vector<double>& e, const std::vector<double>& d,
                          const FitScores& f) {
    return nlohmann::json{{"psnr_db", number_or_null(s.mean().psnr)},
                          {"ssim", number_or_null(s.mean().ssim)},
                          {"mse", number_or_null(summarise_scores(e).mean)},
                          {"lpips", number_or_null(summarise_scores(d).mean)},
                          {"r2", number_or_null(f.r2())},
                          {"mae", number_or_null(f.mae())},
                          {"rmse", number_or_null(f.rmse())},
                          {"soft_accuracy", number_or_null(f.soft_accuracy())}};
  };
  result.json = {{"task", "reconstruct"},
                 {"pictures", n},
                 {"complete", n == n_wanted && broken.n() == 0},
                 {"noisy", as_json(noisy_scores, noisy_errors, noisy_distances, noisy_fit)},
                 {"denoised", as_json(scores, errors, distances, fit)}};
  broken.put_into(result);
  result.text = fmt::format("mean of {} pictures     {:>10} {:>10}\n", n, "noisy", "denoised");
  const auto row = [&](const char* name, const char* key, int digits) {
    const auto text = [&](const char* which) {
      const nlohmann::json& value = result.json.at(which).at(key);
      return value.is_null() ? std::string("-") : fmt::format("{:.{}f}", value.get<double>(), digits);
    };
    result.text += fmt::format("  {:<24} {:>10} {:>10}\n", name, text("noisy"), text("denoised"));
  };
  row("PSNR, dB", "psnr_db", 2);
  row("SSIM", "ssim", 4);
  row("MSE", "mse", 5);
  if (lpips != nullptr)
    row("LPIPS", "lpips", 4);
  else
    result.text += "  LPIPS                    no weights given: --lpips FILE\n";
  result.text += "all pixels together\n";
  row("R2", "r2", 4);
  row("MAE", "mae", 5);
  row("RMSE", "rmse", 5);
  row("soft accuracy", "soft_accuracy", 4);
  result.samples = extremes.samples();
  if (!shown.clean.empty()) {
    AutoencoderFigureSettings figures = settings.figure_settings;
    figures.progress = [&](int iteration, double divergence) {  // t-SNE takes a while, and stops too
      const bool goes_on =
          !settings.figure_settings.progress || settings.figure_settings.progress(iteration, divergence);
      return goes_on && signals.caught() == 0;
    };
    result.figures = autoencoder_figures(model, shown, figures);
  }
  if (result.stopped_by == 0) result.stopped_by = signals.caught();
  return result;
}

}  // namespace

TaskEvaluation evaluate_task(const std::filesystem::path& model, const TaskEvaluationSettings& settings) {
  const std::string architecture = architecture_in(Safetensors::read(model));
  if (architecture == kDynamicTv) return evaluate_sequences(model, settings);
  return architecture == kCastingClassifier ? evaluate_classifier(model, settings)
                                            : evaluate_autoencoder(model, settings);
}

std::string confusion_csv(const ConfusionMatrix& confusion, const std::vector<std::string>& labels) {
  std::string text = "truth";
  for (const std::string& label : labels) text += fmt::format(",{}", csv_field(label));
  text += "\n";
  for (int64_t t = 0; t < confusion.n_classes(); ++t) {
    text += csv_field(labels[static_cast<size_t>(t)]);
    for (int64_t p = 0; p < confusion.n_classes(); ++p) text += fmt::format(",{}", confusion.at(t, p));
    text += "\n";
  }
  return text;
}

std::string confusion_text(const ConfusionMatrix& confusion, const std::vector<std::string>& labels) {
  std::string text = fmt::format("{:<20}", "truth \\ taken for");
  for (const std::string& label : labels) text += fmt::format(" {:>12}", visible(label));
  text += "\n";
  for (int64_t t = 0; t < confusion.n_classes(); ++t) {
    text += fmt::format("{:<20}", visible(labels[static_cast<size_t>(t)]));
    for (int64_t p = 0; p < confusion.n_classes(); ++p) text += fmt::format(" {:>12}", confusion.at(t, p));
    text += "\n";
  }
  return text;
}

nlohmann::json confusion_json(const ConfusionMatrix& confusion, const std::vector<std::string>& labels) {
  nlohmann::json counts = nlohmann::json::array(), classes = nlohmann::json::object();
  for (int64_t t = 0; t < confusion.n_classes(); ++t) {
    nlohmann::json row = nlohmann::json::array();
    for (int64_t p = 0; p < confusion.n_classes(); ++p) row.push_back(confusion.at(t, p));
    counts.push_back(row);
    classes[labels[static_cast<size_t>(t)]] = to_json(confusion.scores_of(t));
  }
  return {{"labels", labels},
          {"confusion", counts},
          {"accuracy", confusion.accuracy()},
          {"classes", classes},
          {"weighted", to_json(confusion.weighted())},
          {"macro", to_json(confusion.macro())}};
}

}  // namespace primal
