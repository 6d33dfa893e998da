// XLSX: a ZIP archive of XML parts. Relations lead from the root to the workbook, from there to its
// sheets, the strings they share, and the styles, of which only one thing matters here: whether a
// number is shown as a date.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/ranges.h>
#include <map>
#include <pugixml.hpp>

#include "data/table/formats.h"
#include "data/table/zip_archive.h"
#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace primal::table {
namespace {

constexpr int64_t kMaxRow = 1048576;  // of a sheet
constexpr size_t kMaxSheetColumns = 16384;

// Names without their namespace prefix, which each program chooses for itself.
const char* local_name(const char* name) {
  const char* colon = std::strchr(name, ':');
  return colon == nullptr ? name : colon + 1;
}
bool is(const pugi::xml_node& node, const char* name) {
  return std::strcmp(local_name(node.name()), name) == 0;
}

pugi::xml_node child(const pugi::xml_node& parent, const char* name) {
  return parent.find_child([&](const pugi::xml_node& n) { return is(n, name); });
}
std::string attribute(const pugi::xml_node& node, const char* name) { return node.attribute(name).value(); }

// _x000D_ stands for a character that XML cannot hold, and _x005F_ for an underscore before such a thing.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    unsigned code = 0;
    const char* digits = text.data() + i + 2;
    if (i + 7 <= text.size() && text[i] == '_' && text[i + 1] == 'x' && text[i + 6] == '_' &&
        std::from_chars(digits, digits + 4, code, 16).ptr == digits + 4 && code > 0 && code < 0x80) {
      out += static_cast<char>(code);
      i += 7;
    } else {
      out += text[i++];
    }
  }
  return out;
}

// The text of a string item: plain, or runs of rich text; the phonetic guides of Japanese left out.
std::string string_item(const pugi::xml_node& item) {
  std::string text;
  for (const pugi::xml_node node : item.children()) {
    if (is(node, "t")) text += node.text().get();
    if (is(node, "r")) text += child(node, "t").text().get();
  }
  return unescape(text);
}

// Whether a format shows a number as a date or a time: a letter of such outside quotes, brackets and escapes.
bool is_date_format(const std::string& code) {
  for (size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '"' || c == '[') {
      const size_t end = code.find(c == '"' ? '"' : ']', i + 1);
      if (end == std::string::npos) return false;
      const std::string inside = code.substr(i + 1, end - i - 1);
      const bool is_elapsed =
          c == '[' && !inside.empty() && inside.find_first_not_of("hmsHMS") == std::string::npos;
      if (is_elapsed) return true;
      i = end;
    } else if (c == '\\' || c == '_' || c == '*') {
      ++i;
    } else if (code.compare(i, 7, "General") == 0) {
      i += 6;
    } else if (std::strchr("dmyhsDMYHS", c) != nullptr) {
      return true;
    }
  }
  return false;
}

bool is_builtin_date(int format) {
  return (format >= 14 && format <= 22) || (format >= 27 && format <= 36) || (format >= 45 && format <= 47) ||
         (format >= 50 && format <= 58);
}

// "docProps/../xl/workbook.xml", seen from the folder of the part that has the relation
std::string resolve(const std::string& folder, const std::string& target) {
  const std::string path = target.starts_with('/') ? target.substr(1) : folder + target;
  return std::filesystem::path(path).lexically_normal().generic_string();
}

class Workbook {
 public:
  Workbook(std::span<const uint8_t> bytes, const std::string& name)
      : name_(name), zip_(bytes, name, kMaxTableBytes) {
    require_workbook();
    read_workbook();
  }

  Table read_sheet(const std::string& wanted) {
    const Sheet& sheet = choose(wanted);
    const std::string table_name = fmt::format("{}, sheet '{}'", name_, sheet.name);
    const std::string part = target_of(relations_, sheet.relation);
    pugi::xml_document document;
    if (part.empty() || !load(document, part)) {
      throw DataError("[xlsx] {}: the workbook lists this sheet, but has no part for it", table_name);
    }
    read_strings();
    read_styles();
    const pugi::xml_node worksheet = document.document_element();
    if (!is(worksheet, "worksheet")) {
      throw DataError("[xlsx] {} is no sheet of cells, but a {}", table_name, local_name(worksheet.name()));
    }
    TableBuilder builder(table_name, true);
    int64_t number = 0;
    for (const pugi::xml_node row : child(worksheet, "sheetData").children()) {
      if (!is(row, "row")) continue;
      number = row_number(row, number, table_name);
      builder.add(number, read_row(row, number, table_name));
    }
    return builder.finish();
  }

 private:
  struct Relation {
    std::string id, type, target;
  };
  struct Sheet {
    std::string name, relation;
  };

