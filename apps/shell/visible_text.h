// Text of foreign origin, as a terminal may see it. Names of files, tensors and metadata are any bytes; sent
// to a terminal as they are, they could move the cursor, change the title or the clipboard, or turn the
// reading direction of a line.
//
//   control characters (C0, DEL, C1) become \x1b, \x7f, \u009b; newline, return and tab \n, \r and \t
//   marks that turn the reading direction, and line separators, become \u202e and so on
//   bytes that are not UTF-8 become \xff
//   everything else stays, backslashes too
#pragma once

#include <string>
#include <string_view>

namespace primal {

// For a value within a line: all of the above.
std::string visible(std::string_view text);

// For text of several lines that the program laid out: newlines and tabs stay.
std::string visible_lines(std::string_view text);

// For an error's message: a newline stays where two spaces follow, as in the program's own messages, so that
// no name looks like another message.
std::string visible_message(std::string_view text);

}  // namespace primal
