// What is asked of a file before it is read whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace primal::codec {

// DataError for a file that is no picture of ours by its first bytes, with what it is and what can be done
// where that is known; and for a path that is a device.
void check_start(std::span<const uint8_t> start, const std::string& name);
void check_no_device(const std::filesystem::path& path);

}  // namespace primal::codec
