#include "apps/shell/terminal.h"

#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>

namespace primal {

bool is_terminal(int descriptor) { return isatty(descriptor) != 0; }

bool wants_colour(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  if (kind != nullptr && std::strcmp(kind, "dumb") == 0) return false;
  return is_terminal(descriptor);
}

int terminal_columns(int descriptor, int otherwise) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
  return size.ws_col;
}

}  // namespace primal
