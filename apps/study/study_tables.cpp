#include "apps/study/study_tables.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/evaluation/statistics.h"
#include "apps/evaluation/task_evaluation.h"
#include "apps/scores/scores.h"
#include "apps/study/study_plan.h"

namespace primal {
namespace {

constexpr const char* kNoLpips = "no weights given: --lpips";

// The published numbers.
struct PublishedClasses {
  double accuracy, precision, f1;
};
constexpr PublishedClasses kDefect{0.764, 0.7627, 0.7627}, kNoise{0.732, 0.8464, 0.6646},
    kDenoised{0.804, 0.8028, 0.8031};
constexpr double kPsnr = 26.07, kSsim = 0.719, kMse = 0.0054, kLpips = 0.2754;

StudyTable class_table(std::string key, std::string title, const PublishedClasses& published,
                       std::vector<std::string> column_keys, std::vector<std::string> columns,
                       const std::vector<ConfusionMatrix>& confusions) {
  StudyTable table{std::move(key), std::move(title), std::move(column_keys), std::move(columns), {}};
  table.rows = {{"accuracy", "accuracy", 4, published.accuracy, {}},
                {"precision", "precision, weighted", 4, published.precision, {}},
                {"f1", "F1, weighted", 4, published.f1, {}}};
  for (const ConfusionMatrix& confusion : confusions) {
    const ClassScores weighted = confusion.weighted();
    table.rows[0].here.push_back(confusion.accuracy());
    table.rows[1].here.push_back(weighted.precision);
    table.rows[2].here.push_back(weighted.f1);
  }
  return table;
}

StudyTable denoising_table(const StudyScores& scores) {
  StudyTable table{"denoising",
                   "Denoising",
                   {kVersionKeys.begin(), kVersionKeys.end()},
                   {"noisy pictures", "encoder-decoder", "U-Net + PDHG"},
                   {{"psnr_db", "PSNR, dB", 2, kPsnr, {}},
                    {"ssim", "SSIM", 4, kSsim, {}},
                    {"mse", "MSE", 5, kMse, {}},
                    {"lpips", "LPIPS", 4, kLpips, {}}}};
  constexpr std::array kMembers{&VersionScores::psnr, &VersionScores::ssim, &VersionScores::mse,
                                &VersionScores::lpips};
  for (size_t r = 0; r < kMembers.size(); ++r) {
    for (size_t v = 0; v < kVersions.size(); ++v) {
      std::vector<double> values;
      for (const HeldOutPicture& p : scores.pictures) values.push_back(p.versions[v].*kMembers[r]);
      table.rows[r].here.push_back(summarise_scores(values).mean);
    }
  }
  return table;
}

std::string cell_of(const StudyTable::Row& row, double value) {
  if (row.key == "lpips" && std::isnan(value)) return kNoLpips;
  return score_text(value, row.digits);
}

std::string markdown_of(const StudyTable& table) {
  std::string text = fmt::format("## {}\n\n| | authors, their pictures |", table.title);
  for (const std::string& column : table.columns) text += fmt::format(" {} |", column);
  text += "\n| --- | ---: |";
  for (size_t c = 0; c < table.columns.size(); ++c) text += " ---: |";
  text += "\n";
  for (const StudyTable::Row& row : table.rows) {
    text += fmt::format("| {} | {} |", row.name, fmt::format("{}", row.authors));
    for (const double value : row.here) text += fmt::format(" {} |", cell_of(row, value));
    text += "\n";
  }
  return text + "\n";
}

// The gain in accuracy of the versions, with its interval.
struct AccuracyGain {
  Version version;
  double mean;
  Interval interval;
};
std::vector<AccuracyGain> accuracy_gains(const StudyOptions& o, const StudyScores& scores) {
  std::vector<AccuracyGain> gains;
  for (const Version version : {Version::denoiser, Version::unet_pdhg}) {
    const std::vector<double> each = scores.gains(version);
    gains.push_back({version, summarise_scores(each).mean, bootstrap_interval(each, o.seed)});
  }
  return gains;
}

std::string name_of(Version version) {
  return version == Version::denoiser    ? "encoder-decoder"
         : version == Version::unet_pdhg ? "U-Net + PDHG"
                                         : "noisy pictures";
}

std::string confusions_text(const StudyScores& scores) {
  std::string text = "## Confusion matrices\n\nRows are the truth.\n";
  const auto add = [&](const std::string& title, const ConfusionMatrix& confusion,
                       const std::vector<std::string>& labels) {
    text += fmt::format("\n{}:\n\n```\n{}```\n", title, confusion_text(confusion, labels));
  };
  add("Defect or ok, noisy pictures", scores.defect(Version::noisy), scores.labels);
  if (scores.by_picture)
    add("Defect or ok, noisy pictures, divided at random", *scores.by_picture, scores.labels);
  add("Type of noise", scores.noise(), scores.noise_types);
  for (const Version version : {Version::denoiser, Version::unet_pdhg})
    add("Defect or ok after " + name_of(version), scores.defect(version), scores.labels);
  return text;
}

std::string settings_text(const StudyOptions& o, const StudyScores& scores) {
  std::string text =
      fmt::format("{} of {} x {} pixels, one type of noise each ({}): {} train, {} are held out, ",
                  o.from.empty() ? "Generated castings" : "Photographs of castings", o.size, o.size,
                  fmt::join(scores.noise_types, ", "), scores.n_train, scores.pictures.size());
  text += o.by_part()
              ? "of each class the last by the number in their names, so that variants of a part are not in "
                "both sets as far as the numbers tell. "
              : "drawn at random, so that most parts have variants in both sets, which flatters every number "
                "here. ";
  const std::vector<PlannedTraining> plan = planned_trainings(o);
  const TrainConfig& unet = plan[3].config;
  text += fmt::format(
      "Every model trains on the same pictures and is the one after its last step. Seed {}.\n\n"
      "- Classifiers: configs/casting_defect.toml and casting_noise_type.toml, {} epochs, {}.\n"
      "- Encoder-decoder: configs/casting_denoiser.toml, {} epochs.\n"
      "- U-Net + PDHG, which the authors do not have: configs/quick.toml on the same noisy pictures, {} "
      "filters, {} blocks, T = {}, {} epochs, learning rate {}.\n\n"
      "The authors' numbers are of their pictures, which are not ours: another choice of the castings, noise "
      "of parameters that they do not give, and a split that they do not describe. What can be compared is "
      "the order of the numbers, not their third digit.\n\n",
      o.seed, o.epochs_classifier, o.relu ? "with ReLU" : "without ReLU", o.epochs_denoiser,
      unet.model.filters, unet.model.blocks, unet.model.iterations, o.epochs_unet,
      unet.training.learning_rate);
  return text;
}

nlohmann::json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

}  // namespace

std::vector<StudyTable> study_tables(const StudyScores& scores) {
  std::vector<std::string> keys{"noisy"}, columns{"here"};
  std::vector<ConfusionMatrix> confusions{scores.defect(Version::noisy)};
  if (scores.by_picture) {
    keys.emplace_back("noisy_by_picture");
    columns.emplace_back("here, divided at random");
    confusions.push_back(*scores.by_picture);
  }
  return {class_table("defect", "Defect or ok, noisy pictures", kDefect, keys, columns, confusions),
          class_table("noise_type", "Type of noise", kNoise, {"noisy"}, {"here"}, {scores.noise()}),
          denoising_table(scores),
          class_table("defect_after_denoising", "Defect or ok after denoising", kDenoised,
                      {"denoiser", "unet_pdhg"}, {name_of(Version::denoiser), name_of(Version::unet_pdhg)},
                      {scores.defect(Version::denoiser), scores.defect(Version::unet_pdhg)})};
}

std::string study_markdown(const StudyOptions& o, const StudyScores& scores) {
  std::string text = "# Study of castings\n\n" + settings_text(o, scores);
  for (const StudyTable& table : study_tables(scores)) text += markdown_of(table);
  text += fmt::format(
      "Gain in accuracy by denoising, mean over the {} held-out pictures with the 95 % interval of 10,000 "
      "bootstrap resamples (pairs, seed {}):\n\n",
      scores.pictures.size(), o.seed);
  for (const AccuracyGain& gain : accuracy_gains(o, scores))
    text += fmt::format("- {}: {:+.4f} ({:+.4f} .. {:+.4f})\n", name_of(gain.version), gain.mean,
                        gain.interval.low, gain.interval.high);
  return text + "\n" + confusions_text(scores);
}

std::string study_csv(const StudyScores& scores) {
  std::string text = "table,pictures,score,authors,here\n";
  for (const StudyTable& table : study_tables(scores)) {
    for (const StudyTable::Row& row : table.rows) {
      for (size_t c = 0; c < row.here.size(); ++c)
        text += fmt::format("{},{},{},{},{}\n", table.key, table.column_keys[c], row.key, row.authors,
                            csv_number(row.here[c]));
    }
  }
  return text;
}

nlohmann::json study_json(const StudyOptions& o, const StudyScores& scores) {
  nlohmann::json tables = nlohmann::json::object();
  for (const StudyTable& table : study_tables(scores)) {
    for (const StudyTable::Row& row : table.rows) {
      tables[table.key]["authors"][row.key] = row.authors;
      for (size_t c = 0; c < row.here.size(); ++c)
        tables[table.key][table.column_keys[c]][row.key] = number_or_null(row.here[c]);
    }
  }
  nlohmann::json gains = nlohmann::json::object();
  for (const AccuracyGain& gain : accuracy_gains(o, scores))
    gains[kVersionKeys[static_cast<size_t>(gain.version)]] = {
        {"mean", gain.mean},
        {"interval_95", {number_or_null(gain.interval.low), number_or_null(gain.interval.high)}}};
  nlohmann::json confusions = {{"noise_type", confusion_json(scores.noise(), scores.noise_types)}};
  for (size_t v = 0; v < kVersions.size(); ++v)
    confusions[std::string("defect_") + kVersionKeys[v]] =
        confusion_json(scores.defect(kVersions[v]), scores.labels);
  if (scores.by_picture)
    confusions["defect_noisy_by_picture"] = confusion_json(*scores.by_picture, scores.labels);
  return {{"settings", to_json(o)},
          {"lpips", o.lpips},
          {"trained_on", scores.n_train},
          {"held_out", scores.pictures.size()},
          {"tables", tables},
          {"gain_in_accuracy", gains},
          {"confusions", confusions}};
}

}  // namespace primal
