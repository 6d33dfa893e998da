// The program `primal`: one file per command, and one place where errors become exit codes.
#include <fmt/core.h>
#include <new>
#include <system_error>

#include "apps/program/program.h"
#include "tensor/error.h"

namespace {

constexpr int kUsage = 2;
constexpr int kInternal = 1;
constexpr int kFile = 3;

int run(int argc, char** argv) {
  const std::unique_ptr<CLI::App> program = primal::make_program();
  try {
    program->parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    const int code = program->exit(error);  // prints help, version or the mistake
    return code == 0 ? 0 : kUsage;
  } catch (const primal::Error& error) {
    fmt::print(stderr, "primal: {}\n", error.what());
    return error.exit_code();
  } catch (const std::system_error& error) {  // of the file system, or of standard output
    fmt::print(stderr, "primal: [system] {}\n", error.what());
    return kFile;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "primal: [memory] the system has no more memory\n");
    return 4;
  } catch (const std::exception& error) {
    fmt::print(stderr, "primal: internal error: {}\n", error.what());
    return kInternal;
  }
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
