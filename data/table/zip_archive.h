// A ZIP archive in memory, through libzip: named parts out of one, and one out of named parts.
//
// Errors: DataError naming the file for an archive that is damaged or cut, a part that is encrypted, damaged
//         (CRC-32), packed in a way libzip does not know, or refused as a bomb: unpacked it would be more
//         than kMaxPackingRatio times as large as packed, or all parts together more than the bound given.
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

inline constexpr double kMaxPackingRatio = 200;
inline constexpr uint64_t kAlwaysUnpackedBytes = uint64_t{1}
                                                 << 16;  // small parts may be packed as well as they like

class ZipReader {
 public:
  // The bytes must outlive the reader. max_bytes: of all parts that are asked for, unpacked.
  ZipReader(std::span<const uint8_t> bytes, std::string name, uint64_t max_bytes,
            double max_ratio = kMaxPackingRatio);

  // The names of all parts, in the order of the archive's directory.
  std::vector<std::string> names() const;

  // What the directory says of a part, and its first bytes, at most n of them. DataError where there is no
  // such part.
  struct PartSize {
    uint64_t unpacked = 0;
    bool is_packed = false;
  };
  PartSize size_of(const std::string& part_name) const;
  std::string part_start(const std::string& part_name, size_t n) const;

  // Nothing where there is no such part; names are compared as OPC does, without regard to case.
  std::optional<std::string> part(const std::string& part_name);

 private:
  struct Discard {
    void operator()(zip* archive) const;
  };
  std::string name_;
  uint64_t bytes_left_, max_bytes_;
  double max_ratio_;
  std::unique_ptr<zip, Discard> archive_;
};

// As the library sees fit (deflated where that is smaller), or every part one way.
enum class Packing { automatic, stored, deflated };

// The archive of these parts in this order, all dated 1 January 1980, so that the same parts give the same
// bytes.
std::vector<uint8_t> make_zip(const std::vector<std::pair<std::string, std::string>>& parts,
                              Packing packing = Packing::automatic);

}  // namespace primal::table
