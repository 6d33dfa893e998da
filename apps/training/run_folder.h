// The folder of a training, under its names:
//
//   last.safetensors         where the training stands
//   best.safetensors         the best validation so far
//   step_000600.safetensors  one a validation, the newest training.keep of them
//   nan_step_7.safetensors   a step that gave no finite number (step_file.h)
//   config.toml              the settings, each with its origin: a configuration file like any other
//   metrics.csv              a row per step
//   events.jsonl             the same and more, for programs
//   report.html              all of it as a page (apps/report)
//   .lock                    held by the training that is at work here
//
// Checkpoints and config.toml are replaced whole or not at all (data/file/file.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace primal {

inline constexpr const char* kLastCheckpoint = "last.safetensors";
inline constexpr const char* kBestCheckpoint = "best.safetensors";
inline constexpr const char* kReportFile = "report.html";

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path);

  // Makes the folder where it is missing and returns its path; IoError where that cannot be done.
  const std::filesystem::path& make() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last() const { return path_ / kLastCheckpoint; }
  std::filesystem::path best() const { return path_ / kBestCheckpoint; }
  std::filesystem::path numbered(int64_t step) const;
  std::filesystem::path failed(int64_t step) const;
  std::filesystem::path metrics() const { return path_ / "metrics.csv"; }
  std::filesystem::path events() const { return path_ / "events.jsonl"; }

  void write_config(const std::string& toml) const;

  // Removes the numbered checkpoints but the n of the highest steps.
  void keep_newest(int64_t n) const;
  // Removes the unfinished files of a process that was killed while it wrote; for the holder of the lock.
  void remove_unfinished() const;
  // Removes what an earlier training left and the first checkpoint of a new one does not replace.
  void remove_old_checkpoints() const;

 private:
  void remove_if(const std::function<bool(const std::string&)>& unwanted) const;

  std::filesystem::path path_;
};

}  // namespace primal
