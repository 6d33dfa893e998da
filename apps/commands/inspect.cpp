// primal inspect: what is in a file of tensors or in pictures, how two files of tensors differ, how trainings
// went, and what this build and machine can do.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/inspection/device_list.h"
#include "apps/inspection/file_contents.h"
#include "apps/inspection/file_difference.h"
#include "apps/inspection/picture_contents.h"
#include "apps/inspection/run_curves.h"
#include "apps/inspection/settings_difference.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/figure_file.h"
#include "apps/shell/is_folder.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/training/model_choice.h"
#include "data/file/file.h"
#include "data/file/kind.h"
#include "data/formats/formats.h"
#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct InspectOptions {
  CommonOptions common;
  std::vector<std::string> files, compare;  // one file, or pictures, or folders of trainings
  FigureFile curves;
  std::vector<std::string> diff;
  bool devices = false, overwrite = false;
};

void inspect_file(const InspectOptions& options) {
  const Safetensors file = Safetensors::read(model_file(options.files.front(), options.common.quiet));
  if (options.common.json)
    print_json(file_json(file));
  else
    print_file(file);
}

// By its first bytes or its ending, so that what is wrong with a picture is told by the readers of pictures.
bool is_picture(const std::string& file) {
  const std::filesystem::path path = file;
  const bool is_named_so = has_raster_extension(path);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return is_named_so && !is_folder(file);
  std::vector<uint8_t> start;
  try {
    start = read_file_start(path);
  } catch (const IoError&) {  // whoever reads it says why it cannot be read
    return is_named_so;
  }
  const std::optional<FileKind> kind = kind_of(start, file);
  if (kind && kind->name == "a safetensors file") return false;
  const std::filesystem::path ending = path.extension();
  if (is_named_so || ending == ".hdr" || ending == ".img") return true;  // the two files of a volume
  // The first bytes of a damaged file of tensors may be anything.
  return ending != ".safetensors" && (format_of(start) || (kind && kind->is_picture));
}

void inspect_pictures(const InspectOptions& options) {
  Failures failures(options.files.size());
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& file : options.files) {
    PictureContents contents;
    try {
      contents = read_picture_contents(file);
    } catch (const Error& error) {
      failures.add(file, error);
      continue;
    }
    if (!options.common.json && !all.empty()) put("\n");
    if (!options.common.json) print_picture(contents);
    all.push_back(to_json(contents));
  }
  if (options.common.json && options.files.size() > 1)
    print_json({{"pictures", all}, {"errors", failures.json()}});
  else if (options.common.json && !all.empty())
    print_json(all.front());
  failures.finish("inspect");
}

void inspect_difference(const InspectOptions& options) {
  const Safetensors a = Safetensors::read(model_file(options.diff.at(0), options.common.quiet));
  const Safetensors b = Safetensors::read(model_file(options.diff.at(1), options.common.quiet));
  const auto [real, bookkeeping] = difference_of(a, b);
  if (options.common.json) {
    print_json(
        {{"first", a.name()}, {"second", b.name()}, {"differences", real}, {"bookkeeping", bookkeeping}});
  } else {
    for (const nlohmann::json& row : real) print_difference(row);
    if (real.empty()) put("{} and {} have the same contents\n", a.name(), b.name());
    if (!bookkeeping.empty()) put("differences in where and how they were made, which do not count:\n");
    for (const nlohmann::json& row : bookkeeping) print_difference(row);
  }
  if (!real.empty()) {
    throw CheckFailed("[inspect] {} and {} differ in {} place{}", a.name(), b.name(), real.size(),
                      real.size() == 1 ? "" : "s");
  }
}

void inspect_devices(const InspectOptions& options) {
  if (options.common.json)
    print_json(devices_json());
  else
    print_devices();
}

void print_run(const RunCurves& run) {
  put("{}: steps {}, epochs {}, {:.2f} h of computing\n", run.name, run.steps, run.epochs, run.hours);
  put("{:<22} {:>12} {:>8} {:>12}", "", "best", "at step", "last");
  for (const Baseline& baseline : run.baselines) put(" {:>12}", baseline.name);
  put("\n");
  const auto row = [&](const RunCurve& curve, bool larger_is_better) {
    if (curve.value.empty()) return false;
    const std::optional<size_t> best = curve.best(larger_is_better);
    const std::string value = best ? fmt::format("{:.6g}", curve.value[*best]) : "-",
                      step = best ? fmt::format("{:.0f}", curve.step[*best]) : "-";
    put("{:<22} {:>12} {:>8} {:>12.6g}", curve.name, value, step, curve.value.back());
    return true;
  };
  if (row(run.mean_loss, false)) put("\n");
  for (size_t m = 0; m < run.metrics.size(); ++m) {
    if (!row(run.metrics[m], larger_is_better(run.metrics[m].name))) continue;
    for (const Baseline& baseline : run.baselines) {
      const ScoreSummary& s = baseline.metrics.at(m);
      put(" {:>12}", s.has_mean() ? fmt::format("{:.6g}", s.mean) : "-");
    }
    put("\n");
  }
}

void inspect_runs(const InspectOptions& options) {
  options.curves.check(options.overwrite);
  std::vector<RunCurves> runs;
  for (const std::string& folder : options.files) runs.push_back(read_run_curves(folder));
  if (options.curves.is_wanted()) options.curves.write(figure_of(runs));
  const SettingsDifference settings = settings_difference({options.files.begin(), options.files.end()});
  if (options.common.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const RunCurves& run : runs) all.push_back(to_json(run));
    print_json(runs.size() == 1 ? all.front()
                                : nlohmann::json{{"runs", all}, {"settings_that_differ", to_json(settings)}});
    return;
  }
  for (const RunCurves& run : runs) print_run(run);
  if (runs.size() == 1) return;
  std::vector<std::string> names;
  for (const RunCurves& run : runs) names.push_back(visible(run.name));
  put_text("\n" + settings_table(settings, names));
  if (options.common.quiet) return;
  for (const std::string& remark : settings.remarks) say("note: {}\n", remark);
}

