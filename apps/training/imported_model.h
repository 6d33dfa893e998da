// A checkpoint made from bare weights: those of nn/dynamic_tv under the names of A. Kofler et al., and those
// of the dissertation's network (nn/unrolled_tv) under the names of its reference implementation.
//
// Errors:  IoError and DataError as read_checked has them; DataError for a file that is a checkpoint already,
//          and for weights of another network; ConfigError for a setting that does not belong to the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace primal {

struct ImportedModel {
  std::string architecture;  // "dynamic_tv"
  int64_t n_parameters = 0;
};

// `assignments`: settings of the model, such as "sequence.iterations=64". `title`: one line that
// says what the model is for.
ImportedModel import_model(const std::filesystem::path& weights, const std::filesystem::path& file,
                           const std::vector<std::string>& assignments = {}, const std::string& title = "");

}  // namespace primal
