// Files that may be compressed with gzip (RFC 1952), unpacked a piece at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace primal {

bool is_gzip(std::span<const uint8_t> bytes);

// What the bytes unpack to, at most max_bytes of it; memory grows with what comes, not with what a header
// says. Members that follow each other are one text, as for gunzip. DataError naming the file where it is
// damaged, cut (the checksum is checked) or longer.
std::vector<uint8_t> gunzip(std::span<const uint8_t> bytes, const std::string& name, uint64_t max_bytes);
// The first n_bytes of it, or all where there are fewer; what follows is not looked at.
std::vector<uint8_t> gunzip_start(std::span<const uint8_t> bytes, const std::string& name, size_t n_bytes);

}  // namespace primal
