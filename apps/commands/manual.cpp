#include "apps/commands/manual.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sstream>

#include "apps/commands/commands.h"
#include "apps/ops/register_ops.h"
#include "apps/shell/build_info.h"
#include "apps/shell/streams.h"
#include "apps/training/config.h"

namespace primal {
namespace {

using Commands = std::vector<const CLI::App*>;

Commands commands_of(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

// Each command with its name as it is called, the commands inside one (`data noisy`) after it.
std::vector<std::pair<std::string, const CLI::App*>> calls_of(const CLI::App& program,
                                                              const std::string& outer = "") {
  std::vector<std::pair<std::string, const CLI::App*>> calls;
  for (const CLI::App* command : commands_of(program)) {
    const std::string call = outer + command->get_name();
    calls.emplace_back(call, command);
    for (auto& inner : calls_of(*command, call + " ")) calls.push_back(std::move(inner));
  }
  return calls;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option*) { return true; });
}

std::vector<std::string> flags_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

// Text for roff: a backslash, a hyphen that is meant as typed, and a line that starts like a request are
// escaped.
std::string roff(const std::string& text) {
  std::string escaped;
  bool line_starts = true;
  for (const char c : text) {
    if (line_starts && (c == '.' || c == '\'')) escaped += "\\&";
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
    line_starts = c == '\n';
  }
  return escaped;
}

std::string preformatted(const std::string& text) { return ".PP\n.nf\n" + roff(text) + "\n.fi\n"; }

std::string option_entry(const CLI::Option& option) {
  const std::vector<std::string> flags = flags_of(option);
  std::string head;
  if (flags.empty()) {
    head = fmt::format("\\fI{}\\fR", roff(option.get_name(true)));
  } else {
    for (const std::string& flag : flags)
      head += fmt::format("{}\\fB{}\\fR", head.empty() ? "" : ", ", roff(flag));
    if (option.get_expected_max() > 0) head += fmt::format(" \\fI{}\\fR", roff(option.get_type_name()));
  }
  std::string text = roff(option.get_description());
  if (!option.get_default_str().empty()) text += fmt::format(" (default {})", roff(option.get_default_str()));
  if (!option.get_envname().empty()) text += fmt::format(" [environment: {}]", option.get_envname());
  return fmt::format(".TP\n{}\n{}\n", head, text);
}

// The values in a type such as "TEXT:{relative,absolute}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{'), end = type.find('}');
  std::vector<std::string> choices;
  if (begin == std::string::npos || end == std::string::npos || end < begin) return choices;
  std::istringstream list(type.substr(begin + 1, end - begin - 1));
  for (std::string choice; std::getline(list, choice, ',');) choices.push_back(choice);
  return choices;
}

// Names that a command takes where it is not an option that is expected: ops, or the commands inside it.
std::vector<std::string> names_for(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* inner : commands_of(command)) names.push_back(inner->get_name());
  if (command.get_name() == "check" || command.get_name() == "profile" || command.get_name() == "tune") {
    for (const OpInfo& op : registered_ops().ops()) names.push_back(op.name);
  }
  return names;
}

std::string configuration_keys() {
  TrainConfig defaults;
  std::vector<std::string> keys;
  for (const ConfigKey& key : config_keys(defaults)) keys.push_back(key.name + "=");
  return fmt::format("{}", fmt::join(keys, " "));
}

}  // namespace

