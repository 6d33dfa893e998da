// Standard output is for data: what cannot be written there is an error. Standard error is for people: what cannot be written
// there is lost, and the work goes on.
#pragma once

#include <fmt/core.h>
#include <string_view>
#include <utility>

namespace primal {

// First in main. A stream that was closed gets a place that refuses every byte, so that no file opened later takes its number and
// with it what was meant for a person. A reader that goes away shows as an error of the write, not as the end of the program.
void prepare_streams();

// Where the reader of standard output has gone: ends the program as SIGPIPE does, silently. Returns where whoever started the
// program ignores SIGPIPE: then it is an error like others.
void end_without_reader();

// Brings to its reader what was printed so far. Throws std::system_error where that fails, as printing does.
void flush_output();

void say_text(std::string_view text) noexcept;

// To standard error.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  say_text(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace primal
