// The command line of `primal`: every command with its options, in the order that help shows them.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace primal {

std::unique_ptr<CLI::App> make_program();

}  // namespace primal
