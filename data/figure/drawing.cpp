#include "data/figure/drawing.h"

#include <algorithm>
#include <array>
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numbers>

#include "data/figure/font.h"
#include "data/figure/svg_ids.h"
#include "data/image/image.h"
#include "tensor/error.h"

namespace primal {
namespace {

constexpr double kMaxPixelsASide = 32767.0;  // of cairo's images

void set_font(cairo_t* cr, double points) {
  cairo_select_font_face(cr, kFontFamily, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cr, points * kPoint);
  // Without hinting text is equally wide in every format.
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(cr, options);
  cairo_font_options_destroy(options);
}

// Bytes of the UTF-8 character that begins the text; 0 where none does.
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t n = byte(0) < 0x80   ? 1
                   : byte(0) < 0xc2 ? 0
                   : byte(0) < 0xe0 ? 2
                   : byte(0) < 0xf0 ? 3
                   : byte(0) < 0xf5 ? 4
                                    : 0;
  if (n == 0 || n > text.size()) return 0;
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool beyond = (byte(0) == 0xed && byte(1) > 0x9f) || (byte(0) == 0xf4 && byte(1) > 0x8f);
  return n > 1 && (overlong || beyond) ? 0 : n;
}

// cairo draws nothing more at all after a text that is not UTF-8.
std::string drawable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t n = character_bytes(text);
    const bool is_control = n == 1 && (static_cast<uint8_t>(text[0]) < 0x20 || text[0] == 0x7f);
    out += n == 0 || is_control ? std::string("?") : std::string(text.substr(0, n));
    text.remove_prefix(std::max<size_t>(n, 1));
  }
  return out;
}

double advance(cairo_t* cr, const std::string& text) {
  cairo_text_extents_t extents;
  cairo_text_extents(cr, text.c_str(), &extents);
  return extents.x_advance;
}

double start_of(cairo_t* cr, const std::string& text, Align align) {
  return align == Align::left ? 0.0 : advance(cr, text) * (align == Align::centre ? -0.5 : -1.0);
}

void set_colour(cairo_t* cr, const Colour& c, double opacity = 1.0) {
  cairo_set_source_rgba(cr, c[0] / 255.0, c[1] / 255.0, c[2] / 255.0, opacity);
}

std::string pdf_date() {
  const char* const epoch = std::getenv("SOURCE_DATE_EPOCH");
  std::time_t seconds = epoch != nullptr ? std::strtoll(epoch, nullptr, 10) : 946684800;  // 2000-01-01
  std::tm parts{};
  std::array<char, 32> text{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "2000-01-01T00:00:00Z";
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string xml_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

cairo_status_t append(void* bytes, const unsigned char* data, unsigned length) {
  auto& out = *static_cast<std::vector<uint8_t>*>(bytes);
  out.insert(out.end(), data, data + length);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

struct Drawing::Cairo {
  FigureFormat format;
  double dpi;
  std::vector<uint8_t> written;
  cairo_surface_t* surface = nullptr;
  cairo_t* cr = nullptr;
  std::string title;

  ~Cairo() {
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
  }
  void check() const {
    const cairo_status_t status = cairo_status(cr);
    if (status != CAIRO_STATUS_SUCCESS)
      throw IoError("[figure] cairo cannot draw: {}", cairo_status_to_string(status));
  }
  Image image() const {
    const auto width = cairo_image_surface_get_width(surface),
               height = cairo_image_surface_get_height(surface);
    const auto stride = cairo_image_surface_get_stride(surface);
    const unsigned char* const data = cairo_image_surface_get_data(surface);
    Image out(width, height, 3);
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        uint32_t pixel = 0;
        std::memcpy(&pixel, data + y * stride + 4 * x, 4);
        for (int c = 0; c < 3; ++c) out.at(x, y, c) = static_cast<uint16_t>(pixel >> (16 - 8 * c) & 0xffU);
      }
    }
    const auto per_metre = static_cast<uint32_t>(std::lround(dpi / 0.0254));
    out.density = {per_metre, per_metre};
    return out;
  }
};

double text_width(std::string_view text, double points) {
  struct Ruler {
    cairo_surface_t* surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t* cr = cairo_create(surface);
    Ruler() { require_font(); }
    ~Ruler() {
      cairo_destroy(cr);
      cairo_surface_destroy(surface);
    }
  };
  thread_local const Ruler ruler;
  set_font(ruler.cr, points);
  return advance(ruler.cr, drawable(text));
}

Drawing::Drawing(FigureFormat format, double width_mm, double height_mm, double dpi)
    : cairo_(std::make_unique<Cairo>()) {
  require_font();
  cairo_->format = format;
  cairo_->dpi = dpi;
  const double scale = format == FigureFormat::png ? dpi / 25.4 : 1.0 / kPoint;
  const double width = width_mm * scale, height = height_mm * scale;
  if (!(std::max(width, height) < kMaxPixelsASide) || !(std::min(width, height) >= 1.0))
    throw ShapeError("[figure] {:.0f} x {:.0f} mm at {:g} dpi do not fit a file of 1 to {:.0f} pixels a side",
                     width_mm, height_mm, dpi, kMaxPixelsASide);
  if (format == FigureFormat::png) {
    cairo_->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(std::lround(width)),
                                                 static_cast<int>(std::lround(height)));
  } else if (format == FigureFormat::svg) {
    cairo_->surface = cairo_svg_surface_create_for_stream(append, &cairo_->written, width, height);
  } else {
    cairo_->surface = cairo_pdf_surface_create_for_stream(append, &cairo_->written, width, height);
    cairo_pdf_surface_set_metadata(cairo_->surface, CAIRO_PDF_METADATA_CREATE_DATE, pdf_date().c_str());
  }
  cairo_->cr = cairo_create(cairo_->surface);
  cairo_scale(cairo_->cr, scale, scale);
  set_colour(cairo_->cr, kWhite);
  cairo_paint(cairo_->cr);
  cairo_->check();
}

