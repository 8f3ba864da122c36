#include "render/docker.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "api/quantity.h"
#include "render/agent_settings.h"
#include "render/egress_profile.h"
#include "render/envoy/envoy.h"
#include "render/envoy/paths.h"
#include "render/own_container.h"

namespace stockade::render {
namespace {

using codec::Json;

// What neither Kubernetes nor the pod bounds, and a container of a developer's machine should.
constexpr std::int64_t kAgentProcesses = 1024;
constexpr std::int64_t kProxyProcesses = 64;
constexpr std::int64_t kProxyMemoryBytes = 384 << 20;
constexpr std::size_t kNanoDigits = 9;
constexpr std::string_view kSocketDirectory = "/run/stockade";

// A word of the shell.
std::string Quoted(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

// A quantity as a decimal number; with `whole` without its fraction.
std::string Decimal(const std::string& quantity, bool whole) {
  const auto parsed = api::Quantity::Parse(quantity);
  if (!parsed.ok()) return {};
  std::string digits = parsed->ExactText();
  if (digits.size() <= kNanoDigits) digits.insert(0, kNanoDigits + 1 - digits.size(), '0');
  const std::size_t point = digits.size() - kNanoDigits;
  if (whole) return digits.substr(0, point);
  return digits.substr(0, point) + "." + digits.substr(point, 3);
}

// The sandbox's hosts as tunnels alone: without an authority that the agent trusts nobody can look
// into what it says to them.
EgressProfile TunnelProfile(const api::AgentSandbox& sandbox) {
  EgressProfile profile = MakeEgressProfile(*sandbox.spec.egress, sandbox.spec.credentials);
  for (Endpoint& endpoint : profile.endpoints) {
    endpoint.tls = api::TlsMode::kTunnel;
    endpoint.injection.reset();
  }
  profile.audit = false;
  return profile;
}

class Script {
 public:
  Script(const api::AgentSandbox& sandbox, const Json& pod,
         const std::map<std::string, std::string>& directories, const DockerFacts& facts)
      : sandbox_(sandbox),
        spec_(sandbox.spec),
        pod_(pod["spec"]),
        container_(pod_["containers"][0]),
        directories_(directories),
        facts_(facts),
        name_("stockade-" + sandbox.metadata.name) {}

  DockerScript Write() {
    OmitWhatIsNowhere();
    Line("#!/usr/bin/env bash");
    Line("# AgentSandbox " + sandbox_.metadata.name +
         " as a container. Written by `stockade export docker`.");
    Line("#");
    Line("# CONTAINER_ENGINE=docker    or podman");
    Line("# CONTAINER_RUNTIME=" + Runtime() + "    one of the engine's runtimes" +
         (spec_.isolation == api::Isolation::kGVisor ? "; gVisor's is runsc" : ""));
    Line("#");
    Line("# CONTAINER_USER=" + User() +
         "    $(id -u):$(id -g) where the agent writes to directories of yours");
    Line("#");
    Line("# Arguments are run in place of the agent's command. Exits as the agent does.");
    Line("set -euo pipefail");
    Line("engine=\"${CONTAINER_ENGINE:-docker}\"");
    Line("runtime=\"${CONTAINER_RUNTIME:-" + Runtime() + "}\"");
    Line("files=\"$(mktemp -d)\"");
    Line("chmod 755 \"$files\"");
    Line("clean_up() {");
    Line("  local container");
    Line("  for container in " + name_ + " " + name_ + "-sidecar " + name_ + "-gateway; do");
    Line("    \"$engine\" rm --force \"$container\" >/dev/null 2>&1 || true");
    Line("  done");
    Line("  rm -rf \"$files\"");
    Line("}");
    Line("trap clean_up EXIT");
    Line("");
    if (spec_.agent_settings) WriteFile(kManagedSettingsFile, ManagedSettings(sandbox_));
    if (spec_.egress) StartProxies();
    RunAgent();
    return std::move(result_);
  }

 private:
  void Line(const std::string& text) { result_.script += text + "\n"; }
  void Omit(std::string field, std::string meaning) {
    result_.unexpressed.push_back({std::move(field), std::move(meaning)});
  }

  [[nodiscard]] std::string Runtime() const {
    switch (spec_.isolation) {
      case api::Isolation::kGVisor:
        return "runsc";
      case api::Isolation::kMicroVM:
        return "kata";
      case api::Isolation::kContainer:
        break;
    }
    return "runc";
  }

  void WriteFile(std::string_view file, const Json& content) {
    Line("cat >\"$files/" + std::string(file) + "\" <<'END_OF_FILE'");
    Line(content.dump(1));
    Line("END_OF_FILE");
    Line("");
  }

  void OmitWhatIsNowhere() {
    const auto more = [&](const char* list, std::size_t from) {
      const auto found = pod_.find(list);
      for (std::size_t i = from; found != pod_.end() && i < found->size(); ++i) {
        Omit("spec.podTemplate.spec." + std::string(list) + "[" + std::to_string(i) + "]",
             "it is not run: the script has the first container alone");
      }
    };
    more("initContainers", 0);
    more("containers", 1);
    if (!spec_.ingress.empty()) Omit("spec.ingress", "nobody reaches a port of the agent's");
    if (!spec_.service_ports.empty()) Omit("spec.service", "nobody reaches a port of the agent's");
    for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}) {
      if (container_.contains(probe)) {
        Omit("spec.podTemplate.spec.containers[0]." + std::string(probe), "nobody runs it");
      }
    }
    if (!spec_.egress) return;
    if (spec_.egress->audit) {
      Omit("spec.egress.audit", "hosts that are not listed are refused, and not only told of");
    }
    if (spec_.egress->model && !spec_.egress->model->credential.empty()) {
      Omit("spec.egress.model.credential", "it is not added: the agent needs one of its own");
    }
    for (std::size_t i = 0; i < spec_.egress->allow.size(); ++i) {
      const api::EgressEntry& entry = spec_.egress->allow[i];
      const std::string path = "spec.egress.allow[" + std::to_string(i) + "].";
      if (!entry.methods.empty() || !entry.paths.empty()) {
        Omit(path + (entry.methods.empty() ? "paths" : "methods"),
             "every method and path goes through: what the agent says to a host is encrypted");
      }
      if (!entry.credential.empty()) {
        Omit(path + "credential", "it is not added: the agent needs one of its own");
      }
    }
  }

