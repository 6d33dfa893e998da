// Scores that other processes computed (primal evaluate --shard), read from their folders, so that
// they are not computed again.
//
// The evaluation.csv of a part has all digits of its scores. Its settings.json, written before the first
// picture, has the settings. So the rows of a part that was stopped can be used too, and the merged result is
// what one process would have computed.
//
// Errors:  IoError or DataError for a folder without these files, and for broken ones (an SSIM beyond 1, a
//          PSNR that is not a number); ConfigError for a part with other settings (the message names them
//          with both values), and for a picture that two parts have with different scores.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/evaluation/evaluation.h"

namespace primal {

struct EvaluationParts {
  std::map<std::string, Evaluation> scores;  // by the pictures' names
  std::vector<std::string> remarks;          // for people
};

// `settings` are those of this evaluation. Paths in them may differ between machines; a different folder of
// pictures is remarked on. A last line without its end is left out: the process that wrote it was stopped,
// and a number may be cut.
EvaluationParts read_evaluation_parts(const std::vector<std::filesystem::path>& folders,
                                      const nlohmann::json& settings);

}  // namespace primal
