// primal classify: the class of each picture and the probabilities, from a model that `primal train` made
// for task.kind "classify".
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/inputs.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/shell/visible_text.h"
#include "apps/training/model_choice.h"
#include "data/preprocess/preprocess.h"
#include "model/classifier.h"
#include "tensor/error.h"

namespace primal {
namespace {

struct ClassifyOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  int64_t limit = 0;
};

struct Verdict {
  size_t label = 0;
  std::vector<double> probabilities;
};

Verdict verdict_on(const Classifier& model, const PictureInput& input) {
  const Tensor x = to_tensor(preprocess(read_input(input), model.settings().size));
  Verdict verdict{0, model.probabilities(x).to_doubles()};
  const auto& p = verdict.probabilities;
  verdict.label = static_cast<size_t>(std::ranges::max_element(p) - p.begin());
  return verdict;
}

std::string line_of(const std::string& name, const Verdict& verdict, const std::vector<std::string>& labels) {
  std::string text = fmt::format("{:<32} {:<12}", visible(name), visible(labels[verdict.label]));
  for (size_t k = 0; k < labels.size(); ++k)
    text += fmt::format(" {} {:.4f}", visible(labels[k]), verdict.probabilities[k]);
  return text + "\n";
}

void classify(const ClassifyOptions& options) {
  const Device device = options.common.apply();
  const ImplementationScope forced(options.common.forced());
  if (options.paths.size() < 2)
    throw ConfigError("[classify] expects MODEL followed by pictures, found only {}", options.paths.front());
  if (has_raster_extension(options.paths.front()))
    throw DataError(
        "[model] {} is named as a picture, expected a checkpoint: MODEL comes before the pictures",
        options.paths.front());
  InputRemarks remarks;
  const std::vector<PictureInput> inputs =
      find_inputs({options.paths.begin() + 1, options.paths.end()}, options.limit, &remarks);
  const Classifier model = load_classifier(model_file(options.paths.front(), options.common.quiet), device);
  Failures failures(inputs.size() + remarks.missing.size());
  for (const auto& [path, problem] : remarks.missing) failures.add(path, problem);
  if (!remarks.left_out.empty() && !options.common.quiet) say("note: {}\n", remarks.left_out_text());

  nlohmann::json rows = nlohmann::json::array();
  for (const PictureInput& input : inputs) {
    Verdict verdict;
    try {
      verdict = verdict_on(model, input);
    } catch (const Error& error) {
      failures.add(input.str(), error);
      continue;
    }
    if (!options.common.json) {
      put_text(line_of(input.str(), verdict, model.labels()));
      flush_output();
      continue;
    }
    nlohmann::json probabilities = nlohmann::json::object();
    for (size_t k = 0; k < model.labels().size(); ++k)
      probabilities[model.labels()[k]] = verdict.probabilities[k];
    rows.push_back({{"picture", input.str()},
                    {"label", model.labels()[verdict.label]},
                    {"probabilities", probabilities}});
  }
  if (options.common.json)
    print_json({{"labels", model.labels()}, {"pictures", rows}, {"errors", failures.json()}});
  failures.finish("classify");
}

}  // namespace

void add_classify_command(CLI::App& program) {
  auto options = std::make_shared<ClassifyOptions>();
  CLI::App* command = program.add_subcommand("classify", "tell the classes of pictures apart");
  command
      ->add_option("paths", options->paths,
                   "MODEL (a checkpoint or the folder of a run), then pictures: files, folders, "
                   "quoted\npatterns such as 'scans/*.png', or - for standard input")
      ->required();
  command->add_option("--limit", options->limit, "only the first N pictures")->check(whole_range(1));
  options->common.add_to(*command);
  command->footer(
      "Each picture is cropped to a square, resized to the size that the model was trained with and made\n"
      "grey. A line has the picture, its most probable class, and the probability of every class. If a "
      "picture\n"
      "cannot be found or read, the error is reported, the others are still processed, and the exit code is "
      "3.\n"
      "Examples:\n  primal classify runs/casting_defect part.png\n"
      "  primal classify runs/casting_defect/best.safetensors castings/ --json");
  command->callback([options] { classify(*options); });
}

}  // namespace primal
