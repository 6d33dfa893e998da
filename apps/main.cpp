// The program `primal`: one file per command, and one place where errors become exit codes.
#include <fmt/core.h>
#include <new>
#include <system_error>

#include "apps/commands.h"
#include "tensor/error.h"

namespace {

constexpr int kUsage = 2;
constexpr int kInternal = 1;
constexpr int kFile = 3;

int run(int argc, char** argv) {
  CLI::App program("Primal: unrolled primal-dual networks for image denoising, from scratch.", "primal");
  program.require_subcommand(1);
  program.set_version_flag("--version", PRIMAL_VERSION);
  program.get_formatter()->column_width(34);
  primal::add_demo_command(program);
  primal::add_train_command(program);
  primal::add_denoise_command(program);
  primal::add_evaluate_command(program);
  primal::add_search_command(program);
  primal::add_follow_command(program);
  primal::add_verify_command(program);
  primal::add_check_command(program);
  primal::add_profile_command(program);
  primal::add_tune_command(program);
  program.footer(
      "Exit codes: 0 done, 1 internal, 2 usage or configuration, 3 data or file, 4 device or memory,\n"
      "5 not a number, 6 a check failed, 130/143 stopped after saving.");
  try {
    program.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    const int code = program.exit(error);  // prints help, version or the mistake
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
