#include "apps/report/page_parts.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace primal {
namespace {

constexpr const char* kReportStyle = R"(
h3 { font-size: 1.05rem; margin: 1.6rem 0 .2rem; overflow-wrap: anywhere; }
.row { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start; }
.row figure { margin: .6rem 0 1rem; max-width: 100%; }
.row figcaption { max-width: 21rem; }
.row .compare img { width: 21rem; }
td { overflow-wrap: anywhere; }
)";

// How many pixels a side become one.
int64_t factor_of(const Tensor& picture) {
  const int64_t side = std::max(picture.size(-1), picture.size(-2));
  return (side + kMaxShownSide - 1) / kMaxShownSide;
}

}  // namespace

Page report_page(const std::string& title, const std::string& command) {
  Page page(title, command);
  page.style(kReportStyle);
  return page;
}

void subheading(Page& page, const std::string& text) {
  page.html(fmt::format("<h3>{}</h3>\n", escape_html(text)));
}

void begin_row(Page& page) { page.html("<div class=\"row\">\n"); }
void end_row(Page& page) { page.html("</div>\n"); }

void add_panels(Page& page, const Figure& figure, const std::vector<std::string>& captions) {
  begin_row(page);
  size_t i = 0;
  for (const std::vector<Panel>& row : figure.rows) {
    for (const Panel& panel : row) {
      Figure one = figure;
      one.rows = {{panel}};
      std::string caption = i < captions.size() ? captions[i] : std::string();
      if (caption.empty()) std::swap(caption, one.rows.front().front().title);
      page.figure(one, caption);
      ++i;
    }
  }
  end_row(page);
}

Tensor shown_size(const Tensor& picture) {
  const int64_t height = picture.size(-2), width = picture.size(-1), k = factor_of(picture);
  const int64_t h = (height + k - 1) / k, w = (width + k - 1) / k;
  const std::vector<double> in = picture.to_doubles();
  std::vector<double> out(static_cast<size_t>(h * w));
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      const int64_t y_end = std::min((y + 1) * k, height), x_end = std::min((x + 1) * k, width);
      double sum = 0.0;
      for (int64_t i = y * k; i < y_end; ++i) {
        for (int64_t j = x * k; j < x_end; ++j) sum += in[static_cast<size_t>(i * width + j)];
      }
      out[static_cast<size_t>(y * w + x)] = sum / static_cast<double>((y_end - y * k) * (x_end - x * k));
    }
  }
  return Tensor::from(Shape{1, 1, h, w}, out);
}

std::string shown_size_text(const Tensor& picture) {
  const int64_t height = picture.size(-2), width = picture.size(-1), k = factor_of(picture);
  if (k == 1) return "";
  return fmt::format(" Shown at {} x {} of its {} x {} pixels (averages of {} x {}).", (width + k - 1) / k,
                     (height + k - 1) / k, width, height, k, k);
}

bool add_within(Page& page, const std::function<void(Page&)>& part) {
  Page longer = page;
  part(longer);
  if (longer.str().size() > kMaxReportBytes) return false;
  page = std::move(longer);
  return true;
}

std::string hours_text(double hours) {
  if (hours >= 1.0) return fmt::format("{:.1f} h", hours);
  if (hours >= 1.0 / 60.0) return fmt::format("{:.0f} min", 60.0 * hours);
  return 3600.0 * hours < 0.5 ? std::string("less than a second") : fmt::format("{:.0f} s", 3600.0 * hours);
}

}  // namespace primal
