// primal data noisy: noisy copies of a folder of pictures, or of generated castings, with a manifest that
// says which belongs to which. primal data moving: generated sequences as folders of frames.
#include <algorithm>
#include <fmt/core.h>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/pictures/failures.h"
#include "apps/pictures/noisy_copies.h"
#include "apps/pictures/results.h"
#include "apps/sequences/moving_folder.h"
#include "apps/shell/counted.h"
#include "apps/shell/json_text.h"
#include "apps/shell/signals.h"
#include "apps/shell/streams.h"
#include "data/noise/noise_types.h"
#include "tensor/error.h"
#include "tensor/op/implementation.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct NoisyOptions {
  CommonOptions common;
  NoisyCopies copies;
  std::vector<std::string> types = {"gaussian", "salt_pepper", "periodic"};
  std::vector<double> frequencies = {0.05}, angles = {45.0}, amplitudes = {0.2};
  bool overwrite = false;
};

// One value for all, or one for each of n.
void spread(std::vector<double>& values, size_t n, const char* flag) {
  if (values.size() == 1) values.resize(n, values.front());
  if (values.size() != n)
    throw ConfigError("[data] {} has {} values, --frequency has {}; give one, or as many", flag,
                      values.size(), n);
}

// Noisy pictures within the folder of the clean ones would be taken for clean ones the next time.
void check_apart(const NoisyOptions& o) {
  if (o.copies.from.empty()) return;
  std::error_code error;  // a folder that is not there yet has its name alone
  const fs::path from = fs::weakly_canonical(o.copies.from, error),
                 out = fs::weakly_canonical(o.copies.output, error);
  const fs::path way = out.lexically_relative(from);
  if (!way.empty() && *way.begin() != "..") {
    throw ConfigError("[data] -o {} lies in the folder of the clean pictures, {}; give a folder beside it",
                      o.copies.output, o.copies.from);
  }
}

std::vector<NoiseType> check_options(NoisyOptions& o) {
  if (o.copies.output.empty()) throw ConfigError("[data] -o is empty, expected a folder");
  if (o.copies.from.empty() == (o.copies.n_phantoms == 0))
    throw ConfigError(
        "[data] give either --from, a folder of clean pictures, or --phantom, a number of castings");
  check_apart(o);
  std::vector<NoiseType> types;
  for (const std::string& name : o.types) {
    types.push_back(parse_noise_type(name));
    if (std::ranges::count(types, types.back()) > 1) throw ConfigError("[data] --types names {} twice", name);
  }
  const size_t n = o.frequencies.size();
  spread(o.angles, n, "--angle");
  spread(o.amplitudes, n, "--amplitude");
  o.copies.noise.periodic.sinusoids.clear();
  for (size_t k = 0; k < n; ++k)
    o.copies.noise.periodic.sinusoids.push_back({o.frequencies[k], o.angles[k], o.amplitudes[k]});
  check_noise(o.copies.noise.gaussian);
  check_noise(o.copies.noise.salt_pepper);
  check_noise(o.copies.noise.periodic);
  return types;
}

void report(const NoisyOptions& o, const std::vector<NoisyCopy>& jobs, const Failures& failures,
            const std::vector<NoiseType>& types) {
  std::map<std::string, std::map<NoiseType, int64_t>> count;
  for (const NoisyCopy& job : jobs) ++count[job.label][job.type];
  const std::string csv = (fs::path(o.copies.output) / "manifest.csv").string(),
                    xlsx = (fs::path(o.copies.output) / "manifest.xlsx").string();
  if (o.common.json) {
    nlohmann::json by_label = nlohmann::json::object(), by_type = nlohmann::json::object();
    for (auto& [label, of] : count) {
      for (const NoiseType type : types) {
        const std::string name(name_of(type));
        by_label[label][name] = of[type];
        by_type[name] = by_type.value(name, int64_t{0}) + of[type];
      }
    }
    print_json({{"pictures", jobs.size()},
                {"types", by_type},
                {"labels", by_label},
                {"errors", failures.json()},
                {"manifest", jobs.empty() ? nlohmann::json::array() : nlohmann::json{csv, xlsx}},
                {"seed", o.copies.seed}});
    return;
  }
  put_text(fmt::format("{:<16}", "pictures"));
  for (const NoiseType type : types) put_text(fmt::format(" {:>12}", name_of(type)));
  put_text("\n");
  for (auto& [label, of] : count) {
    put("{:<16}", label.empty() ? "(no label)" : label);
    for (const NoiseType type : types) put_text(fmt::format(" {:>12}", of[type]));
    put_text("\n");
  }
  put("{}\n{}\n", csv, xlsx);
}

