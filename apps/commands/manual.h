// The manual page and the completion of the shell, written from the same definitions as --help.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace primal {

// A page of section 1 for man(1), in roff.
std::string manual_page(const CLI::App& program);

// A script for bash: commands, their options, the values of options that have a list of them, ops and
// configuration keys where one is expected, and files elsewhere.
std::string bash_completion(const CLI::App& program);

}  // namespace primal
