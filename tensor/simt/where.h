// Where in the source something was called, and Index, an index that knows where it was written.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#if __has_include(<source_location>)
#include <source_location>
#endif

namespace primal::simt {

#ifdef __cpp_lib_source_location
using Where = std::source_location;
#else  // clang before 16 with GCC's library
struct Where {
  static Where current(const char* file = __builtin_FILE(), const char* function = __builtin_FUNCTION(),
                       unsigned line = __builtin_LINE(), unsigned column = __builtin_COLUMN()) {
    return {file, function, line, column};
  }
  const char* file_name() const { return file; }
  const char* function_name() const { return function; }
  unsigned line() const { return at_line; }
  unsigned column() const { return at_column; }

  const char* file = "";
  const char* function = "";
  unsigned at_line = 0, at_column = 0;
};
#endif

// "conv3d_direct.cu:52"; "" of a place that nobody knows.
std::string where_str(const Where& where);

// What x[i] makes of i, whatever integer (or element of integers) that is.
struct Index {
  template <class I>
  requires(std::convertible_to<I, int64_t> && !std::floating_point<I>)
      [[gnu::always_inline]] Index(const I& i, Where at = Where::current())
      : number(static_cast<int64_t>(i)), where(at) {}

  operator int64_t() const { return number; }

  int64_t number;
  Where where;
};

inline Index at_the_place_of(const Index& place, int64_t i) { return Index(i, place.where); }

}  // namespace primal::simt
