#include "apps/shell/status_line.h"

#include <algorithm>
#include <unistd.h>

#include "apps/shell/streams.h"
#include "apps/shell/terminal.h"
#include "apps/shell/visible_text.h"

namespace primal {
namespace {

constexpr const char* kClearLine = "\r\033[K";

}  // namespace

void StatusLine::show(const std::string& text) {
  if (!terminal_) return say("{}\n", text);
  std::string shown = visible(text);
  const auto room = static_cast<size_t>(std::max(terminal_columns(STDERR_FILENO) - 1, 20));
  if (shown.size() > room) shown = "..." + shown.substr(shown.size() - room + 3);
  say_drawn(kClearLine + shown);
  drawn_ = true;
}

void StatusLine::hide() {
  if (drawn_) say_drawn(kClearLine);
  drawn_ = false;
}

}  // namespace primal
