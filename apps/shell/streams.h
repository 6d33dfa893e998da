// Standard output is for data: what cannot be written there is an error. Standard error is for people: what
// cannot be written there is lost, and the work goes on.
//
// What the program prints leaves through here alone (tests/apps/streams_cli_test.cpp), and nothing of foreign
// origin reaches a terminal raw (apps/shell/visible_text.h): a format is the program's own, the texts that
// are put into it are made visible, newlines too; texts of several lines go through the functions ending in
// _text, which leave newlines and tabs.
#pragma once

#include <concepts>
#include <fmt/core.h>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "apps/shell/visible_text.h"

namespace primal {

// First in main. A stream that was closed gets a place that refuses every byte, so that no file opened later
// takes its number and with it what was meant for a person. A reader that goes away shows as an error of the
// write, not as the end of the program.
void prepare_streams();

// Where the reader of standard output has gone: ends the program as SIGPIPE does, silently. Returns where
// whoever started the program ignores SIGPIPE: then it is an error like others.
void end_without_reader();

// Brings to its reader what was printed so far. Throws std::system_error where that fails, as printing does.
void flush_output();

// To standard error.
void say_text(std::string_view text) noexcept;
// The same with the control characters that draw a line anew; what is put into it must be visible().
void say_drawn(std::string_view text) noexcept;

// To standard output. Throws std::system_error where that fails.
void put_text(std::string_view text);

// A value as say and put format it: texts made visible, others as they are.
template <class T>
using Shown = std::conditional_t<std::convertible_to<T, std::string_view>, std::string, T>;
template <class T>
auto shown(T&& value) -> std::conditional_t<std::convertible_to<T, std::string_view>, std::string, T&&> {
  if constexpr (std::convertible_to<T, std::string_view>)
    return visible(std::string_view(value));
  else
    return std::forward<T>(value);
}

template <class... Args>
void say(fmt::format_string<Shown<Args>...> format, Args&&... args) {
  say_text(fmt::format(format, shown(std::forward<Args>(args))...));
}

template <class... Args>
void put(fmt::format_string<Shown<Args>...> format, Args&&... args) {
  put_text(fmt::format(format, shown(std::forward<Args>(args))...));
}

}  // namespace primal