  bool load(pugi::xml_document& document, const std::string& part) {
    const std::optional<std::string> text = zip_.part(part);
    if (!text) return false;
    const pugi::xml_parse_result result = document.load_buffer(
        text->data(), text->size(), (pugi::parse_default | pugi::parse_ws_pcdata) & ~pugi::parse_eol);
    if (!result) {
      throw DataError("[xlsx] {}, part {}: broken XML at byte {}: {}", name_, part, result.offset,
                      result.description());
    }
    return true;
  }

  // Says what an archive is instead that is no workbook of this kind.
  void require_workbook() {
    if (const std::optional<std::string> kind = zip_.part("mimetype");
        kind && kind->starts_with("application/vnd.oasis.opendocument")) {
      throw DataError("[xlsx] {} is an OpenDocument file; save it as .xlsx or .csv", name_);
    }
    const std::vector<Relation> root = read_relations("_rels/.rels", "");
    const auto found =
        std::ranges::find_if(root, [](const Relation& r) { return r.type == "officeDocument"; });
    if (found != root.end()) workbook_part_ = found->target;
    if (workbook_part_.ends_with(".bin"))
      throw DataError("[xlsx] {} is a binary workbook (.xlsb); save it as .xlsx", name_);
  }

  std::vector<Relation> read_relations(const std::string& part, const std::string& folder) {
    std::vector<Relation> relations;
    pugi::xml_document document;
    if (!load(document, part)) return relations;
    for (const pugi::xml_node node : document.document_element().children()) {
      if (!is(node, "Relationship") || attribute(node, "TargetMode") == "External") continue;
      const std::string type = attribute(node, "Type");  // a URI, another in files of the strict kind
      relations.push_back({attribute(node, "Id"), type.substr(type.rfind('/') + 1),
                           resolve(folder, attribute(node, "Target"))});
    }
    return relations;
  }

  static std::string target_of(const std::vector<Relation>& relations, const std::string& id) {
    const auto found = std::ranges::find(relations, id, &Relation::id);
    return found == relations.end() ? "" : found->target;
  }
  std::string part_of_type(const char* type) const {
    const auto found = std::ranges::find(relations_, type, &Relation::type);
    return found == relations_.end() ? "" : found->target;
  }

  void read_workbook() {
    pugi::xml_document document;
    if (!load(document, workbook_part_) || !is(document.document_element(), "workbook"))
      throw DataError("[xlsx] {} is a ZIP archive without a workbook in it, so no XLSX file", name_);
    const std::filesystem::path part = workbook_part_;
    const std::string folder = part.has_parent_path() ? part.parent_path().generic_string() + "/" : "";
    relations_ = read_relations(folder + "_rels/" + part.filename().generic_string() + ".rels", folder);
    for (const pugi::xml_node node : child(document.document_element(), "sheets").children()) {
      if (!is(node, "sheet")) continue;
      Sheet sheet{attribute(node, "name"), ""};
      for (const pugi::xml_attribute a : node.attributes()) {  // r:id, whatever the prefix
        if (std::strchr(a.name(), ':') != nullptr && std::strcmp(local_name(a.name()), "id") == 0)
          sheet.relation = a.value();
      }
      sheets_.push_back(std::move(sheet));
    }
    if (sheets_.empty()) throw DataError("[xlsx] {} has no sheets", name_);
  }

