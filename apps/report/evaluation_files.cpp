#include "apps/report/evaluation_files.h"

#include <nlohmann/json.hpp>

#include "apps/evaluation/report.h"
#include "apps/pictures/results.h"
#include "apps/pictures/text_file.h"
#include "apps/report/evaluation_record.h"
#include "apps/shards/part_settings.h"
#include "apps/shell/json_text.h"
#include "apps/training/run_folder.h"
#include "tensor/error.h"

namespace primal {

namespace fs = std::filesystem;

void check_figure_folders(const fs::path& folder, bool overwrite) {
  for (const char* name : kFigureFolders) {
    const fs::path figures = folder / name;
    if (std::error_code error; !overwrite && fs::exists(figures, error))
      throw IoError("[output] {} exists; give --overwrite to replace its figures", figures.string());
  }
}

EvaluationFiles::EvaluationFiles(const std::string& folder, bool overwrite, size_t n_models)
    : folder_(folder) {
  if (folder.empty()) return;
  for (const char* name : {"evaluation.csv", "iterations.csv", kPartSettings, "summary.csv", "summary.json",
                           "summary.txt", kReportFile})
    check_result_file(folder_ / name, overwrite);
  check_figure_folders(folder_, overwrite);
  csv_ = begin_table(folder_ / "evaluation.csv", csv_header(n_models - 1));
  for (const char* name : {"summary.csv", "summary.json", "summary.txt", kReportFile}) {
    std::error_code error;
    fs::remove(folder_ / name, error);  // of an earlier evaluation
  }
}

void EvaluationFiles::append(const std::string& line) {
  if (folder_.empty()) return;
  csv_ << line << std::flush;
  if (!csv_) {
    throw IoError("[evaluate] cannot write {}: the disk may be full; the rows written before are kept",
                  (folder_ / "evaluation.csv").string());
  }
}

void EvaluationFiles::write_summary(const nlohmann::json& summary, const std::string& table) const {
  if (folder_.empty()) return;
  write_text(folder_ / "summary.json", json_text(summary, 2) + "\n");
  write_text(folder_ / "summary.txt", table);
}

void EvaluationFiles::write(const std::string& name, const std::string& text) const {
  write_text(folder_ / name, text);
}

std::string EvaluationFiles::write_figure(const std::string& name, const Figure& figure,
                                          const FigureStyle& style) const {
  const fs::path file = folder_ / (name + style.ending());
  make_result_folder(file.parent_path());
  style.write(file, figure);
  return file.string();
}

}  // namespace primal
