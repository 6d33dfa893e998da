// Page: a web page in one file, with everything it shows inside it. It opens without a network, in
// light and dark, and prints.
//
//   Page page("A run", "primal train configs/quick.toml -o runs/a");
//   page.heading("Scores");
//   page.table({"", "PSNR / dB"}, {{"noisy", "21.02"}, {"map", "31.76"}});
//   page.figure(figure, "PSNR over the steps.");
//   page.compare({"noisy", z}, {"denoised", x}, "Drag the handle, or use the arrow keys.");
//   write_page("report.html", page);
//
// Text is escaped: names and values from files show as they are and are never taken for markup. html()
// alone takes markup. Figures are inline SVG, or a PNG where a large SVG would be larger still;
// pictures are PNG in data URIs.
// The page states a Content-Security-Policy that forbids every request, so a browser refuses what would leave
// the file.
// The same calls give the same bytes.
//
// Errors:  ShapeError for a table whose rows do not fit its header and for pictures of different sizes
//          to compare; those of render() (data/figure/figure.h); IoError for what the file system
//          refuses (data/file/file.h).
// Source:  HTML Living Standard (WHATWG); Content Security Policy Level 3 (W3C); RFC 4648
//          (base64); RFC 2397 (data URIs).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/figure/figure.h"
#include "tensor/tensor.h"

namespace primal {

// The five characters with a meaning in HTML as entities, control characters and broken UTF-8 as U+FFFD.
std::string escape_html(std::string_view text);

std::string base64(std::span<const uint8_t> bytes);
// "data:image/png;base64,..."
std::string data_uri(std::string_view media_type, std::span<const uint8_t> bytes);

// A picture [..., H, W] of f32 or f64 as an 8-bit grey PNG in a data URI: low black, high white; values
// that are not finite black.
std::string picture_uri(const Tensor& picture, double low = 0.0, double high = 1.0);

class Page {
 public:
  // `command` is shown below the title in the type of a terminal; empty: nothing.
  explicit Page(std::string title, std::string command = "");

  // Sections; each has an entry in the contents at the top, where there are more than three.
  void heading(const std::string& text);
  void paragraph(const std::string& text);
  // A paragraph that stands out: something is missing or wrong.
  void warning(const std::string& text);
  // Cells that are numbers stand to the right.
  void table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows);
  // A table that opens on a click.
  void folded_table(const std::string& summary, const std::vector<std::string>& columns,
                    const std::vector<std::vector<std::string>>& rows);
  void figure(const Figure& figure, const std::string& caption);
  void picture(const std::string& name, const Tensor& picture, const std::string& caption);
  // Two pictures of one size, one above the other, and a handle that divides them.
  struct NamedPicture {
    std::string name;
    Tensor values;  // [..., H, W], 0 black, 1 white
  };
  void compare(const NamedPicture& before, const NamedPicture& after, const std::string& caption);
  // What fits nowhere else: markup, a script and a style of the caller's own. A script runs once the page is
  // there.
  void html(const std::string& markup);
  void script(const std::string& javascript);
  void style(const std::string& css);
  // Asks the browser to load the file anew every so many seconds: a training is at work.
  void reload_every(int64_t seconds);

  // The whole page.
  std::string str() const;

 private:
  std::string title_, command_, body_, scripts_, styles_;
  std::vector<std::string> headings_;
  int64_t n_figures_ = 0, reload_seconds_ = 0;
  bool has_compare_ = false;
};

// A whole file or none (data/file/file.h).
void write_page(const std::filesystem::path& file, const Page& page);

}  // namespace primal
