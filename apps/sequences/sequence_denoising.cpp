#include "apps/sequences/sequence_denoising.h"

#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unistd.h>

#include "apps/pictures/common_scale.h"
#include "apps/pictures/map_file.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/provenance.h"
#include "apps/pictures/results.h"
#include "apps/scores/sequence_scores.h"
#include "apps/sequences/lambda_pair.h"
#include "apps/sequences/sequence_figures.h"
#include "apps/shell/counted.h"
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
#include "tensor/device_memory.h"
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
  std::string checksum;  // of the model's tensors

  Denoised operator()(const Tensor& z, const SequenceDenoisingOptions& options) const {
    return model ? denoise_sequence(*model, z, options) : denoise_sequence(pair, z, options);
  }
  int64_t bytes(const Shape& z, const SequenceDenoisingOptions& options, Device device) const {
    return model ? denoising_bytes(*model, z, options) : denoising_bytes(pair, z, device, options);
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
  solver.checksum = fmt::format("{:08x}", file.crc32());
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
  std::set<Loss::What> lost;  // of each kind the first is reported
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string name = without_ending(sources[i].filename()).string();
    const std::string ending =
        place.is_file() ? place.ending() : ending_of(format_of_result(o, fs::path(), sequence.rasters[i]));
    results.files.push_back(place.file(name, sources[i].string(), ending));
    Raster outline = sequence.rasters[i];
    outline.samples.clear();
    const PictureFormat format = format_of_result(o, results.files.back(), outline);
    check_fits(outline, format, sources[i].string());
    for (const Loss& loss : lost_in(outline, format)) {
      if (lost.insert(loss.what).second && !o.quiet) say("note: {}: {}\n", sources[i].string(), loss.remark);
    }
  }
  // Not among the frames, so that they remain a sequence.
  const std::string folder = sources.size() > 1 ? "maps/" : "";
  if (what.map)
    results.map = place.file(folder + sequence.place.name, sequence.place.name,
                             map_suffix(parse_map_format(o.map_format), o.figures));
  place.prepare();
  return results;
}

// What the host holds besides the solver, in bytes: the frames with the copy in which they are gathered,
// those without noise, and the samples of the result.
int64_t host_bytes(const Sequence& sequence, bool is_scored, bool is_written) {
  int64_t samples = 0;
  for (const Raster& raster : sequence.rasters) samples += std::ssize(raster.samples);
  const int64_t voxels = sequence.width() * sequence.height() * sequence.n_frames();
  return voxels * 4 * (is_scored ? 3 : 2) + (is_written ? samples : 0);
}

// Refused before the work: network and solver hold all frames at once. The rehearsal reserves addresses,
// which a limit on them may refuse.
void check_memory(const Solver& solver, const Sequence& sequence, const SequenceDenoisingOptions& options,
                  Device device, int64_t on_host) {
  const Shape z{1, 1, sequence.height(), sequence.width(), sequence.n_frames()};
  const int64_t free = device.is_cpu() ? available_memory() : free_bytes(device);  // 0: not known
  const auto refuse = [&](const std::string& needed) {
    throw DeviceError(
        "[sequence] {} needs {} for {} frames of {} x {} pixels, {:.2f} GB are free: denoise fewer frames at "
        "a time",
        solver.model ? "the network" : "the solver", needed, z[4], z[3], z[2],
        static_cast<double>(free) * 1e-9);
  };
  int64_t needed = device.is_cpu() ? on_host : 0;
  try {
    needed += solver.bytes(z, options, device);
  } catch (const DeviceError&) {
    refuse("more memory than this process may have");
  }
  if (free > 0 && needed > free) refuse(fmt::format("{:.2f} GB", static_cast<double>(needed) * 1e-9));
}

void check_clean(const Sequence& noisy, const Sequence& clean) {
  if (clean.n_frames() == noisy.n_frames() && clean.width() == noisy.width() &&
      clean.height() == noisy.height())
    return;
  throw DataError("[denoise] {} has {} frames of {} x {} pixels, but the clean sequence {} has {} of {} x {}",
                  noisy.place.name, noisy.n_frames(), noisy.width(), noisy.height(), clean.place.name,
                  clean.n_frames(), clean.width(), clean.height());
}

void add_solver(PngText& text, const Solver& solver, const Denoised& result, Boundary boundary) {
  text["Primal iterations"] = fmt::format("{}", result.iterations);
  text["Primal boundary"] = name_of(boundary);
  if (!solver.model) {
    text["Primal lambda"] = fmt::format("{},{}", solver.pair.xy, solver.pair.t);
    return;
  }
  text["Primal model"] = latin_text(solver.file.filename().string());
  text["Primal model CRC-32"] = solver.checksum;
}

