// A text result, whole or not at all, never over another without leave.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "apps/pictures/results.h"
#include "data/file/file.h"
#include "tensor/error.h"

namespace primal {

// IoError where the file exists and may not be replaced, is a folder or a device, or its folder cannot be
// made or written to. For the start of a command, so that no work is lost.
inline void check_result_file(const std::filesystem::path& file, bool overwrite) {
  std::error_code error;
  const bool exists = std::filesystem::exists(file, error);
  if (exists && !overwrite) {
    throw IoError("[output] {} exists; give --overwrite to replace it", file.string());
  }
  if (exists && !std::filesystem::is_regular_file(file, error)) {
    throw IoError("[output] {} is not a regular file; expected a regular file to replace, or a new name",
                  file.string());
  }
  make_result_folder(file.has_parent_path() ? file.parent_path() : std::filesystem::path("."));
}

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  write_file_atomically(file, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// A table that grows by a row at a time. A table that has its name is replaced by the header: where the disk
// has no room for that, it stays.
inline std::ofstream begin_table(const std::filesystem::path& file, const std::string& header) {
  write_text(file, header);
  return std::ofstream(file, std::ios::app);
}

}  // namespace primal
