#include "apps/shell/json_text.h"

#include <nlohmann/json.hpp>

#include "apps/shell/streams.h"

namespace primal {
namespace {

template <class Json>
std::string text_of(const Json& json, int indent) {
  std::string text = json.dump(indent, ' ', false, Json::error_handler_t::replace);
  for (size_t at = 0; (at = text.find('\x7f', at)) != std::string::npos;) text.replace(at, 1, "\\u007f");
  return text;
}

}  // namespace

std::string json_text(const nlohmann::json& json, int indent) { return text_of(json, indent); }
std::string json_text(const nlohmann::ordered_json& json, int indent) { return text_of(json, indent); }

void print_json(const nlohmann::json& json) { put_text(json_text(json, 2) + "\n"); }

std::string utf8_text(const std::string& text) {
  return nlohmann::json::parse(json_text(nlohmann::json(text))).get<std::string>();
}

}  // namespace primal
