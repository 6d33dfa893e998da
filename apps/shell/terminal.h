// What a command may ask of the terminal it talks to.
#pragma once

namespace primal {

// Whether somebody sees what is written there: STDERR_FILENO, STDOUT_FILENO.
bool is_terminal(int descriptor);

// Colours are for terminals, and not where NO_COLOR (no-color.org) is set to anything or TERM is "dumb".
bool wants_colour(int descriptor);

// Characters in a line; `otherwise` where nobody knows.
int terminal_columns(int descriptor, int otherwise = 80);

}  // namespace primal
