// Any bytes are a table or a DataError that names them; a table has as many cells in a row as columns and
// comes back from CSV, and from XLSX where its texts are such that XML can hold them.
#include <cstdlib>

#include "data/table/table.h"
#include "tensor/error.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

// The texts alone: a formula or a date comes back as text.
std::vector<std::vector<std::string>> texts_of(const primal::Table& table) {
  std::vector<std::vector<std::string>> rows{table.columns};
  for (const primal::Table::Row& row : table.rows) {
    check(row.cells.size() == table.columns.size());
    bool is_empty = true;
    std::vector<std::string> texts;
    for (const primal::Cell& cell : row.cells) {
      texts.push_back(cell.text);
      is_empty = is_empty && cell.text.empty();
    }
    if (!is_empty) rows.push_back(std::move(texts));  // only of formulas without text: nothing comes back
  }
  return rows;
}

bool is_plain(const std::vector<std::vector<std::string>>& rows) {
  for (const auto& row : rows) {
    for (const std::string& text : row) {
      for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) return false;
      }
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t n) {
  using namespace primal;
  Table table;
  try {
    table = parse_table({bytes, n}, "fuzz");
  } catch (const DataError& error) {
    check(std::string(error.what()).find("fuzz") != std::string::npos);
    return 0;
  }
  check(!table.columns.empty());
  for (size_t r = 0; r < table.rows.size(); ++r) {
    for (size_t c = 0; c < table.columns.size(); ++c) {
      try {
        table.text(r, c);
      } catch (const DataError&) {  // a formula, a date
      }
    }
  }
  if (n > 4096) return 0;
  const auto rows = texts_of(table);
  if (!is_plain(rows)) return 0;
  const std::string csv = encode_csv(table);
  const TableOptions commas{"", ','};
  check(texts_of(parse_table({reinterpret_cast<const uint8_t*>(csv.data()), csv.size()}, "again.csv",
                             commas)) == rows);
  // A sheet has no column behind the last name.
  if (table.columns.back().empty()) return 0;
  check(texts_of(parse_table(encode_xlsx(table), "again.xlsx")) == rows);
  return 0;
}
