// Fields of JSON that may have been damaged or written by another version: what is missing or of another kind
// is empty.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace primal {

std::string text_in(const nlohmann::json& object, const char* key);
std::optional<double> number_in(const nlohmann::json& object, const char* key);
int64_t integer_in(const nlohmann::json& object, const char* key);  // 0 where there is none
nlohmann::json object_in(const nlohmann::json& object,
                         const char* key);  // an empty object where there is none

}  // namespace primal
