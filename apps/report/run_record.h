// What lies in the folder of a training, as far as it can be read: a report is made of a damaged or
// unfinished folder too, and says what is missing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/inspection/run_curves.h"
#include "apps/training/config.h"

namespace primal {

// A line of config.toml.
struct SettingRow {
  std::string key, value, origin;  // "model.filters", "16", "--set"
};

// A start or resumption, from events.jsonl. What it does not say is empty or 0.
struct StartRecord {
  std::string time, version, commit, compiler, machine, command;
  int64_t step = 0, n_steps = 0, parameters = 0, threads = 0;
};

struct CheckpointRow {
  std::string file, note;  // note: why it cannot be read
  std::optional<int64_t> step = {};
  std::optional<uint64_t> bytes = {};
};

struct RunRecord {
  std::filesystem::path folder = {};
  std::vector<SettingRow> settings = {};
  std::optional<TrainConfig> config = {};  // of config.toml, else of a checkpoint
  std::optional<RunCurves> curves = {};
  std::vector<StartRecord> starts = {};
  std::string stop_reason = {}, stop_time = {};  // after the last start; empty: it goes on, or was killed
  std::vector<CheckpointRow> checkpoints = {};
  std::vector<std::string> problems = {};  // sentences
};

// Whether the folder has any file that a training writes, whatever its state.
bool has_run_files(const std::filesystem::path& folder);

// Throws nothing for a damaged file. With `open_checkpoints` each of them is read and its checksum
// verified; else only its size and the step that events.jsonl gives are known, which takes less time
// while a training is at work.
RunRecord read_run_record(const std::filesystem::path& folder, bool open_checkpoints);

}  // namespace primal
