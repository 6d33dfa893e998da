// The program `primal`: one file per command, and one place where errors become exit codes.
#include <fmt/core.h>
#include <new>
#include <system_error>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "apps/nearest_name.h"
#include "apps/program/program.h"
#include "tensor/error.h"

namespace {

constexpr int kUsage = 2;
constexpr int kInternal = 1;
constexpr int kFile = 3;

// A command or option that does not exist, with the nearest one that does.
void check_names(const CLI::App& program, int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  if (name.empty() || name[0] == '-') return;
  std::vector<std::string> commands;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(command->get_name());
    if (command->get_name() == name) return;
  }
  throw primal::ConfigError("[usage] there is no command '{}'; did you mean '{}'? `primal --help` lists them",
                            name, primal::nearest_name(commands, name));
}

// Of arguments that a command did not expect: the option they may have meant.
std::string suggestion(const CLI::App& program) {
  const std::vector<CLI::App*> given = program.get_subcommands();
  if (given.empty()) return "";
  std::vector<std::string> options;
  for (const CLI::Option* option : given.front()->get_options([](const CLI::Option*) { return true; })) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  for (std::string unexpected : given.front()->remaining()) {
    unexpected = unexpected.substr(0, unexpected.find('='));
    if (!unexpected.starts_with("--")) continue;
    return fmt::format("{} has no option {}; did you mean {}?\n", given.front()->get_name(), unexpected,
                       primal::nearest_name(options, unexpected));
  }
  return "";
}

int run(int argc, char** argv) {
  const std::unique_ptr<CLI::App> program = primal::make_program();
  try {
    check_names(*program, argc, argv);
    program->parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    const int code = program->exit(error);  // prints help, version or the mistake
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
      fmt::print(stderr, "{}", suggestion(*program));
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

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // Large blocks go back to the system when they are freed. Left alone, the C library keeps those of up to 32 MiB once it has
  // seen some go: a picture in tiles of 512 pixels held 232 MB in place of 133.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  return run(argc, argv);
}