Drawing::~Drawing() = default;

void Drawing::text(Point at, std::string_view text, double points, Align align, const Colour& colour) {
  cairo_t* const cr = cairo_->cr;
  const std::string line = drawable(text);
  set_font(cr, points);
  set_colour(cr, colour);
  cairo_move_to(cr, at.x + start_of(cr, line, align), at.y);
  cairo_show_text(cr, line.c_str());
}

void Drawing::upward_text(Point at, std::string_view text, double points, Align align) {
  cairo_t* const cr = cairo_->cr;
  const std::string line = drawable(text);
  set_font(cr, points);
  set_colour(cr, kInk);
  cairo_save(cr);
  cairo_translate(cr, at.x, at.y);
  cairo_rotate(cr, -std::numbers::pi / 2.0);
  cairo_move_to(cr, start_of(cr, line, align), 0.0);
  cairo_show_text(cr, line.c_str());
  cairo_restore(cr);
}

void Drawing::line(std::span<const Point> points, double width, const Colour& colour,
                   std::span<const double> dash) {
  if (points.empty()) return;
  cairo_t* const cr = cairo_->cr;
  set_colour(cr, colour);
  cairo_set_line_width(cr, width);
  cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap(cr, dash.empty() ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT);
  cairo_set_dash(cr, dash.data(), static_cast<int>(dash.size()), 0.0);
  cairo_move_to(cr, points.front().x, points.front().y);
  for (const Point& p : points) cairo_line_to(cr, p.x, p.y);
  cairo_stroke(cr);
}

void Drawing::fill(const Box& box, const Colour& colour) {
  set_colour(cairo_->cr, colour);
  cairo_rectangle(cairo_->cr, box.x, box.y, box.width, box.height);
  cairo_fill(cairo_->cr);
}

void Drawing::frame(const Box& box, double width, const Colour& colour) {
  set_colour(cairo_->cr, colour);
  cairo_set_line_width(cairo_->cr, width);
  cairo_set_line_join(cairo_->cr, CAIRO_LINE_JOIN_MITER);
  cairo_set_dash(cairo_->cr, nullptr, 0, 0.0);
  cairo_rectangle(cairo_->cr, box.x, box.y, box.width, box.height);
  cairo_stroke(cairo_->cr);
}

