#include "apps/sequences/sequence_denoising.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <unistd.h>

#include "apps/pictures/map_file.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/results.h"
#include "apps/scores/sequence_scores.h"
#include "apps/sequences/lambda_pair.h"
#include "apps/sequences/sequence_figures.h"
#include "apps/shell/build_info.h"
#include "apps/shell/json_text.h"
#include "apps/shell/machine_memory.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "apps/training/checkpoint.h"
#include "apps/training/model_choice.h"
#include "data/file/file.h"
#include "data/noise/noise.h"
#include "data/safetensors/safetensors.h"
#include "data/sequence/frames.h"
#include "data/sequence/sequence.h"
#include "model/checkpoint_format.h"
#include "model/sequence_model.h"
#include "tensor/backend.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

// The model with what it was trained with, or the pair.
struct Solver {
  std::optional<SequenceModel> model;
  LambdaPair pair;
  TrainConfig config;
  fs::path file;

  Denoised operator()(const Tensor& z, const SequenceDenoisingOptions& options) const {
    return model ? denoise_sequence(*model, z, options) : denoise_sequence(pair, z, options);
  }
};

Solver open_solver(const SequenceDenoising& what, bool quiet, Device device) {
  Solver solver;
  if (what.model.empty()) {
    solver.pair = parse_lambda_pair(what.lambda);
    return solver;
  }
  solver.file = model_file(what.model, quiet);
  solver.model.emplace(load_sequence_model(solver.file, {}, device));
  const Safetensors file = Safetensors::read(solver.file);
  if (is_checkpoint(file.metadata())) solver.config = checkpoint_config(file);
  return solver;
}

// Where each file of the result goes.
struct Results {
  std::vector<fs::path> files;
  fs::path map;
};

PictureFormat format_of_result(const PictureDenoisingOptions& o, const fs::path& named,
                               const Raster& source) {
  if (!o.format.empty()) return parse_picture_format(o.format);
  return format_of_name(named).value_or(result_format(source.format));
}

Results place_results(const SequenceDenoising& what, const PictureDenoisingOptions& o,
                      const Sequence& sequence) {
  Results results;
  if (what.output.empty()) return results;
  const std::vector<fs::path>& sources = sequence.place.files;
  ResultPlace place(what.output, what.overwrite, sources.size());
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string name = without_ending(sources[i].filename()).string();
    const std::string ending =
        place.is_file() ? place.ending() : ending_of(format_of_result(o, fs::path(), sequence.rasters[i]));
    results.files.push_back(place.file(name, sources[i].string(), ending));
    Raster outline = sequence.rasters[i];
    outline.samples.clear();
    check_fits(outline, format_of_result(o, results.files.back(), outline), sources[i].string());
  }
  // Not among the frames, so that they remain a sequence.
  const std::string folder = sources.size() > 1 ? "maps/" : "";
  if (what.map)
    results.map = place.file(folder + sequence.place.name, sequence.place.name,
                             map_suffix(parse_map_format(o.map_format), o.figures));
  place.prepare();
  return results;
}

int64_t free_bytes(Device device) {
  if (device.is_cpu()) return available_memory();
  const std::vector<DeviceInfo> all = devices();
  const auto info = std::ranges::find(all, device, &DeviceInfo::device);
  return info == all.end() ? 0 : static_cast<int64_t>(info->free_memory_bytes);  // 0: not known
}

// Refused before the work: the network holds activations of all frames at once.
void check_memory(const SequenceModel& model, const Shape& z) {
  const int64_t free = free_bytes(model.module().device()), needed = map_bytes(model, z);
  if (free == 0 || needed <= free) return;
  throw DeviceError(
      "[sequence] the network needs {:.1f} GB for {} frames of {} x {} pixels, {:.1f} GB are free: denoise "
      "fewer frames at a time",
      static_cast<double>(needed) * 1e-9, z[4], z[3], z[2], static_cast<double>(free) * 1e-9);
}

void check_clean(const Sequence& noisy, const Sequence& clean) {
  if (clean.n_frames() == noisy.n_frames() && clean.width() == noisy.width() &&
      clean.height() == noisy.height())
    return;
  throw DataError("[denoise] {} has {} frames of {} x {} pixels, but the clean sequence {} has {} of {} x {}",
                  noisy.place.name, noisy.n_frames(), noisy.width(), noisy.height(), clean.place.name,
                  clean.n_frames(), clean.width(), clean.height());
}