  // As in a pod: the sidecar has the agent's network, in which there is nothing but it, and hands
  // on to the gateway, by a socket that the agent does not see.
  void StartProxies() {
    const std::string socket = std::string(kSocketDirectory) + "/gateway";
    const EgressProfile profile = TunnelProfile(sandbox_);
    envoy::GatewayFacts gateway;
    gateway.socket = socket;
    envoy::SidecarFacts sidecar;
    sidecar.socket = socket;
    const std::string bootstrap(envoy::kBootstrapFile);
    WriteFile("gateway.json", envoy::RenderGateway(profile, gateway)[bootstrap]);
    WriteFile("sidecar.json", envoy::RenderSidecar(profile, sidecar)[bootstrap]);
    Line("mkdir -m 777 \"$files/socket\"");
    RunProxy("gateway", "");
    RunProxy("sidecar", " --network none");
    Line("");
  }

  void RunProxy(const std::string& which, const std::string& network) {
    const std::string config =
        std::string(envoy::kConfigDirectory) + "/" + std::string(envoy::kBootstrapFile);
    std::string arguments;
    for (const Json& word : EnvoyArgs()) arguments += " " + word.get<std::string>();
    Line("\"$engine\" run --detach --name " + name_ + "-" + which + network + " \\");
    Line("  --read-only --cap-drop ALL --security-opt no-new-privileges --user 65532:65532 \\");
    Line("  --memory " + std::to_string(kProxyMemoryBytes) + " --pids-limit " +
         std::to_string(kProxyProcesses) + " \\");
    Line("  --volume \"$files/" + which + ".json:" + config +
         ":ro\" --volume \"$files/socket:" + std::string(kSocketDirectory) + "\" \\");
    Line("  --entrypoint /usr/local/bin/envoy " + Quoted(facts_.proxy_image) + arguments +
         " >/dev/null");
  }

