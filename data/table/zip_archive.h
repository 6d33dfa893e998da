// A ZIP archive in memory, through libzip: named parts out of one, and one out of named parts.
//
// Errors: DataError naming the file for an archive that is damaged or cut, a part that is encrypted, damaged (CRC-32), packed in
//         a way libzip does not know, or refused as a bomb: unpacked it would be more than kMaxPackingRatio times as large as
//         packed, or all parts together more than the bound given.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

struct zip;

namespace primal::table {

inline constexpr uint64_t kMaxPackingRatio = 200;
inline constexpr uint64_t kAlwaysUnpackedBytes = uint64_t{1}
                                                 << 16;  // small parts may be packed as well as they like

class ZipReader {
 public:
  // The bytes must outlive the reader. max_bytes: of all parts that are asked for, unpacked.
  ZipReader(std::span<const uint8_t> bytes, std::string name, uint64_t max_bytes);

  // Nothing where there is no such part; names are compared as OPC does, without regard to case.
  std::optional<std::string> part(const std::string& part_name);

 private:
  struct Discard {
    void operator()(zip* archive) const;
  };
  std::string name_;
  uint64_t bytes_left_, max_bytes_;
  std::unique_ptr<zip, Discard> archive_;
};

// The archive of these parts in this order, all dated 1 January 1980, so that the same parts give the same bytes.
std::vector<uint8_t> make_zip(const std::vector<std::pair<std::string, std::string>>& parts);

}  // namespace primal::table
