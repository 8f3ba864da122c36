#include "render/sandbox_runtime.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace stockade::render {
namespace {

using codec::Json;

// Where files of people and sockets of services are, on Linux and macOS: a sandbox in the cluster
// sees none of it. sandbox-runtime passes over those that a machine lacks.
constexpr std::array kHidden = {"~",    "/home",  "/root",  "/run",    "/srv",
                                "/mnt", "/media", "/Users", "/Volumes"};

// By which Anthropic's clients find their key.
constexpr std::string_view kAnthropicKey = "ANTHROPIC_API_KEY";

std::string EntryPath(std::string_view list, std::size_t index, std::string_view member = "") {
  return "spec.egress." + std::string(list) + "[" + std::to_string(index) + "]" +
         (member.empty() ? "" : "." + std::string(member));
}

// sandbox-runtime takes names with a dot, and wildcards with two labels behind the star.
bool IsExpressible(std::string_view host) {
  if (api::IsWildcardHost(host)) host.remove_prefix(2);
  return host.find('.') != std::string_view::npos;
}

class Exporter {
 public:
  Exporter(const api::AgentSandbox& sandbox, const std::map<std::string, std::string>& directories)
      : spec_(sandbox.spec), directories_(directories) {}

  SandboxRuntimeSettings Export() {
    Omit("spec.isolation",
         "the agent runs on this machine's own kernel, as you: sandbox-runtime is no boundary "
         "against an attack on the kernel");
    Omit("spec.podTemplate",
         "programs are this machine's, and memory, processor time and processes have no limit");
    AddNetwork();
    AddFiles();
    if (!spec_.ingress.empty() || !spec_.service_ports.empty()) {
      Omit(spec_.ingress.empty() ? "spec.service" : "spec.ingress",
           "nothing outside reaches a port of the agent's");
    }
    if (spec_.agent_settings) {
      Omit("spec.agentSettings",
           "Claude Code reads its managed settings where its own documentation says, on this "
           "machine too: `stockade render` shows them as an annotation of the pod");
    }
    return std::move(result_);
  }

 private:
  void Omit(std::string field, std::string meaning) {
    result_.unexpressed.push_back({std::move(field), std::move(meaning)});
  }

  void Allow(const std::string& host, std::int64_t port) {
    std::string domain = host + ":" + std::to_string(port);
    if (std::ranges::find(allowed_, domain) == allowed_.end())
      allowed_.push_back(std::move(domain));
  }

  void AddNetwork() {
    Json denied = Json::array();
    if (spec_.egress) {
      AddModel();
      for (std::size_t i = 0; i < spec_.egress->allow.size(); ++i) {
        AddAllowed(spec_.egress->allow[i], i);
      }
      for (std::size_t i = 0; i < spec_.egress->deny.size(); ++i) {
        AddDenied(spec_.egress->deny[i], i, denied);
      }
      if (spec_.egress->audit) {
        Omit("spec.egress.audit", "hosts that are not listed are refused, and not only told of");
      }
    }
    Json& network = result_.settings["network"];
    network = {{"allowedDomains", allowed_}, {"deniedDomains", denied}, {"strictAllowlist", true}};
    if (masked_.empty()) return;
    network["tlsTerminate"] = {{"excludeDomains", tunnelled_}};
    result_.settings["credentials"] = {{"envVars", masked_}};
  }

  void AddModel() {
    if (!spec_.egress->model) return;
    const api::EgressModel& model = *spec_.egress->model;
    const std::string host = api::ModelHost(model);
    Allow(host, api::kHttpsPort);
    if (model.provider == api::ModelProvider::kAnthropic && !model.credential.empty()) {
      masked_.push_back({{"name", kAnthropicKey}, {"mode", "mask"}, {"injectHosts", {host}}});
      Omit("spec.egress.model.credential",
           "set " + std::string(kAnthropicKey) +
               " where you start srt: the agent sees a stand-in, which its proxy replaces on the "
               "way to " +
               host);
      return;
    }
    Omit("spec.egress.model",
         "no credential is added on the way to " + host + ": the agent needs one of its own");
  }

  void AddAllowed(const api::EgressEntry& entry, std::size_t index) {
    const auto path = [index](std::string_view member) {
      return EntryPath("allow", index, member);
    };
    if (!IsExpressible(entry.host)) {
      Omit(path("host"), "sandbox-runtime takes no name of this form: it is refused");
      return;
    }
    for (const std::int64_t port : api::AllowedPorts(entry)) Allow(entry.host, port);
    if (entry.tls == api::TlsMode::kTunnel) tunnelled_.push_back(entry.host);
    if (api::IsWildcardHost(entry.host)) {
      Omit(path("host"), "\"" + entry.host + "\" is every name below it, at any depth");
    }
    if (!entry.methods.empty() || !entry.paths.empty()) {
      Omit(path(entry.methods.empty() ? "paths" : "methods"), "every method and path goes through");
    }
    if (!entry.credential.empty()) {
      Omit(path("credential"),
           "it is not added; have the tool read it from an environment variable, and name that in "
           "credentials.envVars with the mode \"mask\"");
    }
    if (!entry.private_ranges.empty()) {
      Omit(path("privateRanges"), "a private address is refused");
    }
  }

  void AddDenied(const api::EgressEntry& entry, std::size_t index, Json& denied) {
    if (!IsExpressible(entry.host)) {
      Omit(EntryPath("deny", index, "host"),
           "sandbox-runtime takes no name of this form; nothing that is allowed here has it");
      return;
    }
    if (entry.ports.empty()) denied.push_back(entry.host);
    for (const std::int64_t port : entry.ports) {
      denied.push_back(entry.host + ":" + std::to_string(port));
    }
  }

  void AddFiles() {
    Json writable = Json::array();
    Json read_only = Json::array();
    Json readable = Json::array();
    for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
      const api::Mount& mount = spec_.mounts[i];
      const auto given = directories_.find(mount.name);
      const std::string& directory = given == directories_.end() ? mount.mount_path : given->second;
      readable.push_back(directory);
      (mount.access == api::MountAccess::kReadOnly ? read_only : writable).push_back(directory);
      if (given == directories_.end() && mount.source != api::MountSource::kEmpty) {
        Omit("spec.mounts[" + std::to_string(i) + "]",
             "it is " + directory + " of this machine, as it is there; --directory " + mount.name +
                 "=DIR names another");
      }
      if (mount.access == api::MountAccess::kEphemeral) {
        Omit("spec.mounts[" + std::to_string(i) + "].access",
             "what is written to " + directory + " stays there");
      }
    }
    result_.settings["filesystem"] = {{"denyRead", kHidden},
                                      {"allowRead", readable},
                                      {"allowWrite", writable},
                                      {"denyWrite", read_only}};
  }

  const api::AgentSandboxSpec& spec_;
  const std::map<std::string, std::string>& directories_;
  SandboxRuntimeSettings result_;
  std::vector<std::string> allowed_;
  std::vector<std::string> tunnelled_;
  std::vector<Json> masked_;
};

}  // namespace

SandboxRuntimeSettings RenderSandboxRuntime(const api::AgentSandbox& sandbox,
                                            const std::map<std::string, std::string>& directories) {
  return Exporter(sandbox, directories).Export();
}

}  // namespace stockade::render
