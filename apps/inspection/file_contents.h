// What is in a file of tensors: names, types, shapes, statistics, metadata, and where the
// training stood that wrote it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/safetensors/safetensors.h"

namespace primal {

// A table of the tensors and the metadata, to standard output.
void print_file(const Safetensors& file);

// The same for programs: "file", "metadata", "tensors", "elements", "bytes", "not_finite".
nlohmann::json file_json(const Safetensors& file);

std::string shape_text(const std::vector<int64_t>& shape);  // "[32,1,1,3,3]"

// Metadata that is JSON (the configuration of a checkpoint) as JSON, other metadata as its text.
nlohmann::json metadata_value(const std::string& text);

}  // namespace primal
