// What a file is, by its first bytes (and by its name, for the few kinds that have no sign of their own): for
// messages that say what was found where something else was expected.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace primal {

struct FileKind {
  std::string name;          // "a TIFF picture"
  std::string advice;        // how to make of it what is read here; empty where there is no such way
  bool for_tensors = false;  // the advice leads to a file of tensors, not to a picture
  bool is_picture = false;   // pictures that are read here or become such by the advice
};

// `start`: the first kFileStartBytes bytes (data/file/file.h), or all there are. Nothing for bytes of no
// known kind.
std::optional<FileKind> kind_of(std::span<const uint8_t> start, const std::string& file_name);

// "it starts with 00 01 02 03 04 05 06 07"
std::string hex_start(std::span<const uint8_t> start);

}  // namespace primal
