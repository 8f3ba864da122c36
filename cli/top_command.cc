#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/overview.h"

namespace stockade::cli {
namespace {

constexpr std::size_t kColumnsOfAPipe = 1000;
constexpr std::size_t kDecisions = 15;

constexpr std::array kFlags = {
    Flag{.name = "namespace",
         .value = "NAME",
         .help = "the sandboxes' (default: the context's)",
         .letter = 'n'},
    Flag{.name = "all-namespaces", .value = "", .help = "those of every namespace", .letter = 'A'},
    Flag{.name = "once", .value = "", .help = "print it once, as when it goes to a file or a pipe"},
    Flag{.name = "interval", .value = "SECONDS", .help = "between two looks (default: 2)"},
    kConfigFlag,
    kKubeconfigFlag,
    kContextFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Shows the sandboxes of a namespace and how they are: whether each is ready and its network "
    "shut,\n"
    "which controls are not in force, how much the rules have against it, and below what gateways "
    "have\n"
    "let through and refused of late. On a terminal it goes on until it is interrupted.\n"
    "\n"
    "It reads AgentSandboxes and the pods and logs of gateways with your own rights, no Secret, "
    "and\n"
    "writes nothing.\n"
    "\n"
    "Exit codes: 0 it was shown, 2 an error.\n"
    "\n"
    "Examples:\n"
    "  $ stockade top -n agents\n"
    "  $ stockade top -A --once\n";

struct Size {
  std::size_t columns;
  std::size_t rows;
};

Size SizeOfTerminal() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row < 2) {
    return {kColumnsOfAPipe, 0};
  }
  return {size.ws_col, size.ws_row};
}

// As many lines as a screen has, of which the last says what is missing.
std::string Cut(const std::string& text, std::size_t rows) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  if (rows == 0 || lines < rows) return text;
  std::size_t end = 0;
  for (std::size_t line = 0; line + 2 < rows; ++line) end = text.find('\n', end) + 1;
  return text.substr(0, end) + std::to_string(lines + 2 - rows) +
         " more lines; see them with --once, or name a namespace\n";
}

int Run(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  int interval = 2;
  if (flags.Has("interval")) {
    const std::string_view text = flags.Value("interval");
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), interval);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || interval < 1 ||
        interval > 3600) {
      return invocation.Fail("--interval must be a number of seconds from 1 to 3600");
    }
  }
  const auto config = LoadConfiguration(std::string(flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  const auto cluster = ConnectToCluster(invocation);
  if (!cluster.ok()) return invocation.Fail(cluster.status().message());
  const OverviewOptions options{
      .namespace_name = flags.Has("all-namespaces") ? "" : cluster->default_namespace,
      .decisions = kDecisions};
  const bool live = invocation.environment.terminal && !flags.Has("once");
  for (;;) {
    const codec::Json overview = ReadOverview(*cluster->client, options, config->facts);
    const Size size = SizeOfTerminal();
    const std::string text = TextOf(overview, size.columns, invocation.environment.colour);
    if (!live) {
      invocation.console.out += text;
      return overview["sandboxes"].empty() && !overview["problems"].empty() ? kExitError
                                                                            : kExitClean;
    }
    // From the top of an empty screen.
    invocation.environment.show("\x1b[H\x1b[2J" + Cut(text, size.rows));
    std::this_thread::sleep_for(std::chrono::seconds(interval));
  }
}

}  // namespace

Command TopCommand() {
  return {.name = "top",
          .arguments = "",
          .summary = "Show how the sandboxes in the cluster are, and what their gateways decide",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