  const Sheet& choose(const std::string& wanted) const {
    if (wanted.empty()) return sheets_.front();
    const auto found = std::ranges::find(sheets_, wanted, &Sheet::name);
    if (found != sheets_.end()) return *found;
    std::vector<std::string> names;
    for (const Sheet& sheet : sheets_) names.push_back(sheet.name);
    const std::string meant = name_meant(names, wanted);
    throw DataError("[xlsx] {} has no sheet '{}'{}; its sheets are: {}", name_, wanted,
                    meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant), fmt::join(names, ", "));
  }

  void read_strings() {
    pugi::xml_document document;
    const std::string part = part_of_type("sharedStrings");
    if (part.empty() || !load(document, part)) return;
    for (const pugi::xml_node item : document.document_element().children()) {
      if (is(item, "si")) strings_.push_back(string_item(item));
    }
  }

  void read_styles() {
    pugi::xml_document document;
    const std::string part = part_of_type("styles");
    if (part.empty() || !load(document, part)) return;
    const pugi::xml_node sheet = document.document_element();
    std::map<int, bool> custom;
    for (const pugi::xml_node format : child(sheet, "numFmts").children())
      custom[format.attribute("numFmtId").as_int()] = is_date_format(attribute(format, "formatCode"));
    for (const pugi::xml_node style : child(sheet, "cellXfs").children()) {
      if (!is(style, "xf")) continue;
      const int format = style.attribute("numFmtId").as_int();
      const auto found = custom.find(format);
      is_date_.push_back(found != custom.end() ? found->second : is_builtin_date(format));
    }
  }

  static int64_t row_number(const pugi::xml_node& row, int64_t before, const std::string& where) {
    const pugi::xml_attribute r = row.attribute("r");
    if (r.empty()) return before + 1;
    const int64_t number = r.as_llong();
    if (number <= before || number > kMaxRow)
      throw DataError("[xlsx] {}: row '{}' follows row {}", where, r.value(), before);
    return number;
  }

  // "B7" -> 1
  static size_t column_of(const std::string& reference, int64_t row, const std::string& where) {
    size_t column = 0, i = 0;
    for (; i < reference.size() && reference[i] >= 'A' && reference[i] <= 'Z' && column <= kMaxSheetColumns;
         ++i)
      column = 26 * column + static_cast<size_t>(reference[i] - 'A') + 1;
    if (column == 0 || column > kMaxSheetColumns || reference.substr(i) != fmt::format("{}", row))
      throw DataError("[xlsx] {}: a cell of row {} calls itself '{}'", where, row, reference);
    return column - 1;
  }

  std::vector<Cell> read_row(const pugi::xml_node& row, int64_t number, const std::string& where) const {
    std::vector<Cell> cells;
    size_t next = 0;
    for (const pugi::xml_node node : row.children()) {
      if (!is(node, "c")) continue;
      const std::string reference = attribute(node, "r");
      const size_t column = reference.empty() ? next : column_of(reference, number, where);
      if (column >= kMaxTableColumns)
        throw DataError("[xlsx] {}, row {} has more than {} columns", where, number, kMaxTableColumns);
      if (column < next) throw DataError("[xlsx] {}: cell {} comes after one on its right", where, reference);
      next = column + 1;
      const std::string cell_name = fmt::format("{}, cell {}{}", where, column_letters(column), number);
      Cell cell = read_cell(node, cell_name);
      if (cell.text.size() > kMaxCellBytes)
        throw DataError("[xlsx] {} holds {} bytes, at most {} are read", cell_name, cell.text.size(),
                        kMaxCellBytes);
      if (cell.kind == CellKind::empty) continue;
      cells.resize(column + 1);
      cells.back() = std::move(cell);
    }
    return cells;
  }

  Cell read_cell(const pugi::xml_node& node, const std::string& where) const {
    constexpr size_t kShownBytes = 100;  // of a formula, which is only ever shown
    if (const pugi::xml_node formula = child(node, "f"))
      return {std::string(formula.text().get()).substr(0, kShownBytes), CellKind::formula};
    const std::string type = attribute(node, "t"), value = child(node, "v").text().get();
    if (type == "inlineStr") return string_item(child(node, "is"));
    if (value.empty()) return {};
    if (type == "s") return shared_string(value, where);
    if (type == "str") return unescape(value);
    if (type == "b") return {value == "0" ? "FALSE" : "TRUE", CellKind::boolean};
    if (type == "e") return {value, CellKind::error};
    if (type == "d") return {value, CellKind::date};
    if (!type.empty() && type != "n") throw DataError("[xlsx] {} has the unknown type '{}'", where, type);
    return number(node, value, where);
  }

  Cell shared_string(const std::string& value, const std::string& where) const {
    size_t index = 0;
    const char* end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, index);
    if (error != std::errc() || rest != end || index >= strings_.size()) {
      throw DataError("[xlsx] {} refers to shared string {}, of which there are {}", where, value,
                      strings_.size());
    }
    return strings_[index];
  }

  Cell number(const pugi::xml_node& node, const std::string& value, const std::string& where) const {
    double parsed = 0.0;
    const char* end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, parsed);
    if (error != std::errc() || rest != end)
      throw DataError("[xlsx] {} is marked as a number, but holds '{}'", where, value);
    const size_t style = node.attribute("s").as_ullong();
    const bool is_date = style < is_date_.size() && is_date_[style];
    return {fmt::format("{}", parsed), is_date ? CellKind::date : CellKind::number};
  }

  const std::string& name_;
  ZipReader zip_;
  std::string workbook_part_ = "xl/workbook.xml";
  std::vector<Relation> relations_;
  std::vector<Sheet> sheets_;
  std::vector<std::string> strings_;
  std::vector<bool> is_date_;  // of each cell style
};

}  // namespace

Table parse_xlsx(std::span<const uint8_t> bytes, const std::string& name, const std::string& sheet) {
  return Workbook(bytes, name).read_sheet(sheet);
}

}  // namespace primal::table
