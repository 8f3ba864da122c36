#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "base/strings.h"
#include "base/version.h"
#include "cli/command.h"
#include "cli/options.h"
#include "policy/escaping.h"

namespace stockade::cli {
namespace {

int RunVersion(const Invocation& invocation) {
  invocation.console.out += "stockade " STOCKADE_VERSION "\n";
  return kExitClean;
}

constexpr std::array kVersionFlags = {
    kHelpFlag,
};

Command VersionCommand() {
  return {.name = "version",
          .arguments = "",
          .summary = "Print the version",
          .help =
              "Prints the version of this program. It judges by the rules and the schema of that "
              "version,\nwhich should be the one installed in the cluster.\n",
          .flags = kVersionFlags,
          .run = RunVersion};
}

// The command whose words the arguments begin with, of several the one with most; how many
// arguments its name takes.
struct Found {
  const Command* command = nullptr;
  std::size_t words = 0;
};

Found FindCommand(std::span<const char* const> arguments) {
  Found found;
  for (const Command& command : Commands()) {
    const std::vector<std::string_view> words = Split(command.name, ' ');
    if (words.size() > arguments.size() || words.size() <= found.words) continue;
    if (std::equal(words.begin(), words.end(), arguments.begin())) {
      found = {&command, words.size()};
    }
  }
  return found;
}

// The first command of two words whose first is `word`; empty when there is none.
std::string_view CommandThatBeginsWith(std::string_view word) {
  const auto found = std::ranges::find_if(Commands(), [word](const Command& command) {
    return command.name.starts_with(std::string(word) + " ");
  });
  return found == Commands().end() ? std::string_view() : found->name;
}

int Usage(Console& console, std::string_view program, const std::string& message) {
  console.Tell(message + "; see " + std::string(program) + " --help");
  return kExitError;
}

int UnknownCommand(Console& console, std::string_view program,
                   std::span<const char* const> arguments) {
  const std::string word = arguments.front();
  if (const std::string example(CommandThatBeginsWith(word)); !example.empty()) {
    return Usage(console, program,
                 "\"" + word + "\" needs a second word, as in \"" + example + "\"");
  }
  std::vector<std::string_view> names;
  for (const Command& command : Commands()) {
    names.push_back(command.name.substr(0, command.name.find(' ')));
  }
  const std::string_view meant = ClosestMatch(word, names);
  return Usage(console, program,
               "unknown command \"" + word + "\"" +
                   (meant.empty() ? "" : ", did you mean \"" + std::string(meant) + "\"?"));
}

bool IsHelp(std::string_view word) { return word == "--help" || word == "-h" || word == "help"; }

}  // namespace

void Console::Tell(std::string_view message) {
  err += "stockade: " + policy::EscapeControls(message) + "\n";
}

int Invocation::Fail(std::string_view message) const {
  console.Tell(message);
  return kExitError;
}

std::span<const Command> Commands() {
  static const std::array kCommands = {
      LintCommand(),           RenderCommand(),     DiffCommand(),    ExplainCommand(),
      ExplainSandboxCommand(), PolicyTestCommand(), ConvertCommand(), ExportSandboxRuntimeCommand(),
      ExportDockerCommand(),   AdviseCommand(),     TopCommand(),     DashboardCommand(),
      CompletionCommand(),     VersionCommand()};
  return kCommands;
}

std::string ProgramHelp(std::string_view program) {
  std::string text =
      "Checks AgentSandboxes before they reach a cluster, and explains what became of them there, "
      "with\nthe very rules of the webhook and the operator.\n\nUsage: " +
      std::string(program) + " COMMAND [options] [arguments]\n\nCommands:\n";
  std::size_t width = 0;
  for (const Command& command : Commands()) width = std::max(width, command.name.size());
  for (const Command& command : Commands()) {
    std::string line = "  " + std::string(command.name);
    line.resize(width + 4, ' ');
    text += line + std::string(command.summary) + "\n";
  }
  return text + "\n" + std::string(program) +
         " COMMAND --help says more about each, with examples.\n"
         "Exit codes: 0 nothing found, 1 findings or differences, 2 an error of usage or "
         "reading.\n";
}

std::string CommandHelp(std::string_view program, const Command& command) {
  // The examples of a plugin are written as it is called.
  std::string help(command.help);
  for (std::size_t at = help.find("$ stockade"); at != std::string::npos;
       at = help.find("$ stockade", at + 1)) {
    help.replace(at + 2, 8, program);
  }
  return std::string(command.summary) + ".\n\nUsage: " + std::string(program) + " " +
         std::string(command.name) + " [options]" +
         (command.arguments.empty() ? "" : " " + std::string(command.arguments)) + "\n\n" + help +
         "\nOptions:\n" + FlagsHelp(command.flags);
}

int RunCommandLine(std::span<const char* const> arguments, const Environment& environment,
                   Console& console) {
  const std::string& program = environment.program;
  if (arguments.empty() || (arguments.size() == 1 && IsHelp(arguments[0]))) {
    console.out += ProgramHelp(program);
    return kExitClean;
  }
  const std::string_view first = arguments.front();
  if (first == "--version") return RunVersion({ParsedFlags(), environment, console});
  const bool asks_for_help = first == "help";
  if (asks_for_help) arguments = arguments.subspan(1);
  const Found found = FindCommand(arguments);
  if (found.command == nullptr) {
    return std::string_view(arguments.front()).starts_with('-')
               ? Usage(console, program, "options stand after the command")
               : UnknownCommand(console, program, arguments);
  }
  const auto flags = ParseCommandLine(arguments.subspan(found.words), found.command->flags);
  if (!flags.ok()) {
    return Usage(console, program + " " + std::string(found.command->name),
                 flags.status().message());
  }
  if (asks_for_help || flags->Has("help")) {
    console.out += CommandHelp(program, *found.command);
    return kExitClean;
  }
  if (found.command->arguments.empty() && !flags->arguments().empty()) {
    return Usage(console, program + " " + std::string(found.command->name),
                 "unexpected argument \"" + flags->arguments().front() + "\"");
  }
  return found.command->run({*flags, environment, console});
}

}  // namespace stockade::cli
