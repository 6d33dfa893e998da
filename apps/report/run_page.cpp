#include "apps/report/run_page.h"

#include <fmt/format.h>

#include "apps/report/page_parts.h"
#include "apps/report/run_sections.h"
#include "apps/report/task_sections.h"
#include "apps/training/checkpoint.h"
#include "apps/training/make_task.h"
#include "apps/training/model_choice.h"
#include "apps/training/run_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kReloadSeconds = 30;

// A relative data.folder is meant from where the training was started.
void find_data(std::string& place, const std::string& started_in) {
  std::error_code error;
  if (place.empty() || fs::path(place).is_absolute() || fs::exists(place, error)) return;
  const fs::path from_start = fs::path(started_in) / place;
  if (!started_in.empty() && fs::exists(from_start, error)) place = from_start.string();
}

// The best of the checkpoints that can be read.
const CheckpointRow* best_of(const std::vector<CheckpointRow>& checkpoints) {
  for (const char* name : {kBestCheckpoint, kLastCheckpoint}) {
    for (const CheckpointRow& row : checkpoints) {
      if (row.file == name && row.note.empty()) return &row;
    }
  }
  return nullptr;
}

}  // namespace

RunPictures run_pictures(Task& task, int64_t step) {
  return {step, task.samples_to_log(), task.validation_figures()};
}

RunPictures run_pictures(RunRecord& record, Device device) {
  const CheckpointRow* checkpoint = best_of(record.checkpoints);
  if (checkpoint == nullptr) {
    if (!record.checkpoints.empty())
      record.problems.push_back("No checkpoint can be read, so no pictures are shown.");
    return {};
  }
  try {
    const fs::path file = record.folder / checkpoint->file;
    CheckpointInfo info = checkpoint_info(file);
    find_data(info.config.data.folder, info.state.started_in);
    find_data(info.config.data.manifest, info.state.started_in);
    const std::unique_ptr<Task> task = make_task(info.config, device);
    load_initial_weights(file, task->model(), info.config);
    if (info.config.task.kind == "classify") task->validate([] { return true; });
    return run_pictures(*task, info.state.step);
  } catch (const Error& error) {
    record.problems.push_back(fmt::format("The validation pictures cannot be shown: {}", error.what()));
    return {};
  }
}

void add_run(Page& page, const RunRecord& record, const RunPictures& pictures) {
  add_problems(page, record.problems);
  add_run_scores(page, record);
  for (const auto& [name, figure] : pictures.figures) {
    if (name == "confusion")
      page.figure(figure,
                  fmt::format("Confusion matrix of the validation pictures after step {}: rows are the true "
                              "classes, columns what the model took them for.",
                              pictures.step));
  }
  add_task_figures(page, pictures.figures);
  add_run_curves(page, record);
  add_run_pictures(page, pictures.samples);
  if (pictures.step > 0 && !pictures.samples.empty())
    page.paragraph(fmt::format("These pictures were made by the model after step {}.", pictures.step));
  add_run_origin(page, record);
}

Page run_page(const RunRecord& record, const RunPictures& pictures, bool is_running) {
  const fs::path& folder = record.folder;
  const fs::path name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  Page page = report_page(fmt::format("Training {}", name.string()), command_of(record));
  if (is_running) page.reload_every(kReloadSeconds);
  page.paragraph(run_paragraph(record, is_running));
  add_run(page, record, pictures);
  return page;
}

}  // namespace primal
