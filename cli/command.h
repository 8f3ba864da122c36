#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/flags.h"
#include "base/status.h"

// The commands of `stockade`: each is a function from a command line to an exit code and two texts,
// so that tests run them as a terminal does.
namespace stockade::cli {

inline constexpr int kExitClean = 0;     // nothing found, nothing differs
inline constexpr int kExitFindings = 1;  // something found, or something differs
inline constexpr int kExitError = 2;     // of usage, of reading, of the cluster

// What a command writes; printed when it ends.
struct Console {
  std::string out;
  std::string err;

  // "stockade: message" on standard error, in one line: a message may quote what manifests, files'
  // names and clusters say, and that must not reach a terminal as it is.
  void Tell(std::string_view message);
};

// What a command may know of the world besides files and the cluster.
struct Environment {
  std::string program = "stockade";  // as it was called: "kubectl stockade" for a plugin
  bool terminal = false;             // standard output is one
  bool colour = false;               // and may have colours: NO_COLOR is not set
  std::string home;                  // of the user; empty when there is none
  std::function<Result<std::string>()> read_stdin;
  std::function<void(std::string_view)>
      show;  // on standard output at once, before the command ends
};

struct Invocation {
  const ParsedFlags& flags;
  const Environment& environment;
  Console& console;

  // "stockade: message" on standard error; returns kExitError.
  [[nodiscard]] int Fail(std::string_view message) const;
};

struct Command {
  std::string_view name;       // one word, or two: "policy test"
  std::string_view arguments;  // what follows the options: "[FILE|DIR|-]..."
  std::string_view summary;    // one line
  std::string_view help;       // what it does, what the exit codes mean, examples
  std::span<const Flag> flags;
  int (*run)(const Invocation& invocation);
};

// Every command, in the order of the help.
[[nodiscard]] std::span<const Command> Commands();

// Runs the command that `arguments` name (the program's own name excluded).
int RunCommandLine(std::span<const char* const> arguments, const Environment& environment,
                   Console& console);

// The help of the whole program, and of one command.
[[nodiscard]] std::string ProgramHelp(std::string_view program);
[[nodiscard]] std::string CommandHelp(std::string_view program, const Command& command);

// One for each file of commands; the table in commands.cc joins them.
[[nodiscard]] Command LintCommand();
[[nodiscard]] Command RenderCommand();
[[nodiscard]] Command DiffCommand();
[[nodiscard]] Command ExplainCommand();
[[nodiscard]] Command ExplainSandboxCommand();
[[nodiscard]] Command PolicyTestCommand();
[[nodiscard]] Command ConvertCommand();
[[nodiscard]] Command ExportSandboxRuntimeCommand();
[[nodiscard]] Command ExportDockerCommand();
[[nodiscard]] Command AdviseCommand();
[[nodiscard]] Command TopCommand();
[[nodiscard]] Command DashboardCommand();
[[nodiscard]] Command CompletionCommand();

}  // namespace stockade::cli
