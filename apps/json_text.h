// JSON as text. Names of files are any bytes; those that are not UTF-8, which JSON cannot hold, become U+FFFD.
#pragma once

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <string>

namespace primal {

// In one line, or with `indent` spaces a level.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// On standard output.
inline void print_json(const nlohmann::json& json) { fmt::print("{}\n", json_text(json, 2)); }

// Any bytes as the text that JSON would hold of them.
inline std::string utf8_text(const std::string& text) {
  return nlohmann::json::parse(json_text(nlohmann::json(text))).get<std::string>();
}

}  // namespace primal
