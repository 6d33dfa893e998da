#include "apps/training/model_choice.h"

#include <cerrno>
#include <cstring>

#include "apps/models/shipped_models.h"
#include "apps/shell/streams.h"
#include "apps/training/run_folder.h"
#include "tensor/error.h"

namespace primal {

namespace fs = std::filesystem;

std::optional<fs::path> best_checkpoint_in(const fs::path& folder) {
  for (const char* name : {kBestCheckpoint, kLastCheckpoint}) {
    std::error_code error;
    if (fs::exists(folder / name, error)) return folder / name;
  }
  return std::nullopt;
}

ModelFile find_model_file(const fs::path& named) {
  std::error_code error;
  const fs::file_status status = fs::status(named, error);
  // A folder of pictures may have the name of a model: only what can be a model itself comes before the
  // shipped one.
  const bool is_own = fs::exists(status) && (!fs::is_directory(status) || best_checkpoint_in(named));
  if (const auto shipped = is_own ? std::nullopt : find_shipped_model(named.string()))
    return {shipped->file, fmt::format("{} is the model {}", named.string(), shipped->file.string())};
  if (!fs::exists(status)) {
    const bool is_missing = !error || error == std::errc::no_such_file_or_directory;
    throw IoError(
        "[model] cannot open {}: {}; expected a checkpoint (.safetensors), the folder of a training run, or "
        "a name that `primal models` lists{}",
        named.string(), is_missing ? std::strerror(ENOENT) : error.message(), remark_on_models_variable());
  }
  if (!fs::is_directory(status)) return {named, ""};
  if (const std::optional<fs::path> found = best_checkpoint_in(named)) {
    return {*found, fmt::format("{} is the folder of a training run: its {} is used", named.string(),
                                found->filename().string())};
  }
  throw IoError(
      "[model] {} is a folder without best.safetensors or last.safetensors; expected a checkpoint "
      "(.safetensors) or the folder of a training run",
      named.string());
}

fs::path model_file(const fs::path& named, bool quiet) {
  const ModelFile found = find_model_file(named);
  if (!found.remark.empty() && !quiet) say("{}\n", found.remark);
  return found.path;
}

}  // namespace primal
