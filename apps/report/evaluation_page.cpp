#include "apps/report/evaluation_page.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/report/json_fields.h"
#include "apps/report/page_parts.h"
#include "apps/report/run_sections.h"
#include "apps/report/task_sections.h"
#include "apps/shell/build_info.h"
#include "apps/shell/command_line.h"
#include "apps/shell/machine.h"
#include "apps/training/model_choice.h"
#include "apps/training/test_pictures.h"
#include "model/model_file.h"
#include "tensor/error.h"
#include "tensor/exec.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

std::string title_of(const EvaluationRecord& record) {
  const fs::path model = text_in(object_in(record.summary, "settings"), "model");
  return model.empty() ? std::string("Evaluation") : fmt::format("Evaluation of {}", model.string());
}

std::string command_in(const EvaluationRecord& record) {
  return text_in(object_in(record.summary, "origin"), "command");
}

// The settings of summary.json as evaluate_picture takes them.
EvaluationSettings settings_of(const nlohmann::json& json) {
  EvaluationSettings settings;
  const nlohmann::json grid = object_in(json, "grid");
  settings.noise_kind = parse_noise_kind(json.at("noise_kind").get<std::string>());
  settings.noise = json.at("noise").get<double>();
  settings.seed = json.at("seed").get<uint64_t>();
  settings.grid = {grid.at("low").get<double>(), grid.at("high").get<double>(), grid.at("n").get<int64_t>()};
  settings.scalar_iterations = json.at("scalar_iterations").get<int64_t>();
  settings.tile = integer_in(json, "tile");
  const auto refine = json.find("refine");  // earlier versions refined nothing
  settings.refine = refine != json.end() && !refine->empty() && refine->front().get<bool>();
  return settings;
}

// Throws where model or pictures are not there any more.
std::vector<ShownEvaluation> shown_again(const EvaluationRecord& record, Device device) {
  const nlohmann::json json = object_in(record.summary, "settings");
  const EvaluationSettings settings = settings_of(json);
  const fs::path file = find_model_file(json.at("model").get<std::string>()).path;
  const std::unique_ptr<UnrolledTv> model = load_model(file, {}, device);
  const std::string range = text_in(json, "range");
  const TestPictures pictures(json.at("folder").get<std::string>(), json.at("size").get<int64_t>(), 0,
                              parse_level_range(range.empty() ? "full" : range), true);
  std::vector<int64_t> picture_of;
  for (const Evaluation& row : record.rows) {
    int64_t found = -1;
    for (int64_t i = 0; i < pictures.size() && found < 0; ++i) {
      if (pictures.name(i) == row.name) found = i;
    }
    if (found < 0)
      throw DataError("[report] {} has no picture {} any more", pictures.folder().string(), row.name);
    picture_of.push_back(found);
  }
  std::vector<ShownEvaluation> shown =
      shown_evaluations({*model, pictures, settings}, record.rows, picture_of, {});
  for (const ShownEvaluation& s : shown) {
    const auto row = std::ranges::find(record.rows, s.scores.name, &Evaluation::name);
    if (std::abs(row->map.psnr - s.scores.map.psnr) > 0.01)
      throw DataError("[report] {} or the pictures have changed since: {} had {:.2f} dB, now {:.2f} dB",
                      file.string(), row->name, row->map.psnr, s.scores.map.psnr);
  }
  return shown;
}

}  // namespace

nlohmann::json origin_json() {
  const BuildInfo& build = build_info();
  return {{"command", command_line()},
          {"version of Primal", fmt::format("{} ({})", build.version, build.commit)},
          {"compiler", build.compiler},
          {"processor", this_machine().cpu},
          {"threads", num_threads()},
          {"time (UTC)", utc_time()}};
}

std::vector<ShownEvaluation> shown_evaluations(const EvaluatedAgain& again,
                                               const std::vector<Evaluation>& rows,
                                               const std::vector<int64_t>& picture_of,
                                               const std::vector<int64_t>& also) {
  std::vector<TellingRow> wanted = telling_rows(rows);
  for (const int64_t picture : also) {
    const auto row = static_cast<size_t>(std::ranges::find(picture_of, picture) - picture_of.begin());
    if (row < rows.size() && std::ranges::count(wanted, row, &TellingRow::row) == 0)
      wanted.push_back({row, "Chosen by --figure"});
  }
  std::vector<ShownEvaluation> shown;
  for (const TellingRow& t : wanted) {
    ShownEvaluation s{t.why, {}, {}};
    s.scores =
        evaluate_picture(again.model, again.pictures, picture_of.at(t.row), again.settings, &s.pictures);
    shown.push_back(std::move(s));
  }
  return shown;
}

void add_map_evaluation(Page& page, const EvaluationRecord& record,
                        const std::vector<ShownEvaluation>& shown) {
  add_problems(page, record.problems);
  const nlohmann::json settings = object_in(record.summary, "settings");
  const EvaluationScope scope{record.rows, record.models, settings, record.seed()};
  if (!record.rows.empty()) add_evaluation_scores(page, scope);
  add_evaluation_pictures(page, shown);
  if (!record.rows.empty()) add_evaluation_rows(page, scope);
}

Page evaluation_page(const EvaluationRecord& record, const std::vector<ShownEvaluation>& shown) {
  Page page = report_page(title_of(record), command_in(record));
  const nlohmann::json settings = object_in(record.summary, "settings");
  if (!record.rows.empty())
    page.paragraph(evaluation_paragraph({record.rows, record.models, settings, record.seed()}));
  add_map_evaluation(page, record, shown);
  add_evaluation_origin(page, record.summary);
  return page;
}

Page task_evaluation_page(const EvaluationRecord& record, const std::vector<NamedFigure>& figures,
                          const std::vector<TaskSample>& samples) {
  Page page = report_page(title_of(record), command_in(record));
  page.paragraph(task_paragraph(record.summary));
  add_problems(page, record.problems);
  add_task_scores(page, record.summary);
  add_task_samples(page, samples);
  add_task_figures(page, figures);
  add_evaluation_origin(page, record.summary);
  return page;
}

void add_evaluation_folder(Page& page, EvaluationRecord record, Device device) {
  if (record.task != "denoise") {
    page.paragraph(task_paragraph(record.summary));
    add_problems(page, record.problems);
    add_task_scores(page, record.summary);
    add_figure_files(page, record.folder, record.figures);
    return add_evaluation_origin(page, record.summary);
  }
  std::vector<ShownEvaluation> shown;
  if (!record.rows.empty()) {
    try {
      shown = shown_again(record, device);
    } catch (const std::exception& error) {
      record.problems.push_back(fmt::format(
          "The pictures cannot be computed again, so the figures of the folder stand in their place: {}",
          object_in(record.summary, "settings").empty() ? "the settings are not known" : error.what()));
    }
    page.paragraph(evaluation_paragraph(
        {record.rows, record.models, object_in(record.summary, "settings"), record.seed()}));
  }
  add_map_evaluation(page, record, shown);
  if (shown.empty()) add_figure_files(page, record.folder, record.figures);
  add_evaluation_origin(page, record.summary);
}

Page evaluation_folder_page(EvaluationRecord record, Device device) {
  Page page = report_page(title_of(record), command_in(record));
  add_evaluation_folder(page, std::move(record), device);
  return page;
}

}  // namespace primal