std::string manual_page(const CLI::App& program) {
  std::string page = fmt::format(
      ".\\\" Written by `primal manual`.\n"
      ".TH PRIMAL 1 \"\" \"primal {}\" \"User Commands\"\n"
      ".SH NAME\nprimal \\- {}\n"
      ".SH SYNOPSIS\n.B primal\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
      ".SH DESCRIPTION\n"
      "A U\\-Net looks at a noisy picture and proposes a regularisation map Lambda, T iterations of PDHG "
      "then solve\n"
      ".PP\n.RS\nmin over x of 1/2 ||x \\- z||^2 + ||Lambda o grad x||_1\n.RE\n.PP\n"
      "with this map, and the error of the solution trains the U\\-Net through the solver.\n"
      "Results go to standard output, messages to standard error.\n",
      build_info().version, "unrolled primal\\-dual networks for image denoising");
  page += ".SH OPTIONS\n";
  for (const CLI::Option* option : options_of(program)) page += option_entry(*option);
  page += ".SH COMMANDS\n";
  for (const auto& [call, command] : calls_of(program)) {
    page += fmt::format(".SS primal {}\n{}\n", call, roff(command->get_description()));
    for (const CLI::Option* option : options_of(*command)) page += option_entry(*option);
    if (!command->get_footer().empty()) page += preformatted(command->get_footer());
  }
  page += ".SH EXIT STATUS\n" + preformatted(program.get_footer());
  page +=
      ".SH ENVIRONMENT\n"
      ".TP\n.B PRIMAL_THREADS\nCPU threads, if \\-\\-threads is not given\n"
      ".TP\n.B PRIMAL_SECTION_KEY\na key of the training configuration: PRIMAL_TRAINING_STEPS sets "
      "training.steps\n"
      ".TP\n.B NO_COLOR\nif set to any value, there are no colours on a terminal\n";
  return page;
}

std::string bash_completion(const CLI::App& program) {
  std::vector<std::string> first, outer, options, values, names;
  for (const auto& [call, command] : calls_of(program)) {
    if (call == command->get_name()) first.push_back(call);
    if (!commands_of(*command).empty()) outer.push_back(call);
    std::vector<std::string> flags;
    for (const CLI::Option* option : options_of(*command)) {
      const std::vector<std::string> own = flags_of(*option), choices = choices_of(*option);
      flags.insert(flags.end(), own.begin(), own.end());
      if (choices.empty()) continue;
      for (const std::string& flag : own) {
        values.push_back(fmt::format("    '{} {}') words='{}' ;;", call, flag, fmt::join(choices, " ")));
      }
    }
    options.push_back(fmt::format("    '{}') words='{}' ;;", call, fmt::join(flags, " ")));
    const std::vector<std::string> arguments = names_for(*command);
    if (!arguments.empty()) {
      names.push_back(fmt::format("    '{}') words='{}' ;;", call, fmt::join(arguments, " ")));
    }
  }
  for (const CLI::Option* option : options_of(program)) {
    for (const std::string& flag : flags_of(*option)) first.push_back(flag);
  }
  return fmt::format(
      R"(# Completion of primal for bash, written by `primal completion bash`.
_primal() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command=${{COMP_WORDS[1]}} words=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '{}' -- "$current"))
    return
  fi
  case $command in
    {}) if ((COMP_CWORD > 2)); then command+=" ${{COMP_WORDS[2]}}"; fi ;;
  esac
  case "$command $previous" in
{}
    'train --set')
      compopt -o nospace
      words='{}'
      ;;
  esac
  if [[ -z $words ]]; then
    if [[ $current == -* ]]; then
      case $command in
{}
      esac
    else
      case $command in
{}
      esac
    fi
  fi
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}}
complete -o default -F _primal primal
)",
      fmt::join(first, " "), fmt::join(outer, " | "), fmt::join(values, "\n"), configuration_keys(),
      fmt::join(options, "\n"), fmt::join(names, "\n"));
}

void add_manual_commands(CLI::App& program) {
  CLI::App* manual = program.add_subcommand("manual", "print the manual page, for man(1)");
  manual->footer("Examples:\n  primal manual | man -l -\n  primal manual > primal.1");
  manual->callback([&program] { put_text(manual_page(program)); });

  auto shell = std::make_shared<std::string>("bash");
  CLI::App* completion = program.add_subcommand("completion", "print a completion script for a shell");
  completion->add_option("shell", *shell, "the shell")->check(CLI::IsMember({"bash"}))->capture_default_str();
  completion->footer(
      "Examples:\n  source <(primal completion bash)\n"
      "  primal completion bash > ~/.local/share/bash-completion/completions/primal");
  // The option writes into *shell, so the callback keeps it alive.
  completion->callback([&program, shell] { put_text(bash_completion(program)); });
}

}  // namespace primal
