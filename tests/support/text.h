// What tests ask of texts.
#pragma once

#include <string>

namespace primal::testing {

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace primal::testing
