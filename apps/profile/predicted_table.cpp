#include "apps/profile/predicted_table.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace primal {
namespace {

std::string grid_text(const simt::ListedLaunch& launch) {
  const auto extents = [](const std::array<unsigned, 3>& e) {
    return e[2] > 1   ? fmt::format("{}x{}x{}", e[0], e[1], e[2])
           : e[1] > 1 ? fmt::format("{}x{}", e[0], e[1])
                      : fmt::format("{}", e[0]);
  };
  if (launch.n_blocks() == 0.0) return "";
  return fmt::format("{} of {}", extents(launch.grid), extents(launch.block));
}

// Shortens "cnn.encoder.1.double_conv.conv_block.2" to "encoder.1.2", and keeps only the end if
// that is longer than `most`.
std::string short_layer(std::string layer, size_t most) {
  for (const std::string_view part : {"cnn.", "double_conv.", "conv_block."}) {
    if (const size_t at = layer.find(part); at != std::string::npos) layer.erase(at, part.size());
  }
  if (layer.size() <= most) return layer;
  return ".." + layer.substr(layer.size() - most + 2);
}

std::string layer_of(const simt::ListedLaunch& launch) { return launch.range ? launch.range->layer : ""; }

std::string range_text(const TimeRange& us) { return fmt::format("{:7.1f} .. {:7.1f}", us.low, us.high); }

int64_t n_unknown(const PredictedRun& run) {
  return std::ranges::count_if(run.launches, [](const PredictedLaunch& p) { return p.work.kernel.empty(); });
}

void append_launches(std::string& text, const PredictedRun& run) {
  text += fmt::format("{:>4} {:<35} {:<22} {:>16} {:>7} {:>8}  {:<18} {}\n", "", "launch", "layer",
                      "blocks, threads", "MB", "Minstr", "predicted us", "limit");
  int number = 0;
  for (const PredictedLaunch& p : run.launches) {
    text += fmt::format("{:>4} {:<35} {:<22} {:>16} {:>7.2f} {:>8}  {:<18} {}\n", ++number, p.launch.name,
                        short_layer(layer_of(p.launch), 22), grid_text(p.launch), 1e-6 * p.launch.bytes,
                        p.work.instructions > 0.0 ? fmt::format("{:.3f}", 1e-6 * p.work.instructions) : "-",
                        range_text(p.us), p.work.kernel.empty() ? "bytes alone" : p.work.limit);
  }
}

void append_kernels(std::string& text, const PredictedRun& run) {
  text += fmt::format("\n{:<40} {:>8} {:>9}  {}\n", "kernel", "launches", "MB", "predicted us");
  for (const PredictedRow& row : by_kernel(run))
    text += fmt::format("{:<40} {:>8} {:>9.2f}  {}\n", row.name, row.launches, 1e-6 * row.bytes,
                        range_text(row.us));
  text += fmt::format("{:<40} {:>8} {:>9}  {}\n", "sum", run.launches.size(), "", range_text(run.total_us()));
}

void append_measured(std::string& text, const PredictedRun& run, const MeasuredRun& measured) {
  text += fmt::format("\n{:<34} {:<34} {:>8}  {:<18} {:>12}\n", "op", "layer", "launches", "predicted us",
                      "measured us");
  for (const PredictedRow& row : by_range(run)) {
    const auto found = measured.us.find(key_of(row));
    text += fmt::format("{:<34} {:<34} {:>8}  {:<18} {:>12}\n", row.name, short_layer(row.layer, 34),
                        row.launches, range_text(row.us),
                        found == measured.us.end() ? "-" : fmt::format("{:.1f}", found->second));
  }
  text += fmt::format("{:<34} {:<34} {:>8}  {:<18} {:>12.1f}\n", "recorded step", "", run.launches.size(),
                      range_text(run.total_us()), measured.step_us);
}

nlohmann::json json_of(const TimeRange& us) { return {{"low", us.low}, {"high", us.high}}; }

nlohmann::json json_of(const PredictedLaunch& p) {
  nlohmann::json row = {{"name", p.launch.name},
                        {"grid", p.launch.grid},
                        {"block", p.launch.block},
                        {"shared_bytes", p.launch.shared_bytes},
                        {"cluster", p.launch.cluster},
                        {"bytes", p.launch.bytes},
                        {"products", p.work.products},
                        {"layer", layer_of(p.launch)},
                        {"grid_meetings", p.work.grid_meetings},
                        {"limit", p.work.limit},
                        {"predicted_us", json_of(p.us)}};
  row["kernel"] = p.work.kernel.empty() ? nlohmann::json() : nlohmann::json(p.work.kernel);
  row["instructions"] = p.work.instructions > 0.0 ? nlohmann::json(p.work.instructions) : nlohmann::json();
  if (p.launch.range) row["op"] = p.launch.range->op;
  return row;
}

}  // namespace

std::string assumptions_of(const DeviceModel& device) {
  return fmt::format(
      "These times are predicted for {}, with nothing measured on one. The model has {} multiprocessors\n"
      "at {:.2f} GHz, L2 with {:.1f} TB/s, memory with {:.1f} TB/s of which {:.0f}% are reached,\n"
      "{} .. {} us between launches, {} .. {} us to start a launch and {} us to synchronise the grid.\n"
      "Instructions are counted in nvcc's code (bench/kernel_costs.py), and each block of memory is moved\n"
      "once. The time of a single kernel may be wrong by a factor of two.\n",
      device.name, device.multiprocessors, 1e-3 * device.clocks_per_us, 1e-6 * device.l2_bytes_per_us,
      1e-6 * device.memory_bytes_per_us, 100.0 * device.memory_share, device.gap_us.low, device.gap_us.high,
      device.start_us.low, device.start_us.high, device.grid_meets_us);
}

std::string predicted_table(const PredictedRun& run, const DeviceModel& device, const MeasuredRun* measured) {
  std::string text = fmt::format("{}: {} launches, predicted\n", run.what, run.launches.size());
  append_launches(text, run);
  append_kernels(text, run);
  if (const int64_t n = n_unknown(run); n > 0)
    text += fmt::format("the instructions of {} launches are not known: predicted from bytes alone\n", n);
  if (measured != nullptr) append_measured(text, run, *measured);
  return text + "\n" + assumptions_of(device);
}

nlohmann::json to_json(const PredictedRun& run, const MeasuredRun* measured) {
  nlohmann::json launches = nlohmann::json::array(), kernels = nlohmann::json::array();
  for (const PredictedLaunch& p : run.launches) launches.push_back(json_of(p));
  for (const PredictedRow& row : by_kernel(run))
    kernels.push_back({{"name", row.name},
                       {"launches", row.launches},
                       {"bytes", row.bytes},
                       {"predicted_us", json_of(row.us)}});
  nlohmann::json report = {{"predicted_for", run.device},   {"what", run.what},
                           {"launches", launches},          {"kernels", kernels},
                           {"not_counted", n_unknown(run)}, {"predicted_us", json_of(run.total_us())}};
  if (measured == nullptr) return report;
  nlohmann::json rows = nlohmann::json::array();
  for (const PredictedRow& row : by_range(run)) {
    const auto found = measured->us.find(key_of(row));
    rows.push_back(
        {{"op", row.name},
         {"layer", row.layer},
         {"launches", row.launches},
         {"predicted_us", json_of(row.us)},
         {"measured_us", found == measured->us.end() ? nlohmann::json() : nlohmann::json(found->second)}});
  }
  report["measured"] = {{"device", measured->device}, {"step_us", measured->step_us}, {"rows", rows}};
  return report;
}

}  // namespace primal
