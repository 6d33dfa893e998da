#include "apps/commands/program.h"

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/shell/build_info.h"

namespace primal {

std::unique_ptr<CLI::App> make_program() {
  auto program = std::make_unique<CLI::App>(
      "Primal: unrolled primal-dual networks for image denoising, from scratch.", "primal");
  program->require_subcommand(1);
  program->get_formatter()->column_width(34);
  // --json before or after --version: the flag is set when the version is asked for, as it is declared first.
  auto json = std::make_shared<bool>(false);
  program->add_flag("--json", *json, "with --version: as JSON");
  program->set_version_flag(
      "--version", [json] { return *json ? to_json(build_info()).dump(2) : version_text(build_info()); },
      "version, commit, compiler, libraries, instruction sets");
  add_demo_command(*program);
  add_train_command(*program);
  add_denoise_command(*program);
  add_classify_command(*program);
  add_evaluate_command(*program);
  add_search_command(*program);
  add_follow_command(*program);
  add_watch_command(*program);
  add_verify_command(*program);
  add_check_command(*program);
  add_profile_command(*program);
  add_tune_command(*program);
  add_inspect_command(*program);
  add_models_command(*program);
  add_export_command(*program);
  add_import_command(*program);
  add_report_command(*program);
  add_data_command(*program);
  add_study_command(*program);
  add_manual_commands(*program);
  program->footer(
      "Exit codes: 0 done, 1 internal, 2 usage or configuration, 3 data or file, 4 device or memory,\n"
      "5 not a number, 6 a check failed, 129/130/143 stopped after saving.");
  return program;
}

}  // namespace primal