  void RunAgent() {
    // What the names and words have in them is data: each stands alone in its quotes.
    Line("agent=(--rm --interactive --init=false --name " + name_ + " --runtime \"$runtime\")");
    Line("[[ ! -t 0 ]] || agent+=(--tty)");
    if (spec_.egress) {
      Line("agent+=(--network container:" + name_ + "-sidecar)");
      const std::string proxy = "http://127.0.0.1:" + std::to_string(envoy::kSidecarPort);
      for (const char* variable : {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"}) {
        Line(std::string("agent+=(--env ") + variable + "=" + proxy + ")");
      }
      Line("agent+=(--env NO_PROXY=localhost,127.0.0.1 --env no_proxy=localhost,127.0.0.1)");
      Line("agent+=(--env NODE_USE_ENV_PROXY=1)");
    } else {
      Line("agent+=(--network none)");
    }
    Line("agent+=(--read-only --cap-drop ALL --security-opt no-new-privileges)");
    Line("agent+=(--user \"${CONTAINER_USER:-" + User() + "}\")");
    AddLimits();
    AddVariables();
    AddMounts();
    if (spec_.agent_settings) {
      Line("agent+=(--volume \"$files/" + std::string(kManagedSettingsFile) + ":" +
           std::string(kAgentSettingsDirectory) + "/" + std::string(kManagedSettingsFile) +
           ":ro\")");
    }
    if (container_.contains("workingDir")) {
      Line("agent+=(--workdir " + Quoted(container_["workingDir"].get<std::string>()) + ")");
    }
    AddCommand();
  }

  [[nodiscard]] std::string User() const {
    const Json& of_pod = pod_["securityContext"];
    const Json of_container = container_.value("securityContext", Json::object());
    const auto id = [&](const char* field) {
      return of_container.value(field, of_pod.value(field, std::int64_t{0}));
    };
    return std::to_string(id("runAsUser")) + ":" + std::to_string(id("runAsGroup"));
  }

  void AddLimits() {
    const Json limits = container_["resources"].value("limits", Json::object());
    std::string flags;
    if (limits.contains("cpu")) {
      flags += " --cpus " + Decimal(limits["cpu"].get<std::string>(), /*whole=*/false);
    }
    if (limits.contains("memory")) {
      const std::string bytes = Decimal(limits["memory"].get<std::string>(), /*whole=*/true);
      flags += " --memory " + bytes + " --memory-swap " + bytes;
    }
    Line("agent+=(--pids-limit " + std::to_string(kAgentProcesses) + flags + ")");
    if (limits.contains("ephemeral-storage")) {
      Omit("spec.podTemplate.spec.containers[0].resources.limits.ephemeral-storage",
           "what the agent writes to directories of this machine has no limit; its own are in "
           "memory, and have theirs");
    }
  }

  void AddVariables() {
    const Json variables = container_.value("env", Json::array());
    for (std::size_t i = 0; i < variables.size(); ++i) {
      const Json& variable = variables[i];
      const std::string name = variable["name"].get<std::string>();
      if (!variable.contains("valueFrom")) {
        Line("agent+=(--env " + Quoted(name + "=" + variable.value("value", std::string())) + ")");
        continue;
      }
      Omit("spec.podTemplate.spec.containers[0].env[" + std::to_string(i) + "].valueFrom",
           "the variable " + name + " is not set");
    }
  }

  // Directories in memory for what the pod has in emptyDirs, and those of the machine.
  void AddMounts() {
    std::map<std::string, std::string> sizes;  // of emptyDirs, by volume
    std::set<std::string> empty;
    for (const Json& volume : pod_.value("volumes", Json::array())) {
      if (!volume.contains("emptyDir")) continue;
      const std::string name = volume["name"].get<std::string>();
      empty.insert(name);
      if (volume["emptyDir"].contains("sizeLimit")) {
        sizes[name] = Decimal(volume["emptyDir"]["sizeLimit"].get<std::string>(), /*whole=*/true);
      }
    }
    std::set<std::string> given;
    for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
      const api::Mount& mount = spec_.mounts[i];
      const auto directory = directories_.find(mount.name);
      if (directory != directories_.end()) {
        const bool writable = mount.access != api::MountAccess::kReadOnly;
        given.insert(mount.mount_path);
        Line("agent+=(--volume " +
             Quoted(directory->second + ":" + mount.mount_path + (writable ? ":rw" : ":ro")) + ")");
        if (mount.access == api::MountAccess::kEphemeral) {
          Omit("spec.mounts[" + std::to_string(i) + "].access",
               "what is written to " + directory->second + " stays there");
        }
      } else if (mount.source != api::MountSource::kEmpty) {
        Omit("spec.mounts[" + std::to_string(i) + "]",
             mount.mount_path + " is an empty directory; --directory " + mount.name +
                 "=DIR names one of this machine");
      }
    }
    for (const Json& mount : container_.value("volumeMounts", Json::array())) {
      const std::string path = mount["mountPath"].get<std::string>();
      const std::string volume = mount["name"].get<std::string>();
      if (given.contains(path) || volume == kAgentSettingsVolume) continue;
      if (!empty.contains(volume) && !IsOfSpec(path)) {
        Omit("spec.podTemplate.spec.volumes", path + " is an empty directory");
      }
      const auto size = sizes.find(volume);
      Line("agent+=(--tmpfs " +
           Quoted(path + ":rw,nosuid,nodev,exec,mode=1777" +
                  (size == sizes.end() ? std::string() : ",size=" + size->second)) +
           ")");
    }
  }

