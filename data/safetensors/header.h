// The header of a safetensors file, read as it is parsed: nothing is kept of it but the entries, so that its
// cost grows with its length alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "data/safetensors/safetensors.h"

namespace primal::safetensors {

// An element type of the format.
struct FileType {
  std::string_view name;
  uint64_t bits;  // of an element; below 8 elements share bytes
  std::optional<DType> ours;
  std::optional<DType> widened;  // where it is none of ours: the type of ours that has all its values
};

// nullptr for a name that the format does not have.
const FileType* find_type(std::string_view name);

struct Header {
  std::map<std::string, Safetensors::Entry> entries;
  Metadata metadata;
};

// DataError naming `file` for everything safetensors.h says of a header, except holes and overlaps.
Header parse_header(std::string_view text, const std::string& file, uint64_t data_bytes);

}  // namespace primal::safetensors
