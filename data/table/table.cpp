#include "data/table/table.h"

#include <algorithm>
#include <cctype>
#include <fmt/ranges.h>

#include "data/file/file.h"
#include "data/file/kind.h"
#include "data/table/formats.h"
#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace primal {
namespace {

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

bool is_zip(std::span<const uint8_t> bytes) {
  return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] == 'K' &&
         ((bytes[2] == 3 && bytes[3] == 4) || (bytes[2] == 5 && bytes[3] == 6));
}

// Excel before 2007, and workbooks with a password, are OLE files.
bool is_ole(std::span<const uint8_t> bytes) {
  constexpr uint8_t kSign[] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
  return bytes.size() >= sizeof kSign && std::equal(std::begin(kSign), std::end(kSign), bytes.begin());
}

[[noreturn]] void refuse_workbook(std::span<const uint8_t> bytes, const std::string& name) {
  if (bytes.empty()) throw DataError("[table] {} is empty, expected an XLSX workbook", name);
  const std::span<const uint8_t> start = bytes.first(std::min(bytes.size(), kFileStartBytes));
  const std::optional<FileKind> kind = kind_of(start, name);
  throw DataError("[table] {} is no XLSX workbook, which would be a ZIP archive: {}", name,
                  kind ? "it is " + kind->name : hex_start(start));
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns.size())
    throw ShapeError("[table] a row of {} cells for {} columns", cells.size(), columns.size());
  Row row{rows.empty() ? 2 : rows.back().number + 1, {}};
  for (std::string& cell : cells) row.cells.emplace_back(std::move(cell));
  rows.push_back(std::move(row));
}

std::optional<size_t> Table::find_column(const std::string& column_name) const {
  const auto found = std::ranges::find(columns, column_name);
  if (found == columns.end()) return std::nullopt;
  if (const auto again = std::find(found + 1, columns.end(), column_name); again != columns.end()) {
    throw DataError("[table] {}: two columns are called '{}', columns {} and {}", name, column_name,
                    found - columns.begin() + 1, again - columns.begin() + 1);
  }
  return static_cast<size_t>(found - columns.begin());
}

size_t Table::column(const std::string& column_name) const {
  if (const std::optional<size_t> found = find_column(column_name)) return *found;
  std::vector<std::string> names;
  std::ranges::copy_if(columns, std::back_inserter(names), [](const std::string& n) { return !n.empty(); });
  const std::string meant = names.empty() ? "" : name_meant(names, column_name);
  throw DataError("[table] {} has no column '{}'{}; its columns are: {}", name, column_name,
                  meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant), fmt::join(names, ", "));
}

const std::string& Table::text(size_t row, size_t column) const {
  const Cell& cell = rows.at(row).cells.at(column);
  switch (cell.kind) {
    case CellKind::formula:
      throw DataError("[table] {} is a formula{}{}; expected text: paste the column as values",
                      where(row, column), cell.text.empty() ? "" : ", =", cell.text);
    case CellKind::date:
      throw DataError("[table] {} is a date or a time (day {}); expected text: format the column as text",
                      where(row, column), cell.text);
    case CellKind::error:
      throw DataError("[table] {} is the error value {}; expected text", where(row, column), cell.text);
    default:
      return cell.text;
  }
}

std::string Table::where(size_t row) const {
  return fmt::format("{}, {} {}", name, is_sheet ? "row" : "line", rows.at(row).number);
}

std::string Table::where(size_t row, size_t column) const {
  if (is_sheet) return fmt::format("{}, cell {}{}", name, table::column_letters(column), rows.at(row).number);
  return fmt::format("{}, column '{}'", where(row), columns.at(column));
}

