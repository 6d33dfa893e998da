// XLSX with the fewest parts that Excel asks for: types, two relations, the workbook, and one sheet whose
// strings stand in their cells.
#include <fmt/format.h>

#include "data/table/formats.h"
#include "data/table/zip_archive.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr const char* kXml = R"(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>)";
constexpr const char* kMain = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
constexpr const char* kRelations = "http://schemas.openxmlformats.org/package/2006/relationships";
constexpr const char* kOffice = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
constexpr const char* kTypes = "http://schemas.openxmlformats.org/package/2006/content-types";
constexpr const char* kContent = "application/vnd.openxmlformats-officedocument.spreadsheetml";

// Whether _xHHHH_ begins here, which a reader would take for a character.
bool is_escape(const std::string& text, size_t at) {
  if (at + 7 > text.size() || text[at] != '_' || text[at + 1] != 'x' || text[at + 6] != '_') return false;
  return text.find_first_not_of("0123456789abcdefABCDEF", at + 2) == at + 6;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') || is_escape(text, i)) {
      out += fmt::format("_x{:04X}_", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out;
}

void append_cell(std::string& sheet, const Cell& cell, size_t column, size_t row) {
  if (cell.text.empty()) return;
  const std::string reference = fmt::format("{}{}", table::column_letters(column), row);
  if (cell.kind == CellKind::number) {
    sheet += fmt::format(R"(<c r="{}"><v>{}</v></c>)", reference, escaped(cell.text));
  } else {
    sheet += fmt::format(R"(<c r="{}" t="inlineStr"><is><t xml:space="preserve">{}</t></is></c>)", reference,
                         escaped(cell.text));
  }
}

}  // namespace

std::vector<uint8_t> encode_xlsx(const Table& table, const std::string& sheet_name) {
  std::string sheet = fmt::format(R"({}<worksheet xmlns="{}"><sheetData>)", kXml, kMain);
  sheet += R"(<row r="1">)";
  for (size_t c = 0; c < table.columns.size(); ++c) append_cell(sheet, table.columns[c], c, 1);
  sheet += "</row>";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const std::vector<Cell>& cells = table.rows[r].cells;
    if (cells.size() != table.columns.size())
      throw ShapeError("[xlsx] a row of {} cells for {} columns", cells.size(), table.columns.size());
    sheet += fmt::format(R"(<row r="{}">)", r + 2);
    for (size_t c = 0; c < cells.size(); ++c) append_cell(sheet, cells[c], c, r + 2);
    sheet += "</row>";
  }
  sheet += "</sheetData></worksheet>";

  const std::string types = fmt::format(
      R"({0}<Types xmlns="{1}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>)"
      R"(<Default Extension="xml" ContentType="application/xml"/>)"
      R"(<Override PartName="/xl/workbook.xml" ContentType="{2}.sheet.main+xml"/>)"
      R"(<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{2}.worksheet+xml"/></Types>)",
      kXml, kTypes, kContent);
  const auto relation = [](const char* type, const char* target) {
    return fmt::format(
        R"({}<Relationships xmlns="{}"><Relationship Id="rId1" Type="{}/{}" Target="{}"/></Relationships>)",
        kXml, kRelations, kOffice, type, target);
  };
  const std::string workbook = fmt::format(
      R"({}<workbook xmlns="{}" xmlns:r="{}"><sheets><sheet name="{}" sheetId="1" r:id="rId1"/></sheets></workbook>)",
      kXml, kMain, kOffice, escaped(sheet_name));
  return table::make_zip({{"[Content_Types].xml", types},
                          {"_rels/.rels", relation("officeDocument", "xl/workbook.xml")},
                          {"xl/workbook.xml", workbook},
                          {"xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml")},
                          {"xl/worksheets/sheet1.xml", sheet}});
}

}  // namespace primal