void make_noisy_folder(NoisyOptions o) {
  const std::vector<NoiseType> types = check_options(o);
  const Device device = o.common.apply();
  const ImplementationScope forced(o.common.forced());
  o.copies.quiet = o.common.quiet;
  std::vector<NoisyCopy> jobs = find_copies(o.copies, types);
  ResultPlace place(o.copies.output, o.overwrite, jobs.size() + 1);
  // The manifests first: without them no earlier work is there to be lost.
  const fs::path csv = place.file("manifest", "the manifest", ".csv"),
                 xlsx = place.file("manifest", "the manifest", ".xlsx");
  for (NoisyCopy& job : jobs) {
    if (o.copies.from.empty()) place.file("clean/" + job.name, "a casting", ".png");
    job.noisy = place.file("noisy/" + job.name, job.clean.string(), ".png");
  }
  place.prepare();
  std::error_code ignored;
  const StopSignals signals;
  Failures failures(jobs.size());
  std::vector<NoisyCopy> made;
  std::vector<fs::path> broken;  // where their noisy copies of an earlier run may lie
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (signals.caught() != 0) throw Stopped(signals.caught(), false);
    Image clean;
    try {
      clean = clean_picture(o.copies, jobs[i], i);
    } catch (const Error& error) {
      if (o.copies.from.empty()) throw;  // a casting that cannot be written
      failures.add(jobs[i].clean.string(), error);
      broken.push_back(jobs[i].noisy);
      continue;
    }
    // A manifest of earlier pictures does not fit those that are about to be written.
    if (made.empty()) {
      for (const fs::path& old : {csv, xlsx}) fs::remove(old, ignored);
    }
    write_noisy_copy(o.copies, jobs[i], i, clean, device);
    made.push_back(jobs[i]);
  }
  if (!made.empty()) {
    for (const fs::path& old : broken) fs::remove(old, ignored);
    const Table manifest = manifest_of(o.copies, made);
    write_table(csv, manifest);
    write_table(xlsx, manifest);
  }
  if (!made.empty() || o.common.json) report(o, made, failures, types);
  failures.finish("data");
}

void add_noisy_command(CLI::App& data) {
  auto o = std::make_shared<NoisyOptions>();
  CLI::App* command =
      data.add_subcommand("noisy", "noisy copies of clean pictures, with a manifest as CSV and XLSX");
  command->add_option("--from", o->copies.from, "folder of clean pictures, with or without subfolders");
  command
      ->add_option(
          "--phantom", o->copies.n_phantoms,
          "instead of --from: so many generated castings, half of them with a defect; they go to OUT/clean")
      ->check(whole_range(2, 1'000'000));
  command->add_option("--size", o->copies.phantom_size, "side of the generated castings, in pixels")
      ->check(whole_range(16, 16384))
      ->capture_default_str();
  command->add_option("-o,--output", o->copies.output, "folder for manifest.csv, manifest.xlsx and noisy/")
      ->required();
  command
      ->add_option("--types", o->types,
                   "types of noise, separated by commas: each picture gets one, in each folder as many of "
                   "one as of another")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"gaussian", "salt_pepper", "periodic"}))
      ->default_str("gaussian,salt_pepper,periodic");
  command->add_option("--seed", o->copies.seed, "of the types' order, the noise and the castings")
      ->check(whole_range(0))
      ->capture_default_str();
  command
      ->add_option("--deviation", o->copies.noise.gaussian.deviation,
                   "gaussian: standard deviation, where 1 is white")
      ->check(number_range(0, 100))
      ->capture_default_str();
  command
      ->add_option("--amount", o->copies.noise.salt_pepper.amount,
                   "salt_pepper: share of the pixels that change")
      ->check(number_range(0, 1))
      ->capture_default_str();
  command
      ->add_option("--salt", o->copies.noise.salt_pepper.salt, "salt_pepper: share of white ones among them")
      ->check(number_range(0, 1))
      ->capture_default_str();
  command
      ->add_option(
          "--frequency", o->frequencies,
          "periodic: cycles per pixel, above 0 and at most 0.5; several, separated by commas, are added up")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(number_range(1e-6, 0.5))
      ->default_str("0.05");
  command
      ->add_option("--angle", o->angles,
                   "periodic: direction across the stripes in degrees, 0 to the right, 90 down; one, or one "
                   "for each frequency")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(number_range(-360, 360))
      ->default_str("45");
  command
      ->add_option("--amplitude", o->amplitudes,
                   "periodic: amplitude, where 1 is white; one, or one for each frequency")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(number_range(0, 100))
      ->default_str("0.2");
  command->add_flag("--overwrite", o->overwrite, "replace files that exist");
  o->common.add_to(*command);
  command->footer(
      "Examples:\n  primal data noisy --from casting -o casting_noisy\n"
      "  primal data noisy --from casting -o stripes --types periodic --frequency 0.05,0.12 --angle 0,90 "
      "--amplitude 0.2,0.1\n"
      "  primal data noisy --phantom 200 -o castings --seed 7");
  command->callback([o] { make_noisy_folder(*o); });
}

