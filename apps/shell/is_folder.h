// Whether a path is a folder; false where that cannot be found out: then whoever reads it says why.
#pragma once

#include <filesystem>
#include <system_error>

namespace primal {

inline bool is_folder(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

}  // namespace primal
