#include "data/page/page.h"

#include <gtest/gtest.h>
#include <limits>

#include "data/image/image.h"
#include "support/temporary_folder.h"
#include "tensor/error.h"

namespace primal {
namespace {

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

Figure chart(const std::string& title) {
  return {.rows = {{Panel{title, Chart{.x = {.label = "step"},
                                       .y = {.label = "PSNR / dB"},
                                       .layers = {Line{{0, 1}, {2, 3}}}}}}}};
}

TEST(Page, TextIsNeverMarkup) {
  EXPECT_EQ(escape_html("<b>&\"'"), "&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(escape_html("\x1b[31m"), "\xEF\xBF\xBD[31m");
  Page page("<script>alert(1)</script>", "primal '<x>'");
  page.heading("<i>");
  page.paragraph("</main>");
  page.table({"<th>"}, {{"<td>"}});
  page.figure(chart("a"), "\" onload=\"alert(1)");
  const std::string text = page.str();
  EXPECT_EQ(text.find("<script>alert"), std::string::npos);
  EXPECT_EQ(text.find("<i>"), std::string::npos);
  EXPECT_EQ(count(text, "</main>"), 1U);
  EXPECT_EQ(text.find("\" onload"), std::string::npos);
}

TEST(Page, BrokenUtf8IsReplacedAndTheRestStays) {
  EXPECT_EQ(escape_html("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"), "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_html("a\xFF z"), "a" + bad + " z");
  EXPECT_EQ(escape_html("\xC0\xAF"), bad + bad);            // overlong
  EXPECT_EQ(escape_html("\xED\xA0\x80"), bad + bad + bad);  // half of a surrogate pair
  EXPECT_EQ(escape_html("\xE2\x82"), bad + bad);            // ends too soon
}

// RFC 4648, section 10.
TEST(Page, Base64IsThatOfTheStandard) {
  EXPECT_EQ(base64({}), "");
  EXPECT_EQ(base64(bytes_of("f")), "Zg==");
  EXPECT_EQ(base64(bytes_of("fo")), "Zm8=");
  EXPECT_EQ(base64(bytes_of("foo")), "Zm9v");
  EXPECT_EQ(base64(bytes_of("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64(std::vector<uint8_t>{0xFF, 0xFE, 0xFD}), "//79");
}

TEST(Page, NothingRefersToAnotherPlace) {
  Page page("A run", "primal train");
  page.heading("Scores");
  page.figure(chart("one"), "One.");
  page.figure(chart("two"), "Two.");
  const Tensor z = Tensor::full({1, 1, 1, 4, 4}, 0.25F);
  page.compare({"noisy", z}, {"clean", z}, "Both.");
  const std::string text = page.str();
  EXPECT_NE(text.find("default-src 'none'"), std::string::npos);
  // The only addresses are the names of XML's vocabularies, which no browser opens.
  EXPECT_EQ(count(text, "http"), count(text, "http://www.w3.org/") + count(text, "http-equiv"));
  EXPECT_EQ(text.find("@import"), std::string::npos);
  EXPECT_EQ(count(text, "<h1>"), 1U);
}

TEST(Page, IdentifiersOfTwoFiguresDiffer) {
  Page page("Two");
  page.figure(chart("one"), "One.");
  page.figure(chart("one"), "Two.");
  const std::string text = page.str();
  for (const std::string& definition : {std::string("id=\"f1-"), std::string("id=\"f2-")})
    EXPECT_GT(count(text, definition), 0U);
  EXPECT_EQ(count(text, "href=\"#f1-"), count(text, "href=\"#f2-"));
  EXPECT_GT(count(text, "href=\"#f1-"), 0U);
  EXPECT_EQ(count(text, "href=\"#glyph"), 0U);
}

TEST(Page, APictureKeepsItsLevels) {
  Tensor x = Tensor::zeros({1, 1, 1, 1, 4});
  x.span<float>()[0] = 0.0F;
  x.span<float>()[1] = 1.0F;
  x.span<float>()[2] = 128.0F / 255.0F;
  x.span<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  const std::string uri = picture_uri(x), head = "data:image/png;base64,";
  ASSERT_TRUE(uri.starts_with(head));
  Image expected(4, 1, 1);
  expected.levels = {0, 255, 128, 0};
  EXPECT_EQ(uri.substr(head.size()), base64(encode_png(expected)));
  EXPECT_THROW(picture_uri(Tensor::zeros({2, 1, 1, 2, 2})), ShapeError);
}

TEST(Page, NumbersStandToTheRight) {
  Page page("Table");
  page.table({"a", "b"}, {{"21.02", "+1.03 (1.00 .. 1.06)"}, {"map", "12 of 50"}, {"-0.5", "3x"}});
  EXPECT_EQ(count(page.str(), "<td class=\"number\">"), 4U);
}

TEST(Page, WrongCallsAreErrors) {
  Page page("Wrong");
  EXPECT_THROW(page.table({"a", "b"}, {{"1"}}), ShapeError);
  const Page::NamedPicture wide{"a", Tensor::zeros({1, 1, 1, 2, 3})},
      high{"b", Tensor::zeros({1, 1, 1, 3, 2})};
  EXPECT_THROW(page.compare(wide, high, ""), ShapeError);
}

TEST(Page, TheSameCallsGiveTheSameBytes) {
  const auto made = [] {
    Page page("Same");
    page.figure(chart("one"), "One.");
    return page.str();
  };
  EXPECT_EQ(made(), made());
  const testing::TemporaryFolder folder;
  Page page("File");
  write_page(folder.path() / "page.html", page);
  EXPECT_GT(std::filesystem::file_size(folder.path() / "page.html"), 1000U);
  EXPECT_THROW(write_page(folder.path() / "none" / "page.html", page), IoError);
}

}  // namespace
}  // namespace primal