void Drawing::marker(Point at, Marker shape, double size, const Colour& colour, double opacity) {
  cairo_t* const cr = cairo_->cr;
  const double r = size / 2.0;
  set_colour(cr, colour, opacity);
  cairo_new_path(cr);
  switch (shape) {
    case Marker::circle:
      cairo_arc(cr, at.x, at.y, r, 0.0, 2.0 * std::numbers::pi);
      break;
    case Marker::square:
      cairo_rectangle(cr, at.x - 0.88 * r, at.y - 0.88 * r, 1.76 * r, 1.76 * r);
      break;
    case Marker::triangle:
      cairo_move_to(cr, at.x, at.y - 1.15 * r);
      cairo_line_to(cr, at.x + 1.1 * r, at.y + 0.8 * r);
      cairo_line_to(cr, at.x - 1.1 * r, at.y + 0.8 * r);
      break;
    case Marker::diamond:
      cairo_move_to(cr, at.x, at.y - 1.2 * r);
      cairo_line_to(cr, at.x + 1.2 * r, at.y);
      cairo_line_to(cr, at.x, at.y + 1.2 * r);
      cairo_line_to(cr, at.x - 1.2 * r, at.y);
      break;
  }
  cairo_close_path(cr);
  cairo_fill(cr);
}

void Drawing::picture(const Box& box, std::span<const Colour> colours, int64_t width, int64_t height) {
  cairo_t* const cr = cairo_->cr;
  cairo_surface_t* const pixels =
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height));
  unsigned char* const data = cairo_image_surface_get_data(pixels);
  if (data == nullptr) {
    cairo_surface_destroy(pixels);
    throw ShapeError("[figure] cairo cannot hold a picture of {} x {} pixels", width, height);
  }
  const int stride = cairo_image_surface_get_stride(pixels);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const Colour& c = colours[static_cast<size_t>(y * width + x)];
      const uint32_t pixel = uint32_t{c[0]} << 16 | uint32_t{c[1]} << 8 | uint32_t{c[2]};
      std::memcpy(data + y * stride + 4 * x, &pixel, 4);
    }
  }
  cairo_surface_mark_dirty(pixels);
  double x = box.x, y = box.y;
  if (cairo_->format == FigureFormat::png) {
    cairo_user_to_device(cr, &x, &y);
    x = std::round(x), y = std::round(y);
    cairo_device_to_user(cr, &x, &y);
  }
  const double sx = box.width / static_cast<double>(width), sy = box.height / static_cast<double>(height);
  double across = sx, down = sy;
  cairo_user_to_device_distance(cr, &across, &down);
  const bool is_smaller = std::min(across, down) < 0.999;
  cairo_save(cr);
  cairo_translate(cr, x, y);
  cairo_scale(cr, sx, sy);
  cairo_set_source_surface(cr, pixels, 0.0, 0.0);
  cairo_pattern_set_filter(cairo_get_source(cr), is_smaller ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
  cairo_rectangle(cr, 0.0, 0.0, static_cast<double>(width), static_cast<double>(height));
  cairo_fill(cr);
  cairo_restore(cr);
  cairo_surface_destroy(pixels);
}

void Drawing::clip(const Box& box) {
  cairo_save(cairo_->cr);
  cairo_rectangle(cairo_->cr, box.x, box.y, box.width, box.height);
  cairo_clip(cairo_->cr);
}

void Drawing::end_clip() { cairo_restore(cairo_->cr); }

void Drawing::describe(const std::string& title) {
  cairo_->title = drawable(title);
  if (cairo_->format == FigureFormat::pdf)
    cairo_pdf_surface_set_metadata(cairo_->surface, CAIRO_PDF_METADATA_TITLE, cairo_->title.c_str());
}

std::vector<uint8_t> Drawing::bytes() {
  cairo_->check();
  if (cairo_->format == FigureFormat::png) {
    cairo_surface_flush(cairo_->surface);
    return encode_png(cairo_->image());
  }
  cairo_surface_finish(cairo_->surface);
  if (const cairo_status_t status = cairo_surface_status(cairo_->surface); status != CAIRO_STATUS_SUCCESS)
    throw IoError("[figure] cairo cannot finish the file: {}", cairo_status_to_string(status));
  if (cairo_->format == FigureFormat::pdf) return cairo_->written;
  std::string svg =
      renumbered_svg({reinterpret_cast<const char*>(cairo_->written.data()), cairo_->written.size()});
  const size_t root = svg.find("<svg");
  const size_t after = root == std::string::npos ? root : svg.find('>', root);
  if (after != std::string::npos) svg.insert(after + 1, "\n<title>" + xml_text(cairo_->title) + "</title>");
  return {svg.begin(), svg.end()};
}

}  // namespace primal
