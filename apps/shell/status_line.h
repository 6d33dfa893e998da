// StatusLine: one line on stderr that shows how far a command is. On a terminal each text replaces the
// previous one, and the line is removed at the end; elsewhere each text is a line of its own.
#pragma once

#include <string>

namespace primal {

class StatusLine {
 public:
  explicit StatusLine(bool terminal) : terminal_(terminal) {}
  ~StatusLine() { hide(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  // A text that is longer than a line of the terminal loses its beginning, since the numbers are at its end.
  void show(const std::string& text);
  // Removes the line; call it before anything else is printed.
  void hide();

 private:
  bool terminal_, drawn_ = false;
};

}  // namespace primal
