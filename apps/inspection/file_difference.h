// How two files of tensors differ. Values count as equal where every bit is.
#pragma once

#include <nlohmann/json.hpp>

#include "data/safetensors/safetensors.h"

namespace primal {

// Rows of one difference each, by name, the tensors first; empty where the files hold the same.
//
//   {"tensor": NAME or "metadata": KEY, "only_in": FILE}    a tensor that one file lacks
//   {..., "first": VALUE, "second": VALUE}                  types and shapes, or metadata (null: absent)
//   {..., "not_compared": TYPE}                             values that are not read
//   {..., "different": COUNT, "largest": |a - b|, "relative": ||a - b|| / ||a||}
struct FileDifference {
  nlohmann::json real = nlohmann::json::array();
  // Metadata that says where, when and how a training ran, not what was trained: it may differ between
  // files that hold the same.
  nlohmann::json bookkeeping = nlohmann::json::array();
};
FileDifference difference_of(const Safetensors& a, const Safetensors& b);

// One row, in words, to standard output.
void print_difference(const nlohmann::json& row);

}  // namespace primal
