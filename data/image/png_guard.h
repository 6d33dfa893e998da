// How the reader and the writer of PNG files call libpng (the rule in codec.h).
#pragma once

#include <array>
#include <csetjmp>
#include <cstdio>
#include <png.h>

namespace primal::codec::png {

using Message = std::array<char, 160>;

// libpng calls this on an error; it must not return. The text is stored in the Message of the reader or
// writer.
[[noreturn]] inline void on_error(png_structp png, png_const_charp text) {
  auto* message = static_cast<Message*>(png_get_error_ptr(png));
  std::snprintf(message->data(), message->size(), "%s", text);
  png_longjmp(png, 1);
}
inline void no_warning(png_structp, png_const_charp) {}

// Runs library calls that may longjmp; false when one did. `calls` must not own anything with a destructor
// (codec.h).
template <class Calls>
[[gnu::noinline]] bool guarded(png_structp png, const Calls& calls) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  calls();
  return true;
}

}  // namespace primal::codec::png
