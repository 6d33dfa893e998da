// The text form of a geometry: letters with their numbers, "n1 c32 o32 d1 h256 w256 k1,3,3 s1,1,1 p0,1,1".
// Plans and reports name geometries by it; each op with a choice writes it (key()) and reads it back with
// this.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace primal {

class GeometryText {
 public:
  // DataError naming the op and the text where it is not words of a letter or name and whole numbers from 0
  // to 2^20.
  GeometryText(std::string_view op, std::string_view text);

  int64_t one(const char* name) const;                   // DataError where it is absent or not one number
  std::array<int64_t, 3> three(const char* name) const;  // likewise for three
  const std::vector<int64_t>& numbers(const char* name) const;

  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::string op_, text_;
  std::map<std::string, std::vector<int64_t>, std::less<>> words_;
};

}  // namespace primal
