// The program `primal`: one file per command, and one place where errors become exit codes.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fmt/core.h>
#include <new>
#include <system_error>
#include <utility>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "apps/commands/program.h"
#include "apps/shell/streams.h"
#include "tensor/error.h"
#include "tensor/nearest_name.h"

namespace {

constexpr int kInternal = 1;
constexpr int kFile = 3;
constexpr int kMemory = 4;

// A command that does not exist, with the one that was meant.
void check_command(const CLI::App& program, int argc, char** argv) {
  if (argc < 2)
    throw primal::ConfigError("[usage] a command is expected; `primal --help` lists all commands");
  const std::string name = argv[1];
  if (name.starts_with('-')) return;
  std::vector<std::string> commands;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(command->get_name());
    if (command->get_name() == name) return;
  }
  const std::string meant = primal::name_meant(commands, name);
  if (meant.empty())
    throw primal::ConfigError("[usage] there is no command '{}'; `primal --help` lists all commands", name);
  throw primal::ConfigError(
      "[usage] there is no command '{}'; did you mean '{}'? `primal --help` lists all commands", name, meant);
}

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  return command.get_options([](const CLI::Option*) { return true; });
}

// An option that the command does not have, with the one that was meant; nothing where another argument was
// too much.
void check_options(const CLI::App& command, const std::string& call) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options_of(command)) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (std::string unexpected : command.remaining()) {
    unexpected = unexpected.substr(0, unexpected.find('='));
    if (!unexpected.starts_with("--")) continue;
    const std::string meant = primal::name_meant(names, unexpected);
    throw primal::ConfigError("[usage] {} has no option {}; {}", call, unexpected,
                              meant.empty() ? fmt::format("`{} --help` lists all options", call)
                                            : fmt::format("did you mean {}?", meant));
  }
}

// CLI11 blames the option where its value came from the environment.
std::string with_origin(std::string mistake, const CLI::App& command, const std::vector<std::string>& given) {
  for (const CLI::Option* option : options_of(command)) {
    const std::string name = option->get_name(), variable = option->get_envname();
    if (variable.empty() || std::getenv(variable.c_str()) == nullptr) continue;
    if (std::ranges::any_of(given, [&](const std::string& g) { return g.starts_with(name); })) continue;
    if (const size_t at = mistake.find(name); at != std::string::npos)
      mistake.replace(at, name.size(), variable);
  }
  return mistake;
}

// What the command line asked for where it was no command's work: help, the version, or the
// mistake as a ConfigError.
void answer(const CLI::App& program, const CLI::ParseError& error, const std::vector<std::string>& given) {
  const bool asks_for_help =
      std::ranges::any_of(given, [](const std::string& g) { return g == "-h" || g == "--help"; });
  if (asks_for_help) return primal::put_text(program.help());
  if (error.get_exit_code() == 0) return primal::put_text(std::string(error.what()) + "\n");  // the version
  const CLI::App* innermost = &program;  // `data noisy` is a command in a command
  std::string call = "primal";
  for (auto parsed = innermost->get_subcommands(); !parsed.empty(); parsed = innermost->get_subcommands()) {
    innermost = parsed.front();
    call += " " + innermost->get_name();
  }
  const CLI::App& command = *innermost;
  check_options(command, call);
  std::string mistake = with_origin(error.what(), command, given);
  std::ranges::replace(mistake, '\n', ' ');
  throw primal::ConfigError("[usage] {}\n  `{} --help` says what is expected", mistake, call);
}

void run_command(int argc, char** argv) {
  const std::unique_ptr<CLI::App> program = primal::make_program();
  check_command(*program, argc, argv);
  try {
    program->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    answer(*program, error, {argv + 1, argv + argc});
  }
}

int run(int argc, char** argv) {
  using primal::say;
  using primal::say_text;
  try {
    run_command(argc, argv);
    primal::flush_output();
    return 0;
  } catch (const primal::Error& error) {
    say_text(fmt::format("primal: {}\n", primal::visible_message(error.what())));
    return error.exit_code();
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) == 0) {
      say("primal: [system] {}\n", error.what());
      return kFile;
    }
    if (error.code().value() == EPIPE) primal::end_without_reader();
    say("primal: [output] cannot write to standard output: {}\n", error.code().message());
    return kFile;
  } catch (const std::bad_alloc&) {
    say_text("primal: [memory] the system has no more memory\n");
    return kMemory;
  } catch (const std::exception& error) {
    say("primal: internal error: {}\n", error.what());
    return kInternal;
  }
}

}  // namespace

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // Large blocks go back to the system when they are freed. Left alone, the C library keeps those of up to
  // 32 MiB once it has seen some go: a picture in tiles of 512 pixels held 232 MB in place of 133.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  primal::prepare_streams();
  return run(argc, argv);
}