  [[nodiscard]] bool IsOfSpec(const std::string& path) const {
    return std::ranges::find(spec_.mounts, path, &api::Mount::mount_path) != spec_.mounts.end();
  }

  void AddCommand() {
    const Json command = container_.value("command", Json::array());
    const Json args = container_.value("args", Json::array());
    Line("command=()");
    for (std::size_t i = 1; i < command.size(); ++i) AddWord(command[i]);
    for (const Json& word : args) AddWord(word);
    if (!command.empty()) {
      Line("entrypoint=(--entrypoint " + Quoted(command[0].get<std::string>()) + ")");
    } else {
      Line("entrypoint=()");
    }
    Line("if (($# > 0)); then");
    Line("  entrypoint=(--entrypoint \"$1\") command=(\"${@:2}\")");
    Line("fi");
    Line("\"$engine\" run \"${agent[@]}\" \"${entrypoint[@]}\" " +
         Quoted(container_["image"].get<std::string>()) + " \"${command[@]}\"");
  }

  void AddWord(const Json& word) { Line("command+=(" + Quoted(word.get<std::string>()) + ")"); }

  const api::AgentSandbox& sandbox_;
  const api::AgentSandboxSpec& spec_;
  const Json& pod_;
  const Json& container_;
  const std::map<std::string, std::string>& directories_;
  const DockerFacts& facts_;
  const std::string name_;
  DockerScript result_;
};

}  // namespace

DockerScript RenderDocker(const api::AgentSandbox& sandbox, const codec::Json& pod,
                          const std::map<std::string, std::string>& directories,
                          const DockerFacts& facts) {
  return Script(sandbox, pod, directories, facts).Write();
}

}  // namespace stockade::render
