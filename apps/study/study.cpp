#include "apps/study/study.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/pictures/results.h"
#include "apps/pictures/text_file.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/study/study_figures.h"
#include "apps/study/study_pictures.h"
#include "apps/study/study_scores.h"
#include "apps/study/study_tables.h"
#include "apps/training/make_task.h"
#include "apps/training/progress.h"
#include "apps/training/run_folder.h"
#include "apps/training/run_lock.h"
#include "apps/training/trainer.h"
#include "model/perceptual.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Stop = const volatile std::sig_atomic_t&;

// What a file of the study says; nothing where it is not there or no JSON.
std::optional<json> read_json(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  json found = json::parse(text, nullptr, false);
  if (!found.is_object()) return std::nullopt;
  return found;
}

// Whether there is anything but what a process left that was killed while it wrote the settings
// (data/file/file.h).
bool holds_files(const StudyFolder& folder) {
  const std::string unfinished = fmt::format(".{}.", folder.settings().filename().string());
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder.root, error)) {
    if (!file.path().filename().string().starts_with(unfinished)) return true;
  }
  return false;
}

// Takes the folder for this study, or goes on with it.
void take_folder(const StudyOptions& o) {
  const StudyFolder folder{o.output};
  std::error_code error;
  const json wanted = to_json(o);
  if (!fs::exists(folder.settings(), error)) {
    if (holds_files(folder))
      throw ConfigError("[study] {} contains files, but no study ({}): give another folder", o.output,
                        folder.settings().filename().string());
    make_result_folder(folder.root);
    write_text(folder.settings(), json_text(wanted, 2) + "\n");
    return;
  }
  const std::optional<json> found = read_json(folder.settings());
  if (!found) throw DataError("[study] {} is damaged: give another folder", folder.settings().string());
  std::string differences;
  for (const auto& [key, value] : wanted.items()) {
    const json before = found->value(key, json());
    if (before != value)
      differences += fmt::format("\n  {}: {} there, {} now", key, json_text(before), json_text(value));
  }
  if (!differences.empty())
    throw ConfigError("[study] {} holds a study with other settings:{}\n  give the same, or another folder",
                      o.output, differences);
}

bool is_done(const StudyOptions& o) {
  const fs::path root = o.output;
  for (const char* name : {"study.md", "study.csv", "samples.png", "confusion.png"}) {
    if (std::error_code error; !fs::exists(root / name, error)) return false;
  }
  const std::optional<json> found = read_json(root / "study.json");
  return found && found->value("settings", json()) == to_json(o) && found->value("lpips", "") == o.lpips;
}

// The signal that stopped it, or 0.
int train_one(const PlannedTraining& planned, bool quiet, Device device, Stop stop) {
  const fs::path last = fs::path(planned.config.output) / kLastCheckpoint;
  std::error_code error;
  const bool resumes = fs::exists(last, error);
  TrainConfig config = planned.config;
  complete_config(config);
  const std::unique_ptr<Task> task = make_task(config, device);
  const int64_t n_steps = n_steps_of(config, task->n_samples());
  const int64_t done = resumes ? checkpoint_info(last).state.step : 0;
  if (resumes && done >= n_steps && !checkpoint_info(last).state.validation_due) {
    if (!quiet) say("{}: done before, {} steps\n", planned.name, n_steps);
    return 0;
  }
  make_result_folder(config.output);
  if (!quiet) {
    say("{}: {} steps{}, {} parameters\n", planned.name, n_steps,
        done > 0 ? fmt::format(", goes on from {}", done) : "", task->model().n_parameters());
    for (const std::string& remark : task->remarks())
      say_text(fmt::format("note: {}\n", visible_message(remark)));
  }
  const Progress progress(quiet ? ProgressMode::none : ProgressMode::automatic, config.training.batch);
  const TrainResult result = train(
      *task, config, resumes, stop, [&](const TrainEvent& e) { progress.show(e); },
      [&](const std::string& remark) {
        if (!quiet) say("  note: {}\n", remark);
      });
  return result.stopped_by;
}

}  // namespace

int run_study(const StudyOptions& o, bool quiet, Device device, Stop stop) {
  if (o.output.empty()) throw ConfigError("[study] -o is empty, expected a folder");
  if (!o.lpips.empty()) {
    if (o.size < Lpips::kSmallestSide)
      throw ConfigError("[study] --lpips needs pictures of {} pixels or more, --size is {}",
                        Lpips::kSmallestSide, o.size);
    load_lpips(o.lpips);  // to be refused now, not after the trainings
  }
  check_study_pictures(o);
  take_folder(o);
  const RunLock lock(o.output);
  if (is_done(o)) return 0;
  if (!quiet) say("noisy pictures: {}\n", StudyFolder{o.output}.manifest().string());
  if (!make_study_pictures(o, quiet, device, stop)) return stop;
  for (const PlannedTraining& planned : planned_trainings(o)) {
    if (const int stopped = train_one(planned, quiet, device, stop); stopped != 0) return stopped;
  }
  if (!quiet) say("scores of the pictures that were held out\n");
  const std::optional<StudyScores> scores = score_study(o, device, stop);
  if (!scores) return stop;
  const fs::path root = o.output;
  write_study_figures(o, *scores);
  write_text(root / "study.md", study_markdown(o, *scores));
  write_text(root / "study.csv", study_csv(*scores));
  write_text(root / "study.json", json_text(study_json(o, *scores), 2) + "\n");  // last: the study is done
  return 0;
}

}  // namespace primal
