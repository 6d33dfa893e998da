// A model to pass on, made from a checkpoint: its weights and settings, without the optimiser and without
// what says where and when it was trained (the folder of the data, the paths of the machine).
//
// Errors: those of read_checked (model/checkpoint_format.h); DataError for bare weights, whose settings
//         nobody knows; ConfigError for `refine` with a model that is not unrolled TV for pictures; IoError
//         where the file cannot be written.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace primal {

// `title` says in a line what the model is for; empty: the checkpoint's own, if it has one. `refine` sets
// model.refine, of unrolled TV for pictures; empty: the checkpoint's own.
void export_model(const std::filesystem::path& checkpoint, const std::filesystem::path& file,
                  const std::string& title = "", std::optional<bool> refine = {});

// The title of an exported model; empty where it has none.
std::string model_title(const std::filesystem::path& file);

}  // namespace primal
