// primal watch: PDHG at work on one picture, as a web page with a slider over the iterations (apps/watch).
#include <cmath>
#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/commands/commands.h"
#include "apps/commands/number_range.h"
#include "apps/pictures/meter.h"
#include "apps/pictures/text_file.h"
#include "apps/shell/command_line.h"
#include "apps/shell/json_text.h"
#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "apps/watch/watch_page.h"
#include "apps/watch/watched_picture.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

struct WatchOptions : WatchSettings {
  CommonOptions common;
  std::string output;
  bool overwrite = false;
};

void check_options(const WatchOptions& o) {
  const std::string ending = fs::path(o.output).extension().string();
  if (ending != ".html" && ending != ".htm")
    throw ConfigError("[watch] -o expects a name that ends in .html, found {}", o.output);
  if (fs::path(o.picture).extension() == ".safetensors")
    throw ConfigError("[watch] expects PICTURE and then MODEL, found {} as the picture", o.picture);
  check_result_file(o.output, o.overwrite);
}

nlohmann::json json_of(const WatchOptions& o, const WatchedPicture& watched,
                       const std::vector<TraceFrame>& frames, size_t bytes) {
  nlohmann::json rows = nlohmann::json::array();
  for (const TraceFrame& f : frames) {
    rows.push_back({{"k", f.k}, {"objective", f.energy}, {"gap", f.gap}, {"active", f.active}});
    if (watched.problem.clean.defined()) rows.back()["psnr"] = f.psnr;
  }
  return {{"page", o.output},
          {"bytes", bytes},
          {"width", watched.problem.z.size(4)},
          {"height", watched.problem.z.size(3)},
          {"iterations", watched.problem.params.n_iter},
          {"boundary", name_of(watched.boundary)},
          {"frames", rows}};
}

void watch(WatchOptions o) {
  o.device = o.common.apply();
  o.quiet = o.common.quiet;
  const ImplementationScope forced(o.common.forced());
  check_options(o);
  const WatchedPicture watched = watched_picture(o);
  const int64_t n_iter = watched.problem.params.n_iter;
  const std::vector<TraceFrame> frames = [&] {
    Meter meter(watched.name, !o.quiet, is_terminal(STDERR_FILENO));
    return trace_pdhg(watched.problem, [&](int64_t done) { meter.show("iteration", done, n_iter); });
  }();
  const std::string text = watch_page({.title = fmt::format("PDHG at work: {}", watched.name),
                                       .command = command_line(),
                                       .facts = watched.facts,
                                       .lambda = watched.lambda,
                                       .clean = watched.problem.clean,
                                       .iterations = n_iter,
                                       .frames = frames})
                               .str();
  write_text(o.output, text);
  if (o.common.json) return print_json(json_of(o, watched, frames, text.size()));
  put("{} -> {}: {} of {} iterates, {:.1f} MB\n", o.picture, o.output, frames.size(), n_iter + 1,
      static_cast<double>(text.size()) / 1e6);
}

void add_watch_options(CLI::App& command, WatchOptions& o) {
  command.add_option("picture", o.picture, "PNG or JPEG; - for standard input")->required();
  command.add_option("model", o.model,
                     "a checkpoint, the folder of a run, or a name of `primal models`: Lambda is its map");
  command.add_option("-o,--output", o.output, "the page, a file that ends in .html")->required();
  command
      .add_option("--lambda", o.lambda, "Lambda is this number at every pixel (default without MODEL: 0.07)")
      ->check(number_range(0, 100));
  command
      .add_option(
          "--iterations", o.iterations,
          "T, iterations of PDHG (default: the model's T; 256 without one); about 60 of them are shown")
      ->check(whole_range(1, 1'000'000'000));
  add_boundary_option(command, o.boundary, "the model's; symmetric without one");
  command
      .add_option(
          "--noise", o.noise,
          "treat the picture as clean: add noise of this standard deviation and draw the PSNR as a curve")
      ->check(number_range(0, 10));
  add_noise_kind_option(command, o.noise_kind, "as the model was trained; relative without one");
  command.add_option("--seed", o.seed, "seed of the noise")->check(whole_range(0))->capture_default_str();
  add_range_option(command, o.range, "as the model was trained; full without one");
  command
      .add_option(
          "--size", o.size,
          "the most pixels along a side; a larger picture is reduced to it and keeps its aspect ratio")
      ->check(whole_range(2, 512))
      ->capture_default_str();
  command.add_flag("--crop", o.crop, "cut --size pixels out of the middle of a larger picture instead");
  command.add_flag("--overwrite", o.overwrite, "replace a page that exists");
  o.common.add_to(command);
}

}  // namespace

void add_watch_command(CLI::App& program) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command =
      program.add_subcommand("watch", "watch PDHG at work on one picture, as a web page (docs/unrolled.md)");
  add_watch_options(*command, *options);
  command->footer(
      "The page is one file that any browser opens without a network. It has the picture x_k, the dual field "
      "q_k\n"
      "and its active set for about 60 of the iterations, energy, gap and PSNR as curves, and the history of "
      "any\n"
      "pixel.\n"
      "Examples:\n  primal watch noisy.png -o watch.html\n"
      "  primal watch clean.png --noise 0.5 --lambda 0.1 --iterations 500 -o watch.html\n"
      "  primal watch clean.png runs/thesis/best.safetensors --noise 0.5 -o watch.html");
  command->callback([options] { watch(*options); });
}

}  // namespace primal
