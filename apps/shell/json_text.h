// JSON as text. Names of files are any bytes; those that are not UTF-8, which JSON cannot hold,
// become U+FFFD. The delete character, which JSON allows and TOML does not, is escaped as the
// other control characters are.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace primal {

// In one line, or with `indent` spaces a level.
std::string json_text(const nlohmann::json& json, int indent = -1);
std::string json_text(const nlohmann::ordered_json& json, int indent = -1);

// On standard output, where what put_text makes visible of it is JSON's own escapes.
void print_json(const nlohmann::json& json);

// Any bytes as the text that JSON would hold of them.
std::string utf8_text(const std::string& text);

}  // namespace primal
