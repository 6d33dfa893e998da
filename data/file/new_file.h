// A file that must be new. Of several processes that write the same name, one succeeds and the others are told.
//
// Errors: those of data/file/file.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace primal {

// Writes the whole file or nothing, as write_file_atomically() does, but never replaces a file: if the name is taken by the
// time that the bytes are on the disk, it returns false and leaves that file as it is. On a file system without hard links, a file that
// appears in the last microseconds is replaced.
[[nodiscard]] bool write_new_file(const std::filesystem::path& path, std::span<const uint8_t> bytes);

}  // namespace primal