struct MovingOptions {
  CommonOptions common;
  MovingFolder folder;
  std::string output;
  bool overwrite = false;
};

void make_moving_folder(MovingOptions o) {
  o.common.apply();
  o.folder.output = o.output;
  const auto n = static_cast<size_t>(o.folder.n_sequences * o.folder.n_frames);
  ResultPlace place(o.output, o.overwrite, n + 1);  // a folder, however few frames there are
  for (int64_t i = 0; i < o.folder.n_sequences; ++i) {
    for (int64_t t = 0; t < o.folder.n_frames; ++t)
      place.file(moving_frame_name(i, t).string(), "a moving phantom", ".png");
  }
  place.prepare();
  if (o.overwrite) remove_other_moving_frames(o.folder);
  const StopSignals signals;
  for (int64_t i = 0; i < o.folder.n_sequences; ++i) {
    if (signals.caught() != 0) throw Stopped(signals.caught(), false);
    for (int64_t t = 0; t < o.folder.n_frames; ++t) write_moving_frame(o.folder, i, t);
  }
  if (o.common.json)
    return print_json({{"sequences", o.folder.n_sequences},
                       {"frames", o.folder.n_frames},
                       {"size", o.folder.size},
                       {"seed", o.folder.seed},
                       {"folder", o.output}});
  put("{} of {}, {} x {} pixels -> {}\n", counted(o.folder.n_sequences, "sequence"),
      counted(o.folder.n_frames, "frame"), o.folder.size, o.folder.size, o.output);
}

void add_moving_command(CLI::App& data) {
  auto o = std::make_shared<MovingOptions>();
  CLI::App* command =
      data.add_subcommand("moving", "generated sequences with moving shapes, as folders of clean frames");
  command->add_option("-o,--output", o->output, "folder for moving-000000/frame_000.png and so on")
      ->required();
  command->add_option("--sequences", o->folder.n_sequences, "number of sequences")
      ->check(whole_range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--frames", o->folder.n_frames, "frames of each sequence")
      ->check(whole_range(2, 4096))
      ->capture_default_str();
  command->add_option("--size", o->folder.size, "side of the frames, in pixels")
      ->check(whole_range(8, 16384))
      ->capture_default_str();
  command->add_option("--seed", o->folder.seed, "seed of the scenes")
      ->check(whole_range(0))
      ->capture_default_str();
  command->add_flag("--overwrite", o->overwrite, "replace files that exist");
  o->common.add_to(*command);
  command->footer(
      "Training without --data generates its scenes in the same way from its own seed, so score the model on "
      "scenes of another seed.\n"
      "Example: primal data moving --sequences 20 --seed 7 -o moving");
  command->callback([o] { make_moving_folder(*o); });
}

}  // namespace

void add_data_command(CLI::App& program) {
  CLI::App* data =
      program.add_subcommand("data", "make data sets: noisy copies of pictures, sequences of frames");
  data->require_subcommand(1);
  add_noisy_command(*data);
  add_moving_command(*data);
}

}  // namespace primal
