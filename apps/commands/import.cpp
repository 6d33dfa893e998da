// primal import: published weights as a checkpoint that the other commands take.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/training/imported_model.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct ImportOptions {
  CommonOptions common;
  std::string weights, output, title;
  std::vector<std::string> set;
  bool overwrite = false;
};

void import_command(const ImportOptions& options) {
  const fs::path file = options.output;
  if (file.extension() != ".safetensors")
    throw ConfigError("[import] -o {}: expected a name that ends in .safetensors", options.output);
  std::error_code error;
  if (fs::equivalent(options.weights, file, error))
    throw ConfigError("[import] {} would be replaced by the result: give another -o", options.output);
  if (!options.overwrite && fs::exists(file, error))
    throw IoError("[import] {} exists; --overwrite replaces it", options.output);
  const ImportedModel imported = import_model(options.weights, file, options.set, options.title);
  if (options.common.json)
    return print_json({{"file", options.output},
                       {"model", imported.architecture},
                       {"parameters", imported.n_parameters},
                       {"bytes", fs::file_size(file)}});
  put("{} -> {}: {}, {} parameters\n", options.weights, options.output, imported.architecture,
      imported.n_parameters);
}

}  // namespace

void add_import_command(CLI::App& program) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command =
      program.add_subcommand("import", "make a checkpoint from weights that were published elsewhere");
  command
      ->add_option("weights", options->weights, "a .safetensors file of weights under their published names")
      ->required();
  command->add_option("-o,--output", options->output, "the checkpoint, NAME.safetensors")->required();
  command
      ->add_option(
          "--set", options->set,
          "a setting that the weights do not determine, KEY=VALUE: for example sequence.iterations=64 or "
          "model.up_bound=0.5; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--title", options->title, "one line that says what the model is for");
  command->add_flag("--overwrite", options->overwrite, "replace a file that exists");
  options->common.add_to(*command);
  command->footer(
      "Two networks are recognised by the names of their tensors: the dynamic network of A. Kofler et al. "
      "for\n"
      "sequences (cnn.encoder.enc_blocks...), which `primal denoise MODEL --sequence FRAMES` runs, and the\n"
      "dissertation's network for pictures (cnn.c0x0...). Filters and levels are read off the tensors; all\n"
      "other settings take the published values unless --set gives others. PyTorch's .pt files can be\n"
      "converted with safetensors.torch.save_file(state_dict, FILE).\n"
      "Example: primal import kofler_dynamic_denoising.safetensors -o dynamic.safetensors");
  command->callback([options] { import_command(*options); });
}

}  // namespace primal
