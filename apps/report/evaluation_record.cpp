#include "apps/report/evaluation_record.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/evaluation/model_names.h"
#include "apps/report/json_fields.h"
#include "apps/shell/is_folder.h"
#include "data/file/file.h"
#include "data/table/table.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTaskFigures = 100;

// The table; where that is broken, those of its lines that are whole.
std::optional<Table> readable_table(const fs::path& file, std::vector<std::string>& problems) {
  const std::vector<uint8_t> bytes = read_file(file, kMaxTableBytes);
  const std::string name = file.filename().string();
  try {
    return parse_table(bytes, name);
  } catch (const DataError& whole) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const size_t end_of_header = std::min(text.find('\n'), text.size());
    std::optional<Table> table;
    int64_t n_broken = 0;
    for (size_t at = end_of_header + 1; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string one =
          fmt::format("{}\n{}\n", text.substr(0, end_of_header), text.substr(at, end - at));
      at = end + 1;
      try {
        const Table row = parse_table({reinterpret_cast<const uint8_t*>(one.data()), one.size()}, name);
        if (!table) table = Table{row.name, row.is_sheet, row.columns, {}};
        table->rows.insert(table->rows.end(), row.rows.begin(), row.rows.end());
      } catch (const DataError&) {
        ++n_broken;
      }
    }
    problems.push_back(fmt::format("{} line{} of {} cannot be read and {} left out; the first problem: {}",
                                   n_broken, n_broken == 1 ? "" : "s", name, n_broken == 1 ? "is" : "are",
                                   whole.what()));
    return table;
  }
}

double number_of(const std::string& text) {
  const std::optional<double> value = number_in_csv(text);
  if (!value) throw DataError("[report] '{}' is not a number", text);
  return *value;
}

Evaluation row_of(const Table& table, size_t row, size_t n_models) {
  const auto value = [&](const std::string& name) { return number_of(table.text(row, table.column(name))); };
  Evaluation e{.name = table.text(row, table.column("picture")),
               .noisy = {value("psnr_noisy"), value("ssim_noisy")},
               .map = {value("psnr_map"), value("ssim_map")},
               .lambda_by_psnr = value("lambda_by_psnr"),
               .lambda_by_ssim = value("lambda_by_ssim"),
               .by_psnr = {value("psnr_by_psnr"), value("ssim_by_psnr")},
               .by_ssim = {value("psnr_by_ssim"), value("ssim_by_ssim")}};
  for (size_t m = 2; m <= n_models; ++m)
    e.other_maps.push_back({value(fmt::format("psnr_map_{}", m)), value(fmt::format("ssim_map_{}", m))});
  return e;
}

void read_rows(EvaluationRecord& record) {
  const fs::path file = record.folder / "evaluation.csv";
  if (!is_there(file)) {
    record.problems.push_back("evaluation.csv is missing, so there are no scores of the pictures.");
    return;
  }
  const std::optional<Table> table = readable_table(file, record.problems);
  if (!table) return;
  size_t n_models = 1;
  while (table->find_column(fmt::format("psnr_map_{}", n_models + 1))) ++n_models;
  int64_t n_broken = 0;
  std::string first;
  for (size_t i = 0; i < table->rows.size(); ++i) {
    try {
      record.rows.push_back(row_of(*table, i, n_models));
    } catch (const Error& error) {
      if (n_broken++ == 0) first = error.what();
    }
  }
  if (n_broken > 0)
    record.problems.push_back(fmt::format(
        "{} row{} of evaluation.csv {} no scores and {} left out; the first: {}", n_broken,
        n_broken == 1 ? "" : "s", n_broken == 1 ? "has" : "have", n_broken == 1 ? "is" : "are", first));
  while (record.models.size() < n_models) {
    record.models.push_back(n_models == 1 ? "map" : fmt::format("model {}", record.models.size() + 1));
  }
  record.models.resize(n_models);
}

void read_summary(EvaluationRecord& record) {
  const fs::path file = record.folder / "summary.json";
  if (!is_there(file)) {
    record.problems.push_back(
        "summary.json is missing: the evaluation was stopped or is at work. Its settings are not known, and "
        "intervals are computed anew with seed 42.");
    return;
  }
  const std::vector<uint8_t> bytes = read_file(file, kMaxTableBytes);
  auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) {
    record.problems.push_back("summary.json is broken (no JSON object), so the settings are not known.");
    return;
  }
  record.summary = std::move(json);
  if (const std::string task = text_in(record.summary, "task"); !task.empty()) record.task = task;
  std::vector<std::string> models;
  const nlohmann::json settings = object_in(record.summary, "settings");
  if (settings.contains("models") && settings["models"].is_array()) {
    for (const nlohmann::json& model : settings["models"])
      if (model.is_string()) models.push_back(model.get<std::string>());
  }
  if (!models.empty()) record.models = names_of_models(models);
  const auto complete = record.summary.find("complete");
  if (complete != record.summary.end() && *complete == false)
    record.problems.push_back(
        "The evaluation is not complete: it was stopped, or pictures could not be processed.");
}

void find_figures(EvaluationRecord& record) {
  for (const char* name : kFigureFolders) {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(record.folder / name, error)) {
      const std::string ending = entry.path().extension().string();
      if ((ending == ".png" || ending == ".svg") && record.figures.size() < kMaxTaskFigures)
        record.figures.push_back(entry.path());
    }
  }
  std::ranges::sort(record.figures);
}

}  // namespace

uint64_t EvaluationRecord::seed() const {
  const nlohmann::json settings = object_in(summary, "settings");
  const auto found = settings.find("seed");
  return found != settings.end() && found->is_number_integer() ? found->get<uint64_t>() : 42;
}

bool has_evaluation_files(const fs::path& folder) {
  return is_there(folder / "evaluation.csv") || is_there(folder / "summary.json");
}

EvaluationRecord read_evaluation_record(const fs::path& folder) {
  EvaluationRecord record{.folder = folder};
  try {
    read_summary(record);
  } catch (const Error& error) {
    record.problems.push_back(fmt::format("summary.json cannot be read: {}", error.what()));
  }
  try {
    if (record.task == "denoise") read_rows(record);
  } catch (const Error& error) {
    record.problems.push_back(fmt::format("evaluation.csv cannot be read: {}", error.what()));
  }
  find_figures(record);
  return record;
}

}  // namespace primal
