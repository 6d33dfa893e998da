// primal models: the trained models that come with Primal; primal export: a trained model as a file to pass
// on.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/models/shipped_models.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/training/checkpoint.h"
#include "apps/training/exported_model.h"
#include "apps/training/model_choice.h"
#include "data/safetensors/safetensors.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

nlohmann::json model_json(const ShippedModel& model) {
  const CheckpointInfo info = checkpoint_info(model.file);
  const TrainConfig::Noise& noise = info.config.noise;
  const fs::path card = fs::path(model.file).replace_extension(".md");
  nlohmann::json json{{"name", model.name},
                      {"title", model_title(model.file)},
                      {"noise", {{"kind", noise.kind}, {"low", noise.low}, {"high", noise.high}}},
                      {"steps", info.state.step},
                      {"refine", info.config.model.refine},
                      {"bytes", fs::file_size(model.file)},
                      {"file", model.file.string()}};
  std::error_code error;
  if (fs::exists(card, error)) json["card"] = card.string();
  return json;
}

void list_models(const CommonOptions& common) {
  const std::vector<ShippedModel> models = shipped_models();
  nlohmann::json rows = nlohmann::json::array();
  for (const ShippedModel& model : models) {
    try {
      rows.push_back(model_json(model));
    } catch (const Error& error) {
      say("note: {} is left out: {}\n", model.name, error.what());
    }
  }
  if (common.json) {
    print_json({{"folder", shipped_models_folder().string()}, {"models", rows}});
    return;
  }
  if (rows.empty()) {
    throw IoError(
        "[models] no models in {}: `cmake --install` brings them, and PRIMAL_MODELS may name their folder{}",
        shipped_models_folder().empty() ? "share/primal/models" : shipped_models_folder().string(),
        remark_on_models_variable());
  }
  for (const nlohmann::json& row : rows) {
    put("{:<12} {}\n", row["name"].get<std::string>(), row["title"].get<std::string>());
    put("{:<12} trained with {} noise from {} to {}, {} steps{}; {:.1f} MB; {}\n", "",
        row["noise"]["kind"].get<std::string>(), row["noise"]["low"].get<double>(),
        row["noise"]["high"].get<double>(), row["steps"].get<int64_t>(),
        row["refine"].get<bool>() ? "; its maps are refined" : "", row["bytes"].get<double>() / 1e6,
        row["file"].get<std::string>());
  }
  if (!common.quiet) {
    say("A command takes a name in place of a file: primal denoise {} noisy.png -o denoised\n",
        rows.front()["name"].get<std::string>());
  }
}

struct ExportOptions {
  CommonOptions common;
  std::string model, output, title;
  std::optional<bool> refine;
  bool overwrite = false;
};

void export_command(const ExportOptions& options) {
  const fs::path file = options.output;
  if (file.extension() != ".safetensors")
    throw ConfigError("[export] -o {}: expected a name that ends in .safetensors", options.output);
  const fs::path from = model_file(options.model, options.common.quiet);
  std::error_code error;
  if (fs::equivalent(from, file, error))
    throw ConfigError("[export] {} would be replaced by a part of itself: give another -o", options.output);
  if (!options.overwrite && fs::exists(file, error))
    throw IoError("[export] {} exists; --overwrite replaces it", options.output);
  export_model(from, file, options.title, options.refine);
  if (options.common.json)
    print_json({{"file", options.output}, {"bytes", fs::file_size(file)}});
  else
    put("{} -> {}, {:.1f} MB\n", from.string(), options.output,
        static_cast<double>(fs::file_size(file)) / 1e6);
}

}  // namespace

void add_models_command(CLI::App& program) {
  auto common = std::make_shared<CommonOptions>();
  CLI::App* command = program.add_subcommand("models", "list the trained models that come with Primal");
  common->add_to(*command);
  command->footer(
      "Each model has a card, NAME.md beside its file: its data and licence, what it reaches, what it is\n"
      "not for. PRIMAL_MODELS may name another folder of models.");
  command->callback([common] { list_models(*common); });
}

void add_export_command(CLI::App& program) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = program.add_subcommand("export", "write a trained model as a file to pass on");
  command->add_option("model", options->model, "a checkpoint, or the folder of a training run")->required();
  command->add_option("-o,--output", options->output, "the file, NAME.safetensors")->required();
  command->add_option("--title", options->title, "what the model is for, in a line");
  command
      ->add_option_function<std::string>(
          "--refine", [o = options.get()](const std::string& text) { o->refine = text == "on"; },
          "whether `primal denoise` and `primal evaluate` refine the model's map by default (default: the "
          "checkpoint's setting model.refine)")
      ->check(CLI::IsMember({"on", "off"}));
  command->add_flag("--overwrite", options->overwrite, "replace a file that exists");
  options->common.add_to(*command);
  command->footer(
      "The file has the weights and the settings. The optimiser's state, which is two thirds of a\n"
      "checkpoint, and the names of folders are left out.\n"
      "Example: primal export runs/thesis -o chest.safetensors --title 'chest radiographs'");
  command->callback([options] { export_command(*options); });
}

}  // namespace primal
