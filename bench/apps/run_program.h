// What the programs of this folder share: the command line is parsed, an error is reported on stderr, and the
// program ends with the exit code of that error.
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
