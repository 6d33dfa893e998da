// primal study: the published inspection of castings as one command, from noisy pictures to the
// authors' tables beside ours.
#include "apps/study/study.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "data/file/file.h"
#include "tensor/error.h"
#include "tensor/op/implementation.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxReportBytes = uint64_t{1} << 24;

std::string text_of(const fs::path& file) {
  const std::vector<uint8_t> bytes = read_file(file, kMaxReportBytes);
  return {bytes.begin(), bytes.end()};
}

struct StudyCommand {
  CommonOptions common;
  StudyOptions options;
};

void study(const StudyCommand& given) {
  StudyOptions o = given.options;
  if (o.from.empty() == (o.n_phantoms == 0))
    throw ConfigError(
        "[study] give either --from, a folder of clean pictures, or --phantom, a number of castings");
  if (!o.from.empty()) {
    std::error_code error;  // so that a study can be gone on with from another folder
    const fs::path found = fs::weakly_canonical(fs::absolute(o.from, error), error);
    if (!error) o.from = found.string();
  }
  const Device device = given.common.apply();
  const ImplementationScope forced(given.common.forced());
  const StopSignals signals;
  const int stopped = run_study(o, given.common.quiet, device, signals.caught());
  if (stopped != 0) {
    if (!given.common.quiet) say("the same command goes on with it\n");
    throw Stopped(stopped);
  }
  const fs::path root = o.output;
  if (given.common.json) return put_text(text_of(root / "study.json"));
  put_text(text_of(root / "study.md"));
  flush_output();
  if (!given.common.quiet) {
    for (const char* name : {"study.md", "study.csv", "study.json", "samples.png", "confusion.png"})
      say("{}\n", (root / name).string());
  }
}

}  // namespace

void add_study_command(CLI::App& program) {
  auto c = std::make_shared<StudyCommand>();
  StudyOptions& o = c->options;
  CLI::App* command = program.add_subcommand(
      "study", "the published inspection of castings: noisy pictures, trainings, and the authors' tables");
  command->add_option("--from", o.from,
                      "folder of clean pictures, def_front and ok_front (or defect and ok) below it");
  command->add_option("--phantom", o.n_phantoms, "generated castings instead, so many")
      ->check(whole_range(10, 1'000'000));
  command
      ->add_option("-o,--output", o.output,
                   "folder for pictures, trainings, tables; of a study that was stopped, to go on with it")
      ->required();
  command->add_option("--size", o.size, "side of the pictures, pixels")
      ->check(whole_range(16, 4096))
      ->capture_default_str();
  command->add_option("--epochs-classifier", o.epochs_classifier, "of the two classifiers")
      ->check(whole_range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--epochs-denoiser", o.epochs_denoiser, "of the encoder-decoder")
      ->check(whole_range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--epochs-unet", o.epochs_unet, "of U-Net + PDHG")
      ->check(whole_range(1, 1'000'000))
      ->capture_default_str();
  command
      ->add_option("--relu", o.relu,
                   "activations of the classifiers: true or false; the published text names none")
      ->default_str("true");
  command
      ->add_option("--split", o.split,
                   "part: of each class the last pictures by number are held out; picture: they are drawn at "
                   "random, which flatters")
      ->check(CLI::IsMember({"part", "picture"}))
      ->capture_default_str();
  command->add_option("--lpips", o.lpips,
                      "weights of LPIPS, a file of scripts/pytorch/lpips_weights.py: adds that score");
  command->add_option("--seed", o.seed, "seed of noise, weights, order and bootstrap")
      ->check(whole_range(0))
      ->capture_default_str();
  c->common.add_to(*command);
  command->footer(
      "A study that was stopped goes on where it was when the same command is given again. With --split "
      "part\n"
      "a further classifier is trained with pictures divided at random, to show how much that flatters.\n"
      "Examples:\n  primal study --from $PRIMAL_DATA/casting -o study\n"
      "  primal study --phantom 60 --size 64 --epochs-classifier 20 --epochs-denoiser 5 -o small_study");
  command->callback([c] { study(*c); });
}

}  // namespace primal
