#include "data/table/table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/file/file.h"
#include "data/table/zip_archive.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

using testing::message_of;
using testing::TemporaryFolder;

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
Table csv(const std::string& text, char separator = '\0') {
  return parse_table(bytes_of(text), "t.csv", {"", separator});
}
std::string csv_error(const std::string& text) {
  return message_of<DataError>([&] { csv(text); });
}
std::vector<std::string> texts(const Table& table, size_t row) {
  std::vector<std::string> out;
  for (size_t c = 0; c < table.columns.size(); ++c) out.push_back(table.text(row, c));
  return out;
}
using Texts = std::vector<std::string>;

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST(Csv, ReadsQuotesLineBreaksAndBlankLines) {
  const Table table = csv("\xef\xbb\xbf\"a\",b c , d\r\n\r\n1,\"x, \"\"y\"\"\r\nz\",\n,,\nlast,,é");
  EXPECT_EQ(table.columns, (Texts{"a", "b c", "d"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(texts(table, 0), (Texts{"1", "x, \"y\"\r\nz", ""}));
  EXPECT_EQ(texts(table, 1), (Texts{"last", "", "é"}));
  EXPECT_EQ(table.where(0), "t.csv, line 3");
  EXPECT_EQ(table.where(1, 2),
            "t.csv, line 6, column 'd'");  // line 4 is inside the quotes, 5 is empty fields
}

TEST(Csv, FindsItsSeparatorInTheHeader) {
  EXPECT_EQ(csv("a;b,c;d\n1;2;3\n").columns, (Texts{"a", "b,c", "d"}));
  EXPECT_EQ(csv("a\tb\n1\t2\n").columns, (Texts{"a", "b"}));
  EXPECT_EQ(csv("\n\"a;;;\",b\n1;,2\n").columns, (Texts{"a;;;", "b"}));
  EXPECT_EQ(csv("only\nx;y\n").columns, (Texts{"only"}));
  EXPECT_EQ(csv("a,b;c\n1,2;3\n", ';').columns, (Texts{"a,b", "c"}));
}

TEST(Csv, NamesTheLineOfWhatItRefuses) {
  EXPECT_SAYS(csv_error("a,b\n1,2\n\"x,3\n"), "line 3: the quote that opens here is never closed");
  EXPECT_SAYS(csv_error("a,b\n\"1\"2,3\n"), "line 2: after a closing quote");
  EXPECT_SAYS(csv_error("a,b\n\n1\"2,3\n"), "line 3: a quote inside a field");
  EXPECT_SAYS(csv_error("a,b\n1,2\n1,2,3\n"), "line 3 has 3 fields, the header in line 1 has 2");
  EXPECT_SAYS(csv_error("a,b\n\"1\n\",2\n3\n"), "line 4 has 1 field,");
  EXPECT_SAYS(csv_error(std::string("a,b\n1,\0", 7)), "line 2 holds a zero byte");
  EXPECT_SAYS(csv_error("a,b\ncaf\xe9,2\n"), "line 2 is not UTF-8 (byte e9)");
  EXPECT_SAYS(csv_error("a\n\xed\xa0\x80\n"), "line 2 is not UTF-8");  // half of a surrogate pair
  EXPECT_SAYS(csv_error("\xff\xfe"
                        "a\0"),
              "is UTF-16");
  EXPECT_SAYS(csv_error(""), "is empty: expected a row with the names of the columns");
  EXPECT_SAYS(csv_error("\n,,\n"), "is empty");
  EXPECT_SAYS(csv_error(" ,\t\n"), "is empty");
  EXPECT_EQ(csv(",\na,b,c\n1,2,3\n").columns, (Texts{"a", "b", "c"}));
  EXPECT_SAYS(csv_error(std::string(2000, ',')), "more than 1024 columns");
  std::string many = "a" + std::string(1000, ',') + "\n";
  for (int i = 0; i < 5000; ++i) many += "1" + std::string(1000, ',') + "\n";
  EXPECT_SAYS(csv_error(many), "more than 4194304 cells");
}

TEST(Table, FindsColumnsAndSaysWhichThereAre) {
  const Table table = csv("noisy,clean,clean\n1,2,3\n");
  EXPECT_EQ(table.column("noisy"), 0u);
  EXPECT_SAYS(message_of<DataError>([&] { table.column("niosy"); }),
              "no column 'niosy'; did you mean 'noisy'?");
  const std::string far = message_of<DataError>([&] { table.column("label"); });
  EXPECT_SAYS(far, "no column 'label'; its columns are: noisy, clean, clean");
  EXPECT_SAYS(message_of<DataError>([&] { table.column("clean"); }), "columns 2 and 3");
  EXPECT_EQ(table.find_column("label"), std::nullopt);
}

TEST(Table, ComesBackFromBothFormats) {
  Table table{"t", false, {"a", "b <c>"}, {}};
  table.add_row({"x, \"y\"\nz", "_x0041_ & 'q'"});
  table.add_row({"", " leading; \ttab "});
  table.add_row({"1e3", "é\x01"});
  EXPECT_THROW(table.add_row({"1"}), ShapeError);
  const TemporaryFolder folder;
  for (const char* name : {"t.csv", "t.xlsx"}) {
    write_table(folder / name, table);
    const Table back = read_table(folder / name);
    EXPECT_EQ(back.columns, table.columns) << name;
    ASSERT_EQ(back.rows.size(), table.rows.size()) << name;
    for (size_t r = 0; r < 3; ++r) EXPECT_EQ(texts(back, r), texts(table, r)) << name;
  }
  EXPECT_EQ(encode_xlsx(table), encode_xlsx(table));
  EXPECT_THROW(write_table(folder / "t.ods", table), ConfigError);
  EXPECT_THROW(read_table(folder / "none.csv"), IoError);
}

// ---- workbooks, made of parts ----

using Parts = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kOffice = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/";

std::string relations(const std::vector<std::array<std::string, 3>>& all) {
  std::string text = "<Relationships>";
  for (const auto& [id, type, target] : all) {
    text += fmt::format(R"(<Relationship Id="{}" Type="{}{}" Target="{}"/>)", id, kOffice, type, target);
  }
  return text + "</Relationships>";
}

// A workbook of two sheets, as Excel lays it out; `rows` are those of the first.
Parts workbook(const std::string& rows, const std::string& strings = "", const std::string& styles = "") {
  return {
      {"_rels/.rels", relations({{"rId1", "officeDocument", "xl/workbook.xml"}})},
      {"xl/workbook.xml", R"(<workbook xmlns:r="r"><sheets><sheet name="Parts" sheetId="1" r:id="rId7"/>)"
                          R"(<sheet name="Other" sheetId="2" r:id="rId8"/></sheets></workbook>)"},
      {"xl/_rels/workbook.xml.rels", relations({{"rId7", "worksheet", "worksheets/sheet1.xml"},
                                                {"rId8", "worksheet", "/xl/worksheets/sheet2.xml"},
                                                {"rId2", "sharedStrings", "sharedStrings.xml"},
                                                {"rId3", "styles", "styles.xml"}})},
      {"xl/worksheets/sheet1.xml", "<worksheet><sheetData>" + rows + "</sheetData></worksheet>"},
      {"xl/worksheets/sheet2.xml",
       R"(<worksheet><sheetData><row><c t="inlineStr"><is><t>here</t></is></c></row></sheetData></worksheet>)"},
      {"xl/sharedStrings.xml", "<sst>" + strings + "</sst>"},
      {"xl/styles.xml", "<styleSheet>" + styles + "</styleSheet>"}};
}

Table xlsx(const Parts& parts, const std::string& sheet = "") {
  return parse_table(table::make_zip(parts), "t.xlsx", {sheet, '\0'});
}
std::string xlsx_error(const Parts& parts, const std::string& sheet = "") {
  return message_of<DataError>([&] { xlsx(parts, sheet); });
}

// Letters that a ZIP archive packs hardly at all.
std::string poorly_packed(size_t n) {
  std::string text;
  for (uint32_t state = 1; text.size() < n; state = 1664525 * state + 1013904223)
    text += static_cast<char>('a' + (state >> 24) % 26);
  return text;
}

constexpr const char* kStrings =
    "<si><t>noisy</t></si><si><r><t xml:space=\"preserve\">two "
    "</t></r><r><t>runs</t></r><rPh><t>no</t></rPh></si><si><t xml:space=\"preserve\"> a_x000A_b </t></si>";
constexpr const char* kHeader =
    R"(<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="inlineStr"><is><t>b</t></is></c></row>)";

TEST(Xlsx, ReadsStringsNumbersAndTruthValues) {
  const Table table = xlsx(
      workbook(std::string(kHeader) +
                   R"(<row r="7"><c r="A7" t="s"><v>1</v></c><c r="B7"><v>0.10000000000000001</v></c></row>)"
                   R"(<row r="9"><c r="B9" t="b"><v>1</v></c></row>)"
                   R"(<row r="10"/><row r="11"><c r="A11" t="s"><v>2</v></c><c r="B11"><v>7.0</v></c></row>)",
               kStrings));
  EXPECT_EQ(table.columns, (Texts{"noisy", "b"}));
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(texts(table, 0), (Texts{"two runs", "0.1"}));
  EXPECT_EQ(texts(table, 1), (Texts{"", "TRUE"}));
  EXPECT_EQ(texts(table, 2), (Texts{" a\nb ", "7"}));
  EXPECT_EQ(table.where(1), "t.xlsx, sheet 'Parts', row 9");
  EXPECT_EQ(table.where(2, 1), "t.xlsx, sheet 'Parts', cell B11");
}

TEST(Xlsx, TakesTheSheetThatIsNamed) {
  EXPECT_EQ(xlsx(workbook(kHeader, kStrings), "Other").columns, (Texts{"here"}));
  EXPECT_EQ(xlsx(workbook(kHeader, kStrings), "Parts").columns, (Texts{"noisy", "b"}));
  EXPECT_SAYS(xlsx_error(workbook(""), "parts"),
              "no sheet 'parts'; did you mean 'Parts'?; its sheets are: Parts, Other");
}

TEST(Xlsx, ReadsPrefixedNamesOfAnotherProgram) {
  Parts parts = workbook("");
  parts[1].second =
      R"(<x:workbook xmlns:q="r"><x:sheets><x:sheet name="S" q:id="rId7"/></x:sheets></x:workbook>)";
  parts[3].second =
      R"(<x:worksheet><x:sheetData><x:row><x:c t="str"><x:v>a</x:v></x:c></x:row><x:row><x:c><x:v>3</x:v></x:c></x:row>)"
      R"(</x:sheetData></x:worksheet>)";
  const Table table = xlsx(parts);
  EXPECT_EQ(table.columns, Texts{"a"});
  EXPECT_EQ(table.where(0, 0), "t.xlsx, sheet 'S', cell A2");
}

TEST(Xlsx, NamesTheCellThatIsNoText) {
  const char* styles =
      R"(<numFmts><numFmt numFmtId="170" formatCode="&quot;day&quot; 0.00"/><numFmt numFmtId="171" formatCode="[Red]yyyy\-mm"/>)"
      R"(</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs>)";
  const auto second_cell = [&](const std::string& cell) {
    const Table table =
        xlsx(workbook(kHeader + fmt::format(R"(<row r="7">{}</row>)", cell), kStrings, styles));
    return message_of<DataError>([&] { table.text(0, 1); });
  };
  EXPECT_SAYS(second_cell(R"(<c r="B7"><f>A1&amp;".png"</f><v>x</v></c>)"),
              "t.xlsx, sheet 'Parts', cell B7 is a formula, =A1&\".png\"; expected text");
  EXPECT_SAYS(second_cell(R"(<c r="B7"><f t="shared" si="0"/><v>x</v></c>)"),
              "cell B7 is a formula; expected text");
  EXPECT_SAYS(second_cell(R"(<c r="B7" s="1"><v>45000.5</v></c>)"),
              "cell B7 is a date or a time (day 45000.5)");
  EXPECT_SAYS(second_cell(R"(<c r="B7" s="3"><v>45000</v></c>)"), "cell B7 is a date");
  EXPECT_SAYS(second_cell(R"(<c r="B7" t="d"><v>2024-05-01</v></c>)"), "cell B7 is a date");
  EXPECT_SAYS(second_cell(R"(<c r="B7" t="e"><v>#N/A</v></c>)"), "cell B7 is the error value #N/A");
  EXPECT_EQ(second_cell(R"(<c r="B7" s="2"><v>3</v></c>)"), "");  // the letters stand in quotes
  EXPECT_SAYS(xlsx_error(workbook(R"(<row r="1"><c r="A1"><f>B1</f></c></row>)")),
              "cell A1 of the header is a formula");
}

TEST(Xlsx, RefusesWhatCannotBe) {
  const auto with = [&](const std::string& rows) { return xlsx_error(workbook(kHeader + rows, kStrings)); };
  EXPECT_SAYS(with(R"(<row r="3"><c r="C3"><v>1</v></c></row>)"),
              "cell C3 holds a value, but the header has no name");
  EXPECT_SAYS(with(R"(<row r="3"><c r="A3" t="s"><v>3</v></c></row>)"),
              "cell A3 refers to shared string 3, of which there are 3");
  EXPECT_SAYS(with(R"(<row r="3"><c r="A3"><v>abc</v></c></row>)"),
              "cell A3 is marked as a number, but holds 'abc'");
  EXPECT_SAYS(with(R"(<row r="3"><c r="A3" t="z"><v>1</v></c></row>)"), "unknown type 'z'");
  EXPECT_SAYS(with(R"(<row r="3"><c r="A4"><v>1</v></c></row>)"), "a cell of row 3 calls itself 'A4'");
  EXPECT_SAYS(with(R"(<row r="3"><c r="B3"><v>1</v></c><c r="A3"><v>1</v></c></row>)"),
              "cell A3 comes after");
  EXPECT_SAYS(with(R"(<row r="2"/>)"), "row '2' follows row 2");
  EXPECT_SAYS(with(R"(<row r="3"><c r="XFD3"><v>1</v></c></row>)"), "row 3 has more than 1024 columns");
  EXPECT_SAYS(with(fmt::format(R"(<row r="3"><c r="A3" t="str"><v>{}</v></c></row>)", poorly_packed(200000))),
              "cell A3 holds 200000 bytes");
  EXPECT_SAYS(with("<row"), "broken XML");
  EXPECT_SAYS(xlsx_error(workbook("")), "t.xlsx, sheet 'Parts' is empty");
}

// Many cells that share one long text would need more memory than the file has bytes.
TEST(Xlsx, BoundsTheTextThatCellsShare) {
  std::string rows = R"(<row><c t="s"><v>0</v></c></row>)";
  for (int i = 0; i < 2000; ++i) rows += R"(<row><c t="s"><v>1</v></c></row>)";
  EXPECT_SAYS(xlsx_error(workbook(rows, "<si><t>a</t></si><si><t>" + poorly_packed(100000) + "</t></si>")),
              "bytes of text");
}

TEST(Xlsx, SaysWhatAFileIsInstead) {
  const auto error = [](const std::string& text, const char* name) {
    return message_of<DataError>([&] { parse_table(bytes_of(text), name); });
  };
  EXPECT_SAYS(error("a,b\n", "t.xlsx"),
              "t.xlsx is no XLSX workbook, which would be a ZIP archive: it is a text");
  EXPECT_SAYS(error("%PDF-1.4", "t.XLSX"), "it is a PDF");
  EXPECT_SAYS(error("", "t.xlsx"), "is empty, expected an XLSX workbook");
  EXPECT_SAYS(error("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "t.xls"), "old kind (.xls) or one with a password");
  EXPECT_SAYS(xlsx_error({{"readme.txt", "hello"}}), "ZIP archive without a workbook");
  EXPECT_SAYS(xlsx_error({{"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}}), "OpenDocument");
  EXPECT_SAYS(xlsx_error({{"_rels/.rels", relations({{"a", "officeDocument", "xl/workbook.bin"}})}}),
              ".xlsb");
  Parts lost = workbook("");
  lost.erase(lost.begin() + 3);
  EXPECT_SAYS(xlsx_error(lost), "lists this sheet, but has no part for it");
  Parts none = workbook("");
  none[1].second = "<workbook><sheets/></workbook>";
  EXPECT_SAYS(xlsx_error(none), "has no sheets");
}

TEST(Xlsx, RefusesABomb) {
  Parts bomb = workbook("");
  bomb[3].second = "<worksheet>" + std::string(3 << 20, ' ') + "</worksheet>";
  EXPECT_SAYS(xlsx_error(bomb), "more than 200 to one: refused as a ZIP bomb");
  // Packed no better than allowed, but too much together.
  std::string text = "<worksheet>";
  uint32_t state = 1;
  while (text.size() < kMaxTableBytes) {
    state = 1664525 * state + 1013904223;
    text += fmt::format("{:08x}", state) + std::string(200, ' ');
  }
  bomb[3].second = text + "</worksheet>";
  EXPECT_SAYS(xlsx_error(bomb), "more than 33554432 would be unpacked");
}

TEST(Xlsx, RefusesDamageWhereverItIs) {
  const std::vector<uint8_t> whole = table::make_zip(workbook(kHeader, kStrings));
  ASSERT_NO_THROW(parse_table(whole, "t.xlsx"));
  size_t n_refused = 0;
  for (size_t n = 0; n < whole.size(); n += 7) {
    const std::string message =
        message_of<DataError>([&] { parse_table(std::span(whole).first(n), "t.xlsx"); });
    EXPECT_SAYS(message, "t.xlsx");
    n_refused += !message.empty();
  }
  EXPECT_EQ(n_refused, (whole.size() + 6) / 7);
  for (size_t at = 0; at < whole.size(); at += 3) {  // an error or a table, never a crash
    std::vector<uint8_t> damaged = whole;
    damaged[at] ^= 0x55;
    try {
      parse_table(damaged, "t.xlsx");
    } catch (const DataError&) {
    }
  }
}

}  // namespace
}  // namespace primal
