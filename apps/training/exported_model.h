// A model to pass on, made from a checkpoint: its weights and settings, without the optimiser and without what says where and when
// it was trained (the folder of the data, the paths of the machine).
//
// Errors: those of read_checked (model/checkpoint_format.h); DataError for bare weights, whose settings nobody knows; IoError where
//         the file cannot be written.
#pragma once

#include <filesystem>
#include <string>

namespace primal {

// `title` says in a line what the model is for; empty: the checkpoint's own, if it has one.
void export_model(const std::filesystem::path& checkpoint, const std::filesystem::path& file,
                  const std::string& title = "");

// The title of an exported model; empty where it has none.
std::string model_title(const std::filesystem::path& file);

}  // namespace primal
