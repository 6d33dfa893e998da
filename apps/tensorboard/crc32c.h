// CRC-32C (Castagnoli), the checksum of TensorBoard's records.
// Source: RFC 3720, appendix B.4: polynomial 0x1EDC6F41, reflected; the test has its vectors.
#pragma once

#include <cstdint>
#include <string_view>

namespace primal {

uint32_t crc32c(std::string_view bytes);

// What a record holds instead of the checksum itself, so that a checksum of bytes with checksums in them is
// not degenerate: rotated by 15 bits, plus a constant. Source: tensorflow/core/lib/hash/crc32c.h.
constexpr uint32_t masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

}  // namespace primal
