// What table.cpp shares with the two formats.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "data/table/table.h"

namespace primal::table {

Table parse_csv(std::string_view text, const std::string& name, char separator);
Table parse_xlsx(std::span<const uint8_t> bytes, const std::string& name, const std::string& sheet);

// "A", "B", ..., "Z", "AA": column 0, 1, ..., 25, 26
std::string column_letters(size_t column);

// A workbook's cells may share one long text: the bounds are on what they hold, each for itself and together.
inline constexpr size_t kMaxCellBytes = size_t{1} << 17;  // 4 times the 32,767 characters that Excel allows
inline constexpr uint64_t kMaxTextBytes = 4 * kMaxTableBytes;

// Rows under a header, from whatever format: checks the bounds and drops what is empty.
class TableBuilder {
 public:
  TableBuilder(std::string name, bool is_sheet);

  // The next row, numbered; cells may lack empty ones at the end. The first that is not empty becomes the
  // header.
  void add(int64_t number, std::vector<Cell> cells);
  bool has_header() const { return !table_.columns.empty(); }
  Table finish();  // DataError without a header

 private:
  void take_header(int64_t number, const std::vector<Cell>& cells);

  Table table_;
  size_t n_cells_ = 0;
  uint64_t n_text_bytes_ = 0;
};

}  // namespace primal::table
