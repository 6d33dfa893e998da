// CSV, read in one pass: a state for what the last character was, an error with the line for what
// RFC 4180 does not allow.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "data/table/formats.h"
#include "tensor/error.h"

namespace primal {
namespace table {
namespace {

// The first byte that is not UTF-8, or npos. Overlong forms and surrogates are none.
size_t find_not_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto byte = [&](size_t k) {
      return i + k < text.size() ? static_cast<uint8_t>(text[i + k]) : uint8_t{0};
    };
    const uint8_t first = byte(0);
    const size_t length = first < 0x80                     ? 1
                          : first >= 0xc2 && first <= 0xdf ? 2
                          : (first & 0xf0) == 0xe0         ? 3
                          : first >= 0xf0 && first <= 0xf4 ? 4
                                                           : 0;
    if (length == 0) return i;
    for (size_t k = 1; k < length; ++k) {
      if ((byte(k) & 0xc0) != 0x80) return i;
    }
    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool beyond = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
    if (overlong || beyond) return i;
    i += length;
  }
  return std::string_view::npos;
}

// The separator that is most frequent in the first line that is not empty, outside quotes; a
// comma where there is none.
char find_separator(std::string_view text) {
  constexpr std::array kSeparators{',', ';', '\t'};
  std::array<size_t, 3> n{};
  bool quoted = false, empty = true;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && c == '\n' && !empty) break;
    empty = empty && (c == '\r' || c == '\n');
    for (size_t s = 0; s < kSeparators.size(); ++s) n[s] += !quoted && c == kSeparators[s];
  }
  return kSeparators[static_cast<size_t>(std::ranges::max_element(n) - n.begin())];
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& name, char separator)
      : text_(text), name_(name), separator_(separator), builder_(name, false) {}

  Table read() {
    while (at_ < text_.size()) read_record();
    return builder_.finish();
  }

 private:
  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool at_line_end() const {
    return at_ == text_.size() || here() == '\n' || (here() == '\r' && text_.substr(at_, 2) == "\r\n");
  }

  std::string read_quoted() {
    const int64_t begin = line_;
    std::string field;
    for (++at_;; ++at_) {
      if (at_ >= text_.size())
        throw DataError("[csv] {}, line {}: the quote that opens here is never closed", name_, begin);
      if (here() == '"') {
        if (text_.substr(at_, 2) != "\"\"") break;
        ++at_;
      }
      line_ += here() == '\n';
      field += here();
    }
    ++at_;
    if (!at_line_end() && here() != separator_) {
      throw DataError(
          "[csv] {}, line {}: after a closing quote expected '{}' or the end of the line; a quote "
          "inside quotes is written twice",
          name_, line_, shown_separator());
    }
    return field;
  }

  std::string read_plain() {
    const size_t begin = at_;
    while (!at_line_end() && here() != separator_) {
      if (here() == '"') {
        throw DataError(
            "[csv] {}, line {}: a quote inside a field without quotes; put the field in quotes and "
            "write the quote twice",
            name_, line_);
      }
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  void read_record() {
    const int64_t number = line_;
    std::vector<Cell> cells;
    for (;;) {
      cells.emplace_back(here() == '"' ? read_quoted() : read_plain());
      if (at_line_end()) break;
      if (cells.size() > kMaxTableColumns) break;  // builder_ says so
      ++at_;
    }
    if (here() == '\r') ++at_;
    ++at_;  // beyond '\n'
    ++line_;
    const bool is_blank = cells.size() == 1 && cells[0].kind == CellKind::empty;
    if (is_blank) return;
    if (n_fields_ > 0 && cells.size() != n_fields_ && cells.size() <= kMaxTableColumns) {
      throw DataError("[csv] {}, line {} has {} field{}, the header in line {} has {}; separated by '{}'",
                      name_, number, cells.size(), cells.size() == 1 ? "" : "s", header_line_, n_fields_,
                      shown_separator());
    }
    const size_t n_fields = cells.size();
    builder_.add(number, std::move(cells));
    if (n_fields_ == 0 && builder_.has_header()) {
      n_fields_ = n_fields;
      header_line_ = number;
    }
  }

  std::string shown_separator() const { return separator_ == '\t' ? "tab" : std::string(1, separator_); }

  std::string_view text_;
  const std::string& name_;
  char separator_;
  size_t at_ = 0, n_fields_ = 0;
  int64_t line_ = 1, header_line_ = 0;
  TableBuilder builder_;
};

}  // namespace

Table parse_csv(std::string_view text, const std::string& name, char separator) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw DataError("[csv] {} is UTF-16; save it as \"CSV UTF-8\"", name);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto line_of = [&](size_t at) { return 1 + std::ranges::count(text.substr(0, at), '\n'); };
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    throw DataError(
        "[csv] {}, line {} holds a zero byte: this is no text; a table is a CSV text or an XLSX workbook",
        name, line_of(zero));
  }
  if (const size_t at = find_not_utf8(text); at != std::string_view::npos) {
    throw DataError("[csv] {}, line {} is not UTF-8 (byte {:02x}); save it as \"CSV UTF-8\"", name,
                    line_of(at), static_cast<uint8_t>(text[at]));
  }
  return Reader(text, name, separator == '\0' ? find_separator(text) : separator).read();
}

}  // namespace table

std::string csv_field(const std::string& text, char separator) {
  if (text.find_first_of("\"\r\n") == std::string::npos && text.find(separator) == std::string::npos)
    return text;
  std::string quoted(1, '"');
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  quoted += '"';
  return quoted;
}

std::string encode_csv(const Table& table, char separator) {
  std::string text;
  const auto append = [&](const std::string& field, size_t c) {
    if (c > 0) text += separator;
    text += csv_field(field, separator);
  };
  for (size_t c = 0; c < table.columns.size(); ++c) append(table.columns[c], c);
  text += "\r\n";
  for (const Table::Row& row : table.rows) {
    if (row.cells.size() != table.columns.size())
      throw ShapeError("[csv] a row of {} cells for {} columns", row.cells.size(), table.columns.size());
    for (size_t c = 0; c < row.cells.size(); ++c) append(row.cells[c].text, c);
    text += "\r\n";
  }
  return text;
}

}  // namespace primal
