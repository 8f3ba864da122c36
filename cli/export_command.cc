#include <array>
#include <map>
#include <string>
#include <utility>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/sandboxes.h"
#include "render/sandbox_runtime.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "directory",
         .value = "NAME=DIR",
         .help = "the directory that a mount is here (default: its mountPath); may be repeated",
         .letter = 'd',
         .repeated = true},
    kFilenameFlag,
    kNamespaceFlag,
    kConfigFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Prints an AgentSandbox as the settings of sandbox-runtime, with which a developer runs the "
    "agent on a\n"
    "machine of their own: the same hosts, read-only and writable directories, and nothing else of "
    "the home\n"
    "directory. What sandbox-runtime cannot express is named on standard error, a line for each "
    "field; it\n"
    "confines a process, and is no tier of spec.isolation.\n"
    "\n"
    "Exit codes: 0 it was written, 1 the rules refuse the sandbox, 2 something could not be read "
    "or the\n"
    "command line is wrong.\n"
    "\n"
    "Examples:\n"
    "  # the sandbox's workspace is the directory of this repository\n"
    "  $ stockade export sandbox-runtime -d workspace=$PWD sandbox.yaml >settings.json\n"
    "  $ srt --settings settings.json -c 'npm test'\n";

// The mounts' directories, or what is wrong with the options.
Result<std::map<std::string, std::string>> ReadDirectories(const ParsedFlags& flags,
                                                           const api::AgentSandbox& sandbox) {
  std::map<std::string, std::string> directories;
  for (const std::string& text : flags.Values("directory")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || text.substr(equals + 1, 1) != "/") {
      return Status(
          StatusCode::kBadRequest,
          "--directory must be NAME=DIR with an absolute directory, not \"" + text + "\"");
    }
    std::string name = text.substr(0, equals);
    std::string mounts;
    bool found = false;
    for (const api::Mount& mount : sandbox.spec.mounts) {
      found = found || mount.name == name;
      mounts += (mounts.empty() ? "" : ", ") + mount.name;
    }
    if (!found) {
      return Status(StatusCode::kBadRequest,
                    "--directory " + text + ": the sandbox has no mount of that name; it has " +
                        (mounts.empty() ? "none" : mounts));
    }
    directories[std::move(name)] = text.substr(equals + 1);
  }
  return directories;
}

int Run(const Invocation& invocation) {
  const auto config = LoadConfiguration(std::string(invocation.flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  LintOptions options{.facts = config->facts};
  if (Status status = ReadNamespace(invocation.flags, options.default_namespace); !status.ok()) {
    return invocation.Fail(status.message());
  }
  int exit_code = kExitClean;
  const auto sandboxes = AcceptSandboxes(invocation, options, exit_code);
  if (exit_code != kExitClean) return exit_code;
  if (sandboxes.size() != 1) {
    return invocation.Fail("there are " + std::to_string(sandboxes.size()) +
                           " AgentSandboxes in the input; a file of settings is for one");
  }
  const api::AgentSandbox& sandbox = sandboxes.front().sandbox;
  const auto directories = ReadDirectories(invocation.flags, sandbox);
  if (!directories.ok()) return invocation.Fail(directories.status().message());
  const auto exported = render::RenderSandboxRuntime(sandbox, *directories);
  for (const render::Unexpressed& each : exported.unexpressed) {
    invocation.console.Tell("not in the settings: " + each.field + ": " + each.meaning);
  }
  invocation.console.out += exported.settings.dump(2) + "\n";
  return kExitClean;
}

}  // namespace

Command ExportSandboxRuntimeCommand() {
  return {.name = "export sandbox-runtime",
          .arguments = "FILE|-...",
          .summary = "Print a sandbox as settings of sandbox-runtime",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
