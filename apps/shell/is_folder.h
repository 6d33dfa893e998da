// Whether something is at a path, and whether it is a folder. False where that cannot be found out:
// whoever reads it then says why.
#pragma once

#include <filesystem>
#include <system_error>

namespace primal {

inline bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

inline bool is_folder(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

}  // namespace primal