void write_frames(const Results& results, const PictureDenoisingOptions& o, const Sequence& denoised) {
  const BuildInfo& info = build_info();
  const PngText text{{"Software", fmt::format("primal {} ({})", info.version, info.commit)}};
  for (size_t i = 0; i < results.files.size(); ++i) {
    const Raster& raster = denoised.rasters[i];
    const PictureFormat format = format_of_result(o, results.files[i], raster);
    const Raster whole =
        fitted(raster, format, denoised.levels.low, denoised.levels.high, denoised.place.files[i].string());
    write_file_atomically(results.files[i], encode_raster(whole, format, text));
  }
}

void write_maps(const fs::path& file, const PictureDenoisingOptions& o, const Tensor& lambda) {
  if (parse_map_format(o.map_format) == MapFormat::safetensors)
    return write_safetensors(file, {{"lambda", maps_of(lambda)}}, {{"format", "primal-map"}});
  o.figures.write(file, map_figure(lambda, lambda.size(4) / 2));
}

struct Scored {
  Scores noisy, denoised;
};

nlohmann::json report_json(const Sequence& sequence, const Denoised& result, Boundary boundary,
                           const std::optional<Scored>& scores, const Results& results) {
  nlohmann::json json{{"sequence", sequence.place.name}, {"frames", sequence.n_frames()},
                      {"width", sequence.width()},       {"height", sequence.height()},
                      {"iterations", result.iterations}, {"relative_gap", result.relative_gap},
                      {"boundary", name_of(boundary)},   {"zero", sequence.levels.low},
                      {"one", sequence.levels.high}};
  if (scores) json.update(scores_json(scores->noisy, scores->denoised));
  for (const fs::path& file : results.files) json["denoised"].push_back(file.string());
  if (!results.map.empty()) json["map"] = results.map.string();
  return json;
}

}  // namespace

void denoise_sequence_command(const SequenceDenoising& what, const PictureDenoisingOptions& o,
                              Device device) {
  const Solver solver = open_solver(what, o.quiet, device);
  const LevelRange range = parse_level_range(o.range.empty() ? solver.config.data.range : o.range);
  const NoiseKind kind = parse_noise_kind(o.noise_kind.empty() ? solver.config.noise.kind : o.noise_kind);
  const Sequence sequence = read_sequence(sequence_at(what.sequence), range);
  if (!o.quiet && sequence.was_colour)
    say("note: {} is in colour: it is converted to grey (ITU-R 601)\n", sequence.place.name);
  const Results results = place_results(what, o, sequence);
  Tensor z = sequence.tensor(), clean;
  if (solver.model) {
    solver.model->check(z.shape(), what.sequence);
    check_memory(*solver.model, z.shape());
  }
  if (!what.clean.empty()) {
    const Sequence other = read_sequence(sequence_at(what.clean),
                                         same_range(range, sequence.levels, sequence.rasters[0].white > 0));
    check_clean(sequence, other);
    clean = other.tensor();
  } else if (o.noise) {
    clean = z;
    z = add_noise(clean, kind, *o.noise, NoiseKey{.seed = o.seed});
  }
  if (clean.defined()) check_scorable(sequence.width(), sequence.height(), what.sequence);

  const Boundary boundary = !what.boundary.empty() ? parse_boundary(what.boundary)
                            : solver.model         ? solver.model->module().options().boundary
                                                   : Boundary::symmetric;
  Meter meter(sequence.place.name, !o.quiet, is_terminal(STDERR_FILENO));
  const auto watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); };
  const Denoised result =
      solver(z.to(device), {.iterations = o.iterations, .gap = o.gap, .boundary = boundary, .watch = watch});

  std::optional<Scored> scores;
  if (clean.defined()) scores = {mean_over_frames(z, clean), mean_over_frames(result.x, clean)};
  if (!results.files.empty()) write_frames(results, o, sequence.with(result.x));
  if (!results.map.empty()) write_maps(results.map, o, result.lambda);
  if (o.json) return print_json(report_json(sequence, result, boundary, scores, results));
  if (scores)
    put("{}: {} frames, PSNR {} -> {} dB, SSIM {} -> {} (means over the frames)\n", sequence.place.name,
        sequence.n_frames(), score_text(scores->noisy.psnr, 3), score_text(scores->denoised.psnr, 3),
        score_text(scores->noisy.ssim, 4), score_text(scores->denoised.ssim, 4));
  else if (!results.files.empty() && !o.quiet)
    put("{}: {} frames -> {}\n", what.sequence, sequence.n_frames(),
        results.files.size() == 1 ? results.files.front().string() : what.output);
}

}  // namespace primal
