#include "apps/training/event_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/shell/build_info.h"
#include "apps/shell/command_line.h"
#include "apps/shell/json_text.h"
#include "apps/shell/machine.h"
#include "data/file/file.h"
#include "data/file/lines.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Whether a line belongs to the log up to the row of a step: not one that is no event of ours, nor
// what comes after. The step after may have been saved before its row was written; then its starts
// and stops have happened.
bool belongs(const std::string& line, int64_t last_row) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return false;
  const auto step = json["step"].get<int64_t>();
  const nlohmann::json event = json.value("event", nlohmann::json());
  return step <= last_row || (step == last_row + 1 && (event == "start" || event == "stop"));
}

}  // namespace

std::vector<Baseline> read_baselines(const std::filesystem::path& events,
                                     const std::vector<std::string>& metric_names) {
  std::vector<Baseline> baselines;
  std::ifstream log(events);
  for (std::string line; std::getline(log, line) && !log.eof();) {
    if (line.find("\"baseline\"") == std::string::npos) continue;  // cheaper than to read every step as JSON
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || json.value("event", nlohmann::json()) != "baseline") continue;
    const nlohmann::json name = json.value("name", nlohmann::json());
    if (!name.is_string() || std::ranges::count(baselines, name.get<std::string>(), &Baseline::name) > 0)
      continue;
    Baseline baseline{name.get<std::string>(), {}};
    for (const std::string& metric : metric_names) {
      const nlohmann::json mean = json.value(metric, nlohmann::json());
      baseline.metrics.push_back(summarise_scores(mean.is_number() ? std::vector<double>{mean.get<double>()}
                                                                   : std::vector<double>{}));
    }
    baselines.push_back(std::move(baseline));
  }
  return baselines;
}

EventLog::EventLog(const std::filesystem::path& path, std::vector<std::string> metric_names, int64_t last_row)
    : path_(path), metric_names_(std::move(metric_names)) {
  std::string kept;
  if (last_row >= 0 && std::filesystem::exists(path)) {
    constexpr size_t kMaxLineBytes = size_t{1} << 20;  // a start names every choice of implementation
    LineReader old(path, kMaxLineBytes);
    std::string line;
    while (old.next(line)) {
      if (belongs(line, last_row)) kept += line + "\n";
    }
  }
  write_file_atomically(path, {reinterpret_cast<const uint8_t*>(kept.data()), kept.size()});
  stream_.open(path, std::ios::app);
}

void EventLog::start(int64_t step, const nlohmann::json& facts) {
  nlohmann::ordered_json line{{"event", "start"},
                              {"step", step},
                              {"time", utc_time()},
                              {"primal", build_info().version},
                              {"commit", build_info().commit},
                              {"compiler", build_info().compiler},
                              {"machine", this_machine().cpu},
                              {"command", command_line()}};
  for (const auto& [key, value] : facts.items()) line[key] = value;
  write(json_text(line));
}

void EventLog::step(const StepRecord& r) {
  const StepTexts t = texts_of(r);
  write(fmt::format(
      R"({{"event":"step","step":{},"epoch":{},"loss":{},"mean_loss":{},"learning_rate":{},"step_ms":{}}})",
      r.step, r.epoch, t.loss, t.mean_loss, t.learning_rate, t.step_ms));
  if (r.validation.empty()) return;
  write(fmt::format(R"({{"event":"validation","step":{}{}}})", r.step, metrics_text(r.validation)));
}

void EventLog::baseline(const Baseline& baseline) {
  write(fmt::format(R"({{"event":"baseline","step":0,"name":{}{}}})",
                    json_text(nlohmann::json(baseline.name)), metrics_text(baseline.metrics)));
}

// ,"validation_psnr_db":24.1,"validation_psnr_db_infinite":1, and so on
std::string EventLog::metrics_text(const Metrics& metrics) const {
  std::string text;
  for (size_t i = 0; i < metrics.size(); ++i) {
    const std::string& name = metric_names_.at(i);
    const std::string mean = text_of(metrics[i]);
    text += fmt::format(R"(,"{}":{})", name, mean.empty() ? "null" : mean);
    if (metrics[i].n_infinite > 0) text += fmt::format(R"(,"{}_infinite":{})", name, metrics[i].n_infinite);
    if (metrics[i].n_nan > 0) text += fmt::format(R"(,"{}_not_a_number":{})", name, metrics[i].n_nan);
  }
  return text;
}

void EventLog::checkpoint(int64_t step, const std::string& file) {
  write(nlohmann::ordered_json{{"event", "checkpoint"}, {"step", step}, {"file", file}}.dump());
}

void EventLog::stop(int64_t step, const std::string& reason) {
  write(json_text(
      nlohmann::ordered_json{{"event", "stop"}, {"step", step}, {"time", utc_time()}, {"reason", reason}}));
}

void EventLog::write(const std::string& line) {
  errno = 0;
  stream_ << line << "\n" << std::flush;
  if (!stream_)
    throw IoError("[events] cannot write {}: {}", path_.string(), std::strerror(errno != 0 ? errno : EIO));
}

}  // namespace primal
