#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/sandboxes.h"
#include "render/docker.h"
#include "render/render.h"
#include "render/sandbox_runtime.h"

namespace stockade::cli {
namespace {

constexpr Flag kDirectoryFlag = {
    .name = "directory",
    .value = "NAME=DIR",
    .help = "the directory of this machine that a mount is; may be repeated",
    .letter = 'd',
    .repeated = true};

constexpr std::array kFlags = {
    kDirectoryFlag, kFilenameFlag, kNamespaceFlag, kConfigFlag, kHelpFlag,
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

// What an export is made from.
struct Exported {
  sandbox_operator::OperatorConfig config;
  api::AgentSandbox sandbox;
  std::map<std::string, std::string> directories;
};

// Nothing, with the exit code in `exit_code`, where the command ends.
std::optional<Exported> ReadExported(const Invocation& invocation, int& exit_code) {
  const auto fail = [&](const std::string& message) {
    exit_code = invocation.Fail(message);
    return std::nullopt;
  };
  auto config = LoadConfiguration(std::string(invocation.flags.Value("config")));
  if (!config.ok()) return fail(config.status().message());
  LintOptions options{.facts = config->facts};
  if (Status status = ReadNamespace(invocation.flags, options.default_namespace); !status.ok()) {
    return fail(status.message());
  }
  exit_code = kExitClean;
  auto sandboxes = AcceptSandboxes(invocation, options, Sandboxes::kThemselves, exit_code);
  if (exit_code != kExitClean) return std::nullopt;
  if (sandboxes.size() != 1) {
    return fail("there are " + std::to_string(sandboxes.size()) +
                " AgentSandboxes in the input; an export is of one");
  }
  auto directories = ReadDirectories(invocation.flags, sandboxes.front().sandbox);
  if (!directories.ok()) return fail(directories.status().message());
  return Exported{std::move(config).value(), std::move(sandboxes.front().sandbox),
                  std::move(directories).value()};
}

void TellUnexpressed(const Invocation& invocation, const char* where,
                     const std::vector<render::Unexpressed>& unexpressed) {
  for (const render::Unexpressed& each : unexpressed) {
    invocation.console.Tell(std::string("not in the ") + where + ": " + each.field + ": " +
                            each.meaning);
  }
}

int RunSandboxRuntime(const Invocation& invocation) {
  int exit_code = kExitClean;
  const auto read = ReadExported(invocation, exit_code);
  if (!read) return exit_code;
  const auto exported = render::RenderSandboxRuntime(read->sandbox, read->directories);
  TellUnexpressed(invocation, "settings", exported.unexpressed);
  invocation.console.out += exported.settings.dump(2) + "\n";
  return kExitClean;
}

// ---- docker

constexpr std::array kDockerFlags = {
    kDirectoryFlag,
    Flag{.name = "proxy-image",
         .value = "IMAGE",
         .help =
             "with Envoy 1.40 in /usr/local/bin (default: that of --config, or envoyproxy/envoy)"},
    kFilenameFlag,
    kNamespaceFlag,
    kConfigFlag,
    kHelpFlag,
};

constexpr std::string_view kDockerHelp =
    "Prints an AgentSandbox as a script that runs its agent by Docker or podman: without "
    "capabilities, with a\n"
    "root that is read-only, limits, and no network but two proxies, by which it reaches the hosts "
    "of\n"
    "spec.egress. What of the sandbox is not in the script is named on standard error, a line for "
    "each field:\n"
    "above all no credential is added to what the agent sends.\n"
    "\n"
    "Exit codes: 0 it was written, 1 the rules refuse the sandbox, 2 something could not be read "
    "or the\n"
    "command line is wrong.\n"
    "\n"
    "Examples:\n"
    "  # the agent, at work on the directory of this repository, under gVisor\n"
    "  $ stockade export docker -d workspace=$PWD sandbox.yaml >agent.sh\n"
    "  $ bash agent.sh\n"
    "\n"
    "  # a shell in its place, by podman and runc\n"
    "  $ CONTAINER_ENGINE=podman CONTAINER_RUNTIME=runc bash agent.sh bash\n";

constexpr const char* kDefaultProxyImage = "envoyproxy/envoy:v1.40.0";

int RunDocker(const Invocation& invocation) {
  int exit_code = kExitClean;
  const auto read = ReadExported(invocation, exit_code);
  if (!read) return exit_code;
  render::DockerFacts facts{std::string(invocation.flags.Value("proxy-image"))};
  if (facts.proxy_image.empty() && read->config.egress.enabled) {
    facts.proxy_image = read->config.egress.settings.proxy_image;
  }
  if (facts.proxy_image.empty()) facts.proxy_image = kDefaultProxyImage;
  const codec::Json pod = render::Render(read->sandbox, read->config.profile, std::nullopt).pod;
  const auto exported = render::RenderDocker(read->sandbox, pod, read->directories, facts);
  TellUnexpressed(invocation, "script", exported.unexpressed);
  invocation.console.out += exported.script;
  return kExitClean;
}

}  // namespace

Command ExportSandboxRuntimeCommand() {
  return {.name = "export sandbox-runtime",
          .arguments = "FILE|-...",
          .summary = "Print a sandbox as settings of sandbox-runtime",
          .help = kHelp,
          .flags = kFlags,
          .run = RunSandboxRuntime};
}

Command ExportDockerCommand() {
  return {.name = "export docker",
          .arguments = "FILE|-...",
          .summary = "Print a sandbox as a script for Docker or podman",
          .help = kDockerHelp,
          .flags = kDockerFlags,
          .run = RunDocker};
}

}  // namespace stockade::cli
