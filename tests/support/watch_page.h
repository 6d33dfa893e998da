// What a page of `primal watch` holds: its JSON, and the pictures in it as levels (apps/watch/watch_page.h).
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/image/image.h"

namespace primal::testing {

inline nlohmann::json watch_data(const std::string& page) {
  const std::string start = "<script type=\"application/json\" id=\"watch-data\">";
  const size_t at = page.find(start), end = page.find("</script>", at);
  if (at == std::string::npos || end == std::string::npos) throw std::runtime_error("the page has no data");
  return nlohmann::json::parse(page.substr(at + start.size(), end - at - start.size()));
}

inline Image image_of_uri(const std::string& uri) {
  const std::string start = "data:image/png;base64,";
  if (uri.rfind(start, 0) != 0) throw std::runtime_error("no PNG: " + uri.substr(0, 40));
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint8_t> bytes;
  uint32_t group = 0;
  int bits = 0;
  for (size_t i = start.size(); i < uri.size() && uri[i] != '='; ++i) {
    group = group << 6 | static_cast<uint32_t>(digits.find(uri[i]));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<uint8_t>(group >> bits & 0xFF));
  }
  return decode_image(bytes, "a data URI");
}

// The levels of q of every frame, from the differences that the page has.
inline std::vector<Image> dual_pictures(const nlohmann::json& data) {
  std::vector<Image> out;
  for (const auto& frame : data.at("frames")) {
    Image q = image_of_uri(frame.at("q"));
    for (size_t i = 0; !out.empty() && i < q.levels.size(); ++i)
      q.levels[i] = static_cast<uint16_t>((q.levels[i] + out.back().levels[i]) & 0xFF);
    out.push_back(q);
  }
  return out;
}

}  // namespace primal::testing