// "2 pictures (a.png, b.png)", empty where there are none.
std::string group_text(const std::vector<std::string>& files, const char* one, const char* several) {
  constexpr size_t kNamed = 3;
  if (files.empty()) return "";
  std::string names;
  for (size_t i = 0; i < std::min(files.size(), kNamed); ++i) names += (i == 0 ? "" : ", ") + files[i];
  if (files.size() > kNamed) names += ", ...";
  return fmt::format("{} {} ({})", files.size(), files.size() == 1 ? one : several, names);
}

[[noreturn]] void refuse_several(const std::vector<std::string>& files) {
  std::vector<std::string> pictures, runs, folders, others;
  for (const std::string& file : files) {
    if (is_folder(file))
      (is_there(std::filesystem::path(file) / "metrics.csv") ? runs : folders).push_back(file);
    else
      (is_picture(file) ? pictures : others).push_back(file);
  }
  std::string found;
  for (const std::string& group :
       {group_text(pictures, "picture", "pictures"),
        group_text(runs, "folder of a training run", "folders of training runs"),
        group_text(folders, "folder that is no training run, as it has no metrics.csv",
                   "folders that are no training runs, as they have no metrics.csv"),
        group_text(others, "file that is neither", "files that are neither")}) {
    if (!group.empty()) found += (found.empty() ? "" : ", ") + group;
  }
  throw ConfigError(
      "[inspect] expects one file, or several pictures, or several folders of training runs, of which "
      "--compare names more; found {}. --diff A B compares two checkpoints",
      found);
}

void inspect(InspectOptions options) {
  options.common.apply();
  if (!options.compare.empty() && options.files.empty())
    throw ConfigError("[inspect] --compare needs a run to compare with: inspect RUN --compare {}",
                      options.compare.front());
  options.files.insert(options.files.end(), options.compare.begin(), options.compare.end());
  const int n_asked =
      (options.files.empty() ? 0 : 1) + (options.diff.empty() ? 0 : 1) + (options.devices ? 1 : 0);
  if (n_asked != 1) throw ConfigError("[inspect] expects one of: FILE or FOLDER, --diff A B, --devices");
  const bool of_runs = !options.files.empty() &&
                       std::ranges::all_of(options.files, [](const std::string& f) { return is_folder(f); });
  if (options.curves.is_wanted() && !of_runs) {
    for (const std::string& file : options.files) {
      std::error_code error;
      if (!std::filesystem::exists(file, error))
        throw IoError("[inspect] there is no folder {}; --curves expects the folder of a training run", file);
    }
    throw ConfigError("[inspect] --curves expects the folder of a training run");
  }
  // A folder that has weights but no log is looked into for its weights.
  const auto only_weights = [](const std::filesystem::path& folder) {
    std::error_code error;
    return !std::filesystem::exists(folder / "metrics.csv", error) && best_checkpoint_in(folder).has_value();
  };
  const bool one_model =
      options.files.size() == 1 && !options.curves.is_wanted() && only_weights(options.files.front());
  if (of_runs && !one_model) return inspect_runs(options);
  const bool of_pictures = options.compare.empty() && std::ranges::all_of(options.files, is_picture);
  if (options.files.size() > 1 && !of_pictures) refuse_several(options.files);
  if (options.devices) return inspect_devices(options);
  if (!options.diff.empty()) return inspect_difference(options);
  if (of_pictures) return inspect_pictures(options);
  inspect_file(options);
}

}  // namespace

void add_inspect_command(CLI::App& program) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = program.add_subcommand(
      "inspect",
      "show what is in a checkpoint or a picture, how two checkpoints differ, or what this machine can do");
  command->add_option("file", options->files,
                      "a checkpoint, or any other safetensors file, or a picture, or the folder of a "
                      "training run; or several pictures, or several of these folders");
  command
      ->add_option("--compare", options->compare,
                   "folders of further runs: their curves share the axes of --curves, and a table shows "
                   "which settings differ")
      ->type_name("RUN...");
  command
      ->add_option(
          "--curves", options->curves.figure,
          "for folders of runs: plot loss and metrics over the steps to this file, .png, .svg or .pdf; "
          "several runs share the axes")
      ->type_name("FILE");
  command->add_option("--figure-data", options->curves.data, "CSV file for what the figure of --curves shows")
      ->type_name("FILE");
  command->add_flag("--overwrite", options->overwrite, "replace files that exist");
  command
      ->add_option("--diff", options->diff,
                   "show what differs between two files; the exit code is 6 if anything differs except where "
                   "and how they were made")
      ->expected(2)
      ->type_name("A B");
  command->add_flag("--devices", options->devices,
                    "list the devices on which this build can compute on this machine");
  options->common.add_to(*command);
  command->footer(
      "Examples:\n  primal inspect runs/thesis/best.safetensors\n"
      "  primal inspect noisy.png\n"
      "  primal inspect noisy.png denoised.png\n"
      "  primal inspect runs/thesis --curves curves.png\n"
      "  primal inspect runs/a --compare runs/b --curves both.png\n"
      "  primal inspect --diff runs/a/last.safetensors runs/b/last.safetensors\n"
      "  primal inspect --devices --json");
  command->callback([options] { inspect(*options); });
}

}  // namespace primal
