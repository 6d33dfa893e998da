#include <algorithm>
#include <array>
#include <cmath>

#include "data/image/image.h"
#include "data/page/page.h"
#include "tensor/error.h"

namespace primal {
namespace {

// Length of the valid UTF-8 sequence at the start of the text, or 0. By the table of well-formed sequences
// in the Unicode standard.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                        : first >= 0xE0 && first <= 0xEF ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool is_beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return is_overlong || is_beyond ? 0 : length;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) {
      out += kReplacement;
    } else if (length > 1) {
      out += text.substr(0, length);
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
      out += kReplacement;
    } else {
      out += c;
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string base64(std::span<const uint8_t> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? bytes[i + k] : 0U);
    for (size_t k = 0; k < 4; ++k) out += k <= n ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string data_uri(std::string_view media_type, std::span<const uint8_t> bytes) {
  std::string uri = "data:";
  uri += media_type;
  uri += ";base64,";
  uri += base64(bytes);
  return uri;
}

std::string picture_uri(const Tensor& picture, double low, double high) {
  const Shape& shape = picture.shape();
  const int rank = shape.rank();
  if (rank < 2 || picture.numel() != shape[rank - 1] * shape[rank - 2] || picture.numel() == 0 ||
      !is_floating(picture.dtype()))
    throw ShapeError("[page] a picture is one [..., H, W] of f32 or f64, not {}", picture.str());
  const Tensor values = picture.to(Device{}).to(DType::f64);
  Image image(shape[rank - 1], shape[rank - 2], 1);
  const auto in = values.span<const double>();
  for (size_t i = 0; i < image.levels.size(); ++i) {
    const double level = (in[i] - low) / (high - low) * 255.0;
    image.levels[i] = std::isfinite(level) ? static_cast<uint16_t>(std::lround(std::clamp(level, 0.0, 255.0)))
                                           : uint16_t{0};
  }
  return data_uri("image/png", encode_png(image));
}

}  // namespace primal
