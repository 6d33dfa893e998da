// The commands of the program: each adds its subcommand to the command line and runs when it was the one
// given.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/pictures/figure_file.h"
#include "apps/pictures/tiling.h"
#include "tensor/device.h"

// Sources that add options include <CLI/CLI.hpp>, which takes 2.4 s to compile.
namespace CLI {
class App;
}

namespace primal {

// Options that every command takes.
struct CommonOptions {
  bool json = false;   // data on stdout as JSON
  bool quiet = false;  // no talk on stderr
  int threads = 0;     // 0: PRIMAL_THREADS, OMP_NUM_THREADS, or one for each processor
  std::string device = "auto", precision = "fp32";
  std::vector<std::string> impl;  // "conv3d=blocked"
  std::string plan;               // file of `primal tune`

  void add_to(CLI::App& command);
  // Threads, device and plan take effect; returns the device. Call first in a command. A plan of another
  // machine or build is a remark on stderr, and so is a device that `auto` found. DeviceError where the
  // device asked for is not there.
  Device apply() const;
  // What --device names, without a remark.
  Device resolve_device() const;

  // --impl as a map. ConfigError for an unknown op or implementation, or one that does not run on the device;
  // DeviceError where its library is not there.
  std::map<std::string, std::string, std::less<>> forced() const;
};

// --tile.
void add_tile_option(CLI::App& command, Tiling& tiling);
// --boundary, --range and --noise-kind; `otherwise` says what holds where the flag is not given.
void add_boundary_option(CLI::App& command, std::string& boundary, const std::string& otherwise);
void add_range_option(CLI::App& command, std::string& range, const std::string& otherwise);
void add_noise_kind_option(CLI::App& command, std::string& kind, const std::string& otherwise);
// --rounds and --min-time, of a command that measures implementations.
void add_measuring_options(CLI::App& command, int& rounds, double& min_time_ms);

// --figure-format and --figure-data, of a command that draws several figures.
void add_figure_style(CLI::App& command, FigureStyle& style);

void add_demo_command(CLI::App& program);
void add_train_command(CLI::App& program);
void add_denoise_command(CLI::App& program);
void add_classify_command(CLI::App& program);
void add_evaluate_command(CLI::App& program);
void add_search_command(CLI::App& program);
void add_follow_command(CLI::App& program);
void add_watch_command(CLI::App& program);
void add_verify_command(CLI::App& program);
void add_check_command(CLI::App& program);
void add_profile_command(CLI::App& program);
void add_tune_command(CLI::App& program);
void add_inspect_command(CLI::App& program);
void add_models_command(CLI::App& program);
void add_export_command(CLI::App& program);
void add_import_command(CLI::App& program);
void add_data_command(CLI::App& program);
void add_report_command(CLI::App& program);
void add_study_command(CLI::App& program);
void add_manual_commands(CLI::App& program);  // manual, completion

}  // namespace primal
