#include "data/page/page.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fmt/format.h>
#include <iterator>

#include "data/figure/svg_ids.h"
#include "data/file/file.h"
#include "data/page/page_parts.h"
#include "tensor/error.h"

namespace primal {
namespace {

bool is_number(std::string_view text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  if (text.empty()) return false;
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // A unit or an interval may follow: "1.2 %", "+1.03 (1.00 .. 1.06)".
  return error == std::errc() && (end == text.data() + text.size() || *end == ' ');
}

std::string table_html(const std::vector<std::string>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string out = "<div class=\"wide\"><table>\n<thead><tr>";
  for (const std::string& column : columns)
    out += fmt::format("<th scope=\"col\">{}</th>", escape_html(column));
  out += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : rows) {
    if (row.size() != columns.size())
      throw ShapeError("[page] a row of {} cells in a table of {} columns", row.size(), columns.size());
    out += "<tr>";
    for (const std::string& cell : row)
      out += fmt::format("<td{}>{}</td>", is_number(cell) ? " class=\"number\"" : "", escape_html(cell));
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string figure_html(const std::string& content, const std::string& caption) {
  return fmt::format("<figure>\n{}\n<figcaption>{}</figcaption>\n</figure>\n", content, escape_html(caption));
}

// SVG, which stays sharp; a large one is that of pictures, whose PNG may be smaller.
constexpr size_t kLargeSvg = 200000;

std::string drawing(const Figure& figure, const std::string& prefix, const std::string& caption) {
  const std::vector<uint8_t> svg = render(figure, FigureFormat::svg);
  const FigureSize size = size_of(figure);
  if (svg.size() > kLargeSvg) {
    const std::vector<uint8_t> png = render(figure, FigureFormat::png);
    if (png.size() < svg.size()) {
      return fmt::format("<img class=\"paper\" style=\"width:{:.0f}mm\" alt=\"{}\" src=\"{}\">",
                         size.width_mm, escape_html(caption), data_uri("image/png", png));
    }
  }
  std::string_view text(reinterpret_cast<const char*>(svg.data()), svg.size());
  text.remove_prefix(std::min(text.find("<svg"), text.size()));  // the declaration of XML
  return fmt::format("<div class=\"paper\" role=\"img\" aria-label=\"{}\" style=\"width:{:.0f}mm\">{}</div>",
                     escape_html(caption), size.width_mm, prefixed_svg(text, prefix));
}

}  // namespace

Page::Page(std::string title, std::string command) : title_(std::move(title)), command_(std::move(command)) {}

void Page::heading(const std::string& text) {
  headings_.push_back(text);
  body_ += fmt::format("<h2 id=\"section-{}\">{}</h2>\n", headings_.size(), escape_html(text));
}

void Page::paragraph(const std::string& text) { body_ += fmt::format("<p>{}</p>\n", escape_html(text)); }

void Page::warning(const std::string& text) {
  body_ += fmt::format("<p class=\"warning\" role=\"note\">{}</p>\n", escape_html(text));
}

void Page::table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows) {
  body_ += table_html(columns, rows);
}

void Page::folded_table(const std::string& summary, const std::vector<std::string>& columns,
                        const std::vector<std::vector<std::string>>& rows) {
  body_ += fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(summary),
                       table_html(columns, rows));
}

void Page::figure(const Figure& figure, const std::string& caption) {
  body_ += figure_html(drawing(figure, fmt::format("f{}-", ++n_figures_), caption), caption);
}

void Page::picture(const std::string& name, const Tensor& picture, const std::string& caption) {
  body_ += figure_html(fmt::format("<img alt=\"{}\" src=\"{}\">", escape_html(name), picture_uri(picture)),
                       caption);
}

void Page::compare(const NamedPicture& before, const NamedPicture& after, const std::string& caption) {
  const Shape &a = before.values.shape(), &b = after.values.shape();
  if (a.rank() < 2 || b.rank() < 2 || a[a.rank() - 1] != b[b.rank() - 1] ||
      a[a.rank() - 2] != b[b.rank() - 2])
    throw ShapeError("[page] the pictures to compare differ in size: {} and {}", before.values.str(),
                     after.values.str());
  const std::string first = escape_html(before.name), second = escape_html(after.name);
  has_compare_ = true;
  body_ += figure_html(
      fmt::format(
          "<div class=\"compare\">"
          "<img class=\"after\" alt=\"{1}\" src=\"{3}\"><img class=\"before\" alt=\"{0}\" src=\"{2}\">"
          "<span class=\"name left\">{0}</span><span class=\"name right\">{1}</span>"
          "<input type=\"range\" min=\"0\" max=\"100\" step=\"0.5\" value=\"50\" "
          "aria-label=\"share of the width that shows: {0}; the rest shows: {1}\"></div>",
          first, second, picture_uri(before.values), picture_uri(after.values)),
      caption);
}

void Page::html(const std::string& markup) { body_ += markup; }
void Page::script(const std::string& javascript) { scripts_ += javascript; }
void Page::style(const std::string& css) { styles_ += css; }
void Page::reload_every(int64_t seconds) { reload_seconds_ = seconds; }

std::string Page::str() const {
  const std::string title = escape_html(title_);
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n";
  if (reload_seconds_ > 0)
    out += fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", reload_seconds_);
  out += fmt::format("<title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n",
                     title, kPageStyle, styles_, title);
  if (!command_.empty()) out += fmt::format("<pre class=\"command\">{}</pre>\n", escape_html(command_));
  if (headings_.size() > 3) {
    out += "<nav aria-label=\"contents\"><ul>\n";
    for (size_t i = 0; i < headings_.size(); ++i)
      out += fmt::format("<li><a href=\"#section-{}\">{}</a></li>\n", i + 1, escape_html(headings_[i]));
    out += "</ul></nav>\n";
  }
  out += body_ + "</main>\n";
  if (has_compare_ || !scripts_.empty()) {
    out += "<script>\n";
    if (has_compare_) out += kCompareScript;
    out += scripts_ + "</script>\n";
  }
  return out + "</body>\n</html>\n";
}

void write_page(const std::filesystem::path& file, const Page& page) {
  const std::string text = page.str();
  write_file_atomically(file, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace primal
