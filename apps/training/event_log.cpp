#include "apps/training/event_log.h"

#include <ctime>
#include <utility>

#include "apps/json_text.h"
#include "apps/program/build_info.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {
namespace {

std::string utc_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

// The step of a line; one more than any for a line that is no event of ours.
int64_t step_of(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return INT64_MAX;
  return json["step"].get<int64_t>();
}

}  // namespace

EventLog::EventLog(const std::filesystem::path& path, std::vector<std::string> metric_names,
                   int64_t last_step)
    : path_(path), metric_names_(std::move(metric_names)) {
  std::string kept;
  if (last_step >= 0) {
    std::ifstream old(path);
    std::string line;
    while (std::getline(old, line) && !old.eof()) {  // a line without its newline was cut by a kill
      if (step_of(line) <= last_step) kept += line + "\n";
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
                              {"compiler", build_info().compiler}};
  for (const auto& [key, value] : facts.items()) line[key] = value;
  write(json_text(line));
}

void EventLog::step(const StepRecord& r) {
  const StepTexts t = texts_of(r);
  write(fmt::format(
      R"({{"event":"step","step":{},"epoch":{},"loss":{},"mean_loss":{},"learning_rate":{},"step_ms":{}}})",
      r.step, r.epoch, t.loss, t.mean_loss, t.learning_rate, t.step_ms));
  if (r.validation.empty()) return;
  std::string line = fmt::format(R"({{"event":"validation","step":{})", r.step);
  for (size_t i = 0; i < r.validation.size(); ++i) {
    line += fmt::format(R"(,"{}":{})", metric_names_.at(i), t.validation[i]);
  }
  write(line + "}");
}

void EventLog::checkpoint(int64_t step, const std::string& file) {
  write(nlohmann::ordered_json{{"event", "checkpoint"}, {"step", step}, {"file", file}}.dump());
}

void EventLog::stop(int64_t step, const std::string& reason) {
  write(json_text(
      nlohmann::ordered_json{{"event", "stop"}, {"step", step}, {"time", utc_time()}, {"reason", reason}}));
}

void EventLog::write(const std::string& line) {
  stream_ << line << "\n" << std::flush;
  if (!stream_) throw IoError("[events] {} cannot be written: is the disk full?", path_.string());
}

}  // namespace primal
