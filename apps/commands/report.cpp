// primal report: the folder of a training or an evaluation as one web page.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/pictures/text_file.h"
#include "apps/report/evaluation_page.h"
#include "apps/report/page_parts.h"
#include "apps/report/run_page.h"
#include "apps/report/run_sections.h"
#include "apps/shell/is_folder.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/training/run_folder.h"
#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  CommonOptions common;
  std::string folder, output;
  bool overwrite = false;
};

void check_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder, error))
    throw IoError("[report] there is no folder {}; expected that of a training or an evaluation",
                  folder.string());
  if (!is_folder(folder))
    throw ConfigError("[report] {} is a file, expected the folder of a training or an evaluation",
                      folder.string());
  fs::directory_iterator(folder, error);
  if (error) throw IoError("[report] cannot read the folder {}: {}", folder.string(), error.message());
}

Page page_of(const fs::path& folder, Device device, std::vector<std::string>& problems) {
  const bool is_run = has_run_files(folder), is_evaluation = has_evaluation_files(folder);
  if (!is_run && !is_evaluation) {
    throw DataError(
        "[report] {} has no file of a training (config.toml, metrics.csv, events.jsonl, last.safetensors) "
        "and none of an evaluation (evaluation.csv, summary.json)",
        folder.string());
  }
  EvaluationRecord evaluation;
  if (is_evaluation) {
    evaluation = read_evaluation_record(folder);
    problems.insert(problems.end(), evaluation.problems.begin(), evaluation.problems.end());
  }
  if (!is_run) return evaluation_folder_page(std::move(evaluation), device);
  RunRecord run = read_run_record(folder, true);
  const RunPictures pictures = run_pictures(run, device);
  problems.insert(problems.end(), run.problems.begin(), run.problems.end());
  Page page = run_page(run, pictures, false);
  if (is_evaluation) {
    page.heading("Evaluation in the same folder");
    add_evaluation_folder(page, std::move(evaluation), device);
  }
  return page;
}

void report(const ReportOptions& o) {
  const Device device = o.common.apply();
  const ImplementationScope forced(o.common.forced());
  check_folder(o.folder);
  const fs::path file = o.output.empty() ? fs::path(o.folder) / kReportFile : fs::path(o.output);
  if (is_folder(file))
    throw ConfigError("[report] {} is a folder; give the name of a file: -o {}", file.string(),
                      (file / kReportFile).string());
  if (const std::string ending = file.extension().string(); ending != ".html" && ending != ".htm")
    throw ConfigError("[report] the report is a web page, {} is not: give a name that ends in .html or .htm",
                      file.string());
  check_result_file(file, o.overwrite);
  std::vector<std::string> problems;
  const Page page = page_of(o.folder, device, problems);
  write_page(file, page);
  if (!o.common.quiet) {
    for (const std::string& problem : problems) say("note: {}\n", problem);
  }
  if (o.common.json) return print_json({{"report", file.string()}, {"problems", problems}});
  put("{}\n", file.string());
}

}  // namespace

void add_report_command(CLI::App& program) {
  auto o = std::make_shared<ReportOptions>();
  CLI::App* command = program.add_subcommand(
      "report", "show the folder of a training run or of an evaluation as one web page");
  command
      ->add_option(
          "FOLDER", o->folder,
          "the folder of `primal train` or of `primal evaluate -o`, also a damaged or unfinished one: "
          "the page says what is missing")
      ->required();
  command->add_option("-o,--output", o->output, "the page (default: FOLDER/report.html)")->type_name("FILE");
  command->add_flag("--overwrite", o->overwrite, "replace the file if it exists");
  o->common.add_to(*command);
  command->footer(
      "The page is one file that needs no network, of at most 5 MB. Pictures of the validation, or those "
      "with the\n"
      "smallest, the largest and the median gain, are computed anew from the model and the data, if both are "
      "still\n"
      "there. Training and evaluation write the same page themselves: RUN/report.html, OUT/report.html.\n"
      "Examples:\n  primal report runs/thesis -o thesis.html\n  primal report evaluation --overwrite");
  command->callback([o] { report(*o); });
}

}  // namespace primal
