// Table: a header of column names and rows of cells, from a CSV file or from a sheet of an XLSX workbook, and
// back.
//
// CSV:    RFC 4180: fields in double quotes may hold separators, line breaks and doubled quotes; lines end in
//         LF or CRLF. The separator is the one of comma, semicolon and tab that is most frequent in the
//         header. UTF-8, with or without a byte order mark. Every row has as many fields as the header.
// XLSX:   ECMA-376, what Excel, LibreOffice and Google Sheets save: the first sheet or a named one; shared
//         and inline strings; numbers as the shortest decimal that means the same double. A value outside the
//         header's columns is an error.
// Both:   the header is the first row that is not empty; empty rows are skipped; a row keeps the number under
//         which an editor (CSV: the line it starts in) or a spreadsheet shows it. Names of columns are taken
//         without the white space around them.
// Bounds: no file above kMaxTableBytes is read, and of a workbook no more than that is unpacked from all
//         parts together, nor a part that is smaller packed than a two-hundredth of its size; no table has
//         more than kMaxTableColumns or kMaxTableCells.
// Errors: IoError for a file that cannot be read or written; DataError, always naming the file and,
//         where there is one, the line, row or cell: for what breaks the rules above, a table without a
//         header, a sheet that is not there, a file that is no workbook, a damaged one, and cells that
//         hold no text (Table::text).
// Source: Y. Shafranovich, RFC 4180, 2005; ECMA-376 Part 1, SpreadsheetML.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace primal {

inline constexpr uint64_t kMaxTableBytes = uint64_t{1} << 25;  // 32 MiB
inline constexpr size_t kMaxTableColumns = 1024;
inline constexpr size_t kMaxTableCells = size_t{1} << 22;

enum class CellKind { empty, text, number, boolean, date, formula, error };

struct Cell {
  std::string text;  // of a formula the formula, of a date or a number the number
  CellKind kind = CellKind::empty;

  Cell() = default;
  Cell(std::string value) : text(std::move(value)), kind(text.empty() ? CellKind::empty : CellKind::text) {}
  Cell(std::string value, CellKind what) : text(std::move(value)), kind(what) {}
  bool operator==(const Cell&) const = default;
};

struct Table {
  struct Row {
    int64_t number = 0;       // as an editor or a spreadsheet shows it, from 1
    std::vector<Cell> cells;  // as many as there are columns
  };
  std::string name;       // for messages: "parts.csv", or "parts.xlsx, sheet 'Sheet1'"
  bool is_sheet = false;  // of a workbook
  std::vector<std::string> columns;
  std::vector<Row> rows;

  // Adds a row under the next number; ShapeError unless there is a cell for each column.
  void add_row(std::vector<std::string> cells);

  // The index of a column. DataError with the nearest name, or all names, where there is none, or
  // where two have the name.
  size_t column(const std::string& column_name) const;
  std::optional<size_t> find_column(const std::string& column_name) const;  // DataError where two have it

  // The text of a cell: numbers and truth values as they read, "" where it is empty. DataError for a formula,
  // a date and an error value, of which nobody sees what text they stand for.
  const std::string& text(size_t row, size_t column) const;

  std::string where(size_t row) const;  // "parts.csv, line 7" or "parts.xlsx, sheet 'A', row 7"
  std::string where(size_t row, size_t column) const;  // "..., line 7, column 'clean'" or "..., cell B7"
};

struct TableOptions {
  std::string sheet;      // of a workbook; "": the first one
  char separator = '\0';  // of CSV; 0: found in the header
};

// A file that begins as a ZIP archive is a workbook, and so must be one called .xlsx or .xlsm; every other is
// CSV.
Table read_table(const std::filesystem::path& path, const TableOptions& options = TableOptions());
// The same for a file in memory; `name` is what errors call it, and its ending counts as that of a file.
Table parse_table(std::span<const uint8_t> bytes, const std::string& name,
                  const TableOptions& options = TableOptions());

// A field of CSV: in quotes, and those in it doubled, where it has a quote, a line break or the separator.
std::string csv_field(const std::string& text, char separator = ',');

// CSV as RFC 4180 has it, lines ending in CRLF, quotes where they are needed; and a workbook of one sheet.
// The same table gives the same bytes. ShapeError where a row does not fit the columns.
std::string encode_csv(const Table& table, char separator = ',');
std::vector<uint8_t> encode_xlsx(const Table& table, const std::string& sheet = "Sheet1");
// By the name's ending, .csv or .xlsx (ConfigError for others), a whole file or none.
void write_table(const std::filesystem::path& path, const Table& table);

}  // namespace primal
