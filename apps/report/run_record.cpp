#include "apps/report/run_record.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/report/json_fields.h"
#include "apps/shell/is_folder.h"
#include "apps/training/checkpoint.h"
#include "apps/training/run_folder.h"
#include "data/file/lines.h"
#include "tensor/error.h"

namespace primal {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxEventBytes = size_t{1} << 20;  // a start names every choice of implementation

std::string trimmed(std::string text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  while (!text.empty() && is_space(text.front())) text.erase(0, 1);
  return text;
}

// A text that the program wrote ends with its last line; one that was cut short hardly does.
bool ends_early(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream || stream.tellg() == std::streampos(0)) return false;
  stream.seekg(-1, std::ios::end);
  return stream.get() != '\n';
}

// Lines as to_toml() (training/settings.h) writes them, `key = value  # origin` below `[section]`; other
// lines are passed over.
std::vector<SettingRow> setting_rows(const fs::path& file) {
  std::vector<SettingRow> rows;
  LineReader lines(file);
  std::string section;
  for (std::string line; lines.next(line);) {
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1) + ".";
    const size_t equals = line.find(" = ");
    if (equals == std::string::npos || line.starts_with('#')) continue;
    const size_t mark = line.rfind("  # ");
    const bool has_origin = mark != std::string::npos && mark > equals;
    rows.push_back({section + trimmed(line.substr(0, equals)),
                    trimmed(line.substr(equals + 3, has_origin ? mark - equals - 3 : std::string::npos)),
                    has_origin ? trimmed(line.substr(mark + 4)) : std::string()});
  }
  return rows;
}

void read_settings(RunRecord& record) {
  const fs::path file = record.folder / "config.toml";
  if (!is_there(file)) {
    record.problems.push_back("config.toml is missing, so the settings and their origins are not shown.");
    return;
  }
  try {
    record.settings = setting_rows(file);
    if (ends_early(file))
      record.problems.push_back("config.toml ends in the middle of a line: settings at its end are missing.");
    TrainConfig config;
    read_config(config, file);
    record.config = config;
  } catch (const Error& error) {
    record.problems.push_back(fmt::format("config.toml cannot be read whole: {}", error.what()));
  }
}

StartRecord start_of(const nlohmann::json& event) {
  return {.time = text_in(event, "time"),
          .version = text_in(event, "primal"),
          .commit = text_in(event, "commit"),
          .compiler = text_in(event, "compiler"),
          .machine = text_in(event, "machine"),
          .command = text_in(event, "command"),
          .step = integer_in(event, "step"),
          .n_steps = integer_in(event, "n_steps"),
          .parameters = integer_in(event, "parameters"),
          .threads = integer_in(event, "threads")};
}

void note_checkpoint(RunRecord& record, const nlohmann::json& event) {
  const std::string file = text_in(event, "file");
  const auto known = std::ranges::find(record.checkpoints, file, &CheckpointRow::file);
  if (known != record.checkpoints.end()) known->step = integer_in(event, "step");
}

// Steps, which are nearly all lines, are not read as JSON.
void read_events(RunRecord& record) {
  const fs::path file = record.folder / "events.jsonl";
  if (!is_there(file)) {
    record.problems.push_back(
        "events.jsonl is missing, so version, machine, command and baselines are not known.");
    return;
  }
  int64_t n_broken = 0;
  try {
    LineReader lines(file, kMaxEventBytes);
    for (std::string line; lines.next(line);) {
      if (line.starts_with(R"({"event":"step")") && line.ends_with('}')) continue;
      const auto event = nlohmann::json::parse(line, nullptr, false);
      const std::string kind = text_in(event, "event");
      if (kind.empty()) ++n_broken;
      if (kind == "start") {
        record.starts.push_back(start_of(event));
        record.stop_reason = record.stop_time = "";
      } else if (kind == "stop") {
        record.stop_reason = text_in(event, "reason");
        record.stop_time = text_in(event, "time");
      } else if (kind == "checkpoint") {
        note_checkpoint(record, event);
      }
    }
  } catch (const Error& error) {
    record.problems.push_back(fmt::format("events.jsonl cannot be read whole: {}", error.what()));
  }
  if (n_broken > 0)
    record.problems.push_back(fmt::format("{} line{} of events.jsonl {} no event and {} left out.", n_broken,
                                          n_broken == 1 ? "" : "s", n_broken == 1 ? "is" : "are",
                                          n_broken == 1 ? "is" : "are"));
  if (record.starts.empty())
    record.problems.push_back("events.jsonl has no start, so version, machine and command are not known.");
}

// The files alone; what is in them comes later.
void find_checkpoints(RunRecord& record) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(record.folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_numbered = name.starts_with("step_") && name.ends_with(".safetensors");
    if (name != kLastCheckpoint && name != kBestCheckpoint && !is_numbered) continue;
    CheckpointRow row{.file = name, .note = {}, .step = {}, .bytes = {}};
    std::error_code no_size;
    const uint64_t bytes = entry.file_size(no_size);
    if (!no_size) row.bytes = bytes;
    record.checkpoints.push_back(row);
  }
  std::ranges::sort(record.checkpoints, {}, &CheckpointRow::file);
  if (record.checkpoints.empty())
    record.problems.push_back("The folder has no checkpoint, so no pictures can be made.");
  else if (std::ranges::count(record.checkpoints, kLastCheckpoint, &CheckpointRow::file) == 0)
    record.problems.push_back("last.safetensors is missing, so the training cannot be resumed.");
}

void open_all(RunRecord& record) {
  for (CheckpointRow& row : record.checkpoints) {
    try {
      const CheckpointInfo info = checkpoint_info(record.folder / row.file);
      row.step = info.state.step;
      if (!record.config) record.config = info.config;
    } catch (const Error& error) {
      row.note = error.what();
      record.problems.push_back(fmt::format("{} cannot be read: {}", row.file, error.what()));
    }
  }
}

}  // namespace

bool has_run_files(const fs::path& folder) {
  constexpr std::array kNames{"config.toml", "metrics.csv", "events.jsonl", kLastCheckpoint, kBestCheckpoint};
  return std::ranges::any_of(kNames, [&](const char* name) { return is_there(folder / name); });
}

RunRecord read_run_record(const fs::path& folder, bool open_checkpoints) {
  RunRecord record{.folder = folder};
  read_settings(record);
  find_checkpoints(record);
  read_events(record);
  if (open_checkpoints) open_all(record);
  try {
    record.curves = read_run_curves(folder, &record.problems);
  } catch (const Error& error) {
    record.problems.push_back(fmt::format("The curves are missing: {}", error.what()));
    return record;
  }
  if (ends_early(folder / "metrics.csv"))
    record.problems.push_back("metrics.csv ends in the middle of a line, so rows at its end are missing.");
  // The row of a step with a validation is written after that, and the checkpoint may come before.
  for (const CheckpointRow& row : record.checkpoints) {
    if (!row.step || row.file != kLastCheckpoint || *row.step <= record.curves->steps + 1) continue;
    record.problems.push_back(
        fmt::format("metrics.csv ends at step {}, but last.safetensors is of step {}: rows are missing.",
                    record.curves->steps, *row.step));
  }
  return record;
}

}  // namespace primal
