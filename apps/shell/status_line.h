// StatusLine: one line on stderr that tells how far a command is. On a terminal it is drawn over the last one and removed at the end;
// elsewhere each text is a line of its own.
#pragma once

#include <string>

namespace primal {

class StatusLine {
 public:
  explicit StatusLine(bool terminal) : terminal_(terminal) {}
  ~StatusLine() { hide(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  // A text longer than a line of the terminal loses its beginning: its end, which has the numbers, matters more.
  void show(const std::string& text);
  // Removes the line; call it before anything else is printed.
  void hide();

 private:
  bool terminal_, drawn_ = false;
};

}  // namespace primal
