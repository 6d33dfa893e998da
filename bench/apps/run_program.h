// What the programs of this folder share: the command line is parsed, and an error is said on stderr, with its exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <exception>
#include <fmt/core.h>

#include "tensor/error.h"

namespace primal::bench {

template <class Run>
int run_program(CLI::App& program, int argc, char** argv, const char* name, const Run& run) {
  CLI11_PARSE(program, argc, argv);
  try {
    return run();
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return error.exit_code();
  } catch (const std::exception& error) {  // what is no JSON
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return 2;
  }
}

}  // namespace primal::bench