void write_frames(const Results& results, const PictureDenoisingOptions& o, const Sequence& denoised,
                  const PngText& provenance) {
  for (size_t i = 0; i < results.files.size(); ++i) {
    const Raster& raster = denoised.rasters[i];
    const PictureFormat format = format_of_result(o, results.files[i], raster);
    PngText text = provenance;
    if (format == PictureFormat::png && !(raster.white > 0.0))
      text["Primal range"] = fmt::format("{}:{}", denoised.levels.low, denoised.levels.high);
    const Raster whole =
        fitted(raster, format, denoised.levels.low, denoised.levels.high, denoised.place.files[i].string());
    const std::vector<uint8_t> bytes = encode_raster(whole, format, text);
    if (o.overwrite) {
      write_file_atomically(results.files[i], bytes);
    } else if (!write_new_file(results.files[i], bytes)) {
      throw IoError(
          "[output] {} exists now: another process has written it since this one started, and it is left as "
          "it is",
          results.files[i].string());
    }
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

// On the scale of the noisy one, by their first files, which the others are like.
Sequence read_clean_sequence(const SequenceDenoising& what, const Sequence& noisy, const LevelRange& range) {
  const auto outline = [](const std::string& name, const Raster& raster) {
    return ScaledPicture{name, raster.type, raster.white, mean_magnitude(raster)};
  };
  const ScaledPicture source = outline(what.sequence, noisy.rasters.front());
  Sequence clean = read_sequence(sequence_at(what.clean), [&](const Raster& first) {
    return range_of_clean(range, source, noisy.levels, {what.clean, first.type, first.white});
  });
  check_common_unit(range, source, outline(what.clean, clean.rasters.front()));
  return clean;
}

}  // namespace

void denoise_sequence_command(const SequenceDenoising& what, const PictureDenoisingOptions& o,
                              Device device) {
  const Solver solver = open_solver(what, o.quiet, device);
  const std::string range_text = o.range.empty() ? solver.config.data.range : o.range;
  const LevelRange range = parse_level_range(range_text);
  const NoiseKind kind = parse_noise_kind(o.noise_kind.empty() ? solver.config.noise.kind : o.noise_kind);
  const Sequence sequence = read_sequence(sequence_at(what.sequence), range);
  if (!o.quiet && sequence.was_colour)
    say("note: {} is in colour: it is converted to grey (ITU-R 601)\n", sequence.place.name);
  const Results results = place_results(what, o, sequence);
  const Shape shape{1, 1, sequence.height(), sequence.width(), sequence.n_frames()};
  if (solver.model) solver.model->check(shape, what.sequence);
  const Boundary boundary = !what.boundary.empty() ? parse_boundary(what.boundary)
                            : solver.model         ? solver.model->module().options().boundary
                                                   : Boundary::symmetric;
  SequenceDenoisingOptions options{.iterations = o.iterations, .gap = o.gap, .boundary = boundary};
  check_memory(solver, sequence, options, device,
               host_bytes(sequence, o.noise || !what.clean.empty(), !results.files.empty()));
  Tensor z = sequence.tensor(), clean;
  if (!what.clean.empty()) {
    const Sequence other = read_clean_sequence(what, sequence, range);
    check_clean(sequence, other);
    clean = other.tensor();
  } else if (o.noise) {
    clean = z;
    z = add_noise(clean, kind, *o.noise, NoiseKey{.seed = o.seed});
  }
  if (clean.defined()) check_scorable(sequence.width(), sequence.height(), what.sequence);

  Meter meter(sequence.place.name, !o.quiet, is_terminal(STDERR_FILENO));
  options.watch = [&](const char* unit, int64_t done, int64_t total) { meter.show(unit, done, total); };
  const Denoised result = solver(z.to(device), options);

  std::optional<Scored> scores;
  if (clean.defined()) scores = {mean_over_frames(z, clean), mean_over_frames(result.x, clean)};
  PngText provenance = settings_text(o, range_text, kind);
  add_solver(provenance, solver, result, boundary);
  if (!results.files.empty()) write_frames(results, o, sequence.with(result.x), provenance);
  if (!results.map.empty()) write_maps(results.map, o, result.lambda);
  if (o.json) return print_json(report_json(sequence, result, boundary, scores, results));
  if (scores)
    put("{}: {}, PSNR {} -> {} dB, SSIM {} -> {} (means over the frames)\n", sequence.place.name,
        counted(sequence.n_frames(), "frame"), score_text(scores->noisy.psnr, 3),
        score_text(scores->denoised.psnr, 3), score_text(scores->noisy.ssim, 4),
        score_text(scores->denoised.ssim, 4));
  else if (!results.files.empty() && !o.quiet)
    put("{}: {} frames -> {}\n", what.sequence, sequence.n_frames(),
        results.files.size() == 1 ? results.files.front().string() : what.output);
}

}  // namespace primal