Table parse_table(std::span<const uint8_t> bytes, const std::string& name, const TableOptions& options) {
  if (bytes.size() > kMaxTableBytes) {
    throw DataError("[table] {} has {} bytes, at most {} are read", name, bytes.size(), kMaxTableBytes);
  }
  if (is_ole(bytes)) {
    throw DataError(
        "[table] {} is a workbook of the old kind (.xls) or one with a password; save it as .xlsx without "
        "one",
        name);
  }
  const std::string extension = lower_extension(name);
  if (is_zip(bytes)) return table::parse_xlsx(bytes, name, options.sheet);
  if (extension == ".xlsx" || extension == ".xlsm") refuse_workbook(bytes, name);
  return table::parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name,
                          options.separator);
}

Table read_table(const std::filesystem::path& path, const TableOptions& options) {
  return parse_table(read_file(path, kMaxTableBytes), path.string(), options);
}

void write_table(const std::filesystem::path& path, const Table& table) {
  const std::string extension = lower_extension(path);
  if (extension == ".csv") {
    const std::string text = encode_csv(table);
    write_file_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  } else if (extension == ".xlsx") {
    write_file_atomically(path, encode_xlsx(table));
  } else {
    throw ConfigError("[table] {}: a table is written as .csv or .xlsx", path.string());
  }
}

namespace table {

std::string column_letters(size_t column) {
  std::string letters;
  for (size_t n = column + 1; n > 0; n = (n - 1) / 26)
    letters.insert(letters.begin(), static_cast<char>('A' + (n - 1) % 26));
  return letters;
}

TableBuilder::TableBuilder(std::string name, bool is_sheet) {
  table_.name = std::move(name);
  table_.is_sheet = is_sheet;
}

void TableBuilder::take_header(int64_t number, const std::vector<Cell>& cells) {
  std::vector<std::string> names;
  for (size_t c = 0; c < cells.size(); ++c) {
    const Cell& cell = cells[c];
    if (cell.kind == CellKind::formula || cell.kind == CellKind::date || cell.kind == CellKind::error) {
      throw DataError("[table] {}: cell {}{} of the header is {}; expected the name of a column", table_.name,
                      column_letters(c), number,
                      cell.kind == CellKind::formula ? "a formula"
                      : cell.kind == CellKind::date  ? "a date or a time"
                                                     : "an error value");
    }
    constexpr const char* kSpace = " \t\r\n";
    const size_t begin = cell.text.find_first_not_of(kSpace), end = cell.text.find_last_not_of(kSpace);
    names.push_back(begin == std::string::npos ? "" : cell.text.substr(begin, end - begin + 1));
  }
  // A row of nothing but white space names no column.
  if (std::ranges::any_of(names, [](const std::string& n) { return !n.empty(); }))
    table_.columns = std::move(names);
}

void TableBuilder::add(int64_t number, std::vector<Cell> cells) {
  if (cells.size() > kMaxTableColumns) {
    throw DataError("[table] {}, {} {} has more than {} columns", table_.name,
                    table_.is_sheet ? "row" : "line", number, kMaxTableColumns);
  }
  if (std::ranges::all_of(cells, [](const Cell& c) { return c.kind == CellKind::empty; })) return;
  if (table_.columns.empty()) return take_header(number, cells);
  for (size_t c = table_.columns.size(); c < cells.size(); ++c) {
    if (cells[c].kind == CellKind::empty) continue;
    throw DataError("[table] {}, cell {}{} holds a value, but the header has no name for its column",
                    table_.name, column_letters(c), number);
  }
  for (const Cell& cell : cells) n_text_bytes_ += cell.text.size();
  if (n_text_bytes_ > kMaxTextBytes)
    throw DataError("[table] {} holds more than {} bytes of text", table_.name, kMaxTextBytes);
  n_cells_ += table_.columns.size();
  if (n_cells_ > kMaxTableCells) {
    throw DataError("[table] {} has more than {} cells, the bound of a table here", table_.name,
                    kMaxTableCells);
  }
  cells.resize(table_.columns.size());
  table_.rows.push_back({number, std::move(cells)});
}

Table TableBuilder::finish() {
  if (table_.columns.empty())
    throw DataError("[table] {} is empty: expected a row with the names of the columns", table_.name);
  return std::move(table_);
}

}  // namespace table
}  // namespace primal
