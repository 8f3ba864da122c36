#include <algorithm>
#include <array>
#include <string>

#include "render/render.h"

namespace stockade::render {
namespace {

struct TierState {
  const char* state;
  const char* detail;
};

// One control with what it amounts to in each tier, by api::Isolation.
struct ControlRow {
  const char* name;
  std::array<TierState, 3> tiers;
};

constexpr const char* kEnforced = "Enforced";
constexpr const char* kDeclared = "Declared";
constexpr const char* kUnenforced = "Unenforced";

constexpr std::array<TierState, 3> InEveryTier(const char* state, const char* detail) {
  return {{{state, detail}, {state, detail}, {state, detail}}};
}

constexpr std::array kControls = {
    ControlRow{
        "NetworkDenyAll",
        InEveryTier(kDeclared,
                    "NetworkPolicy stockade-deny-all selects the pod and allows nothing; the "
                    "cluster's network plugin has to enforce it.")},
    ControlRow{
        "NoDNS",
        InEveryTier(kEnforced, "The pod's only name server is 127.0.0.1, where nothing answers.")},
    ControlRow{"NoServiceAccountToken",
               InEveryTier(kEnforced, "No service account token is mounted into the pod.")},
    ControlRow{
        "NonRoot",
        InEveryTier(kEnforced,
                    "Every container runs as an ordinary user, and the kubelet starts none as "
                    "root.")},
    ControlRow{"ReadOnlyRootFilesystem",
               InEveryTier(kEnforced, "The root filesystem of every container is read-only.")},
    ControlRow{"NoCapabilities",
               InEveryTier(kEnforced, "Every container runs without Linux capabilities.")},
    ControlRow{
        "NoPrivilegeEscalation",
        InEveryTier(kEnforced, "Set-user-ID programs give the agent no further privileges.")},
    ControlRow{
        "SeccompProfile",
        {{{kEnforced, "The pod's seccomp profile filters the agent's system calls."},
          {kUnenforced,
           "gVisor answers the agent's system calls itself and ignores the pod's seccomp profile."},
          {kDeclared,
           "The pod's seccomp profile applies inside the virtual machine only where the runtime's "
           "configuration enables it for guests."}}}},
    ControlRow{
        "AppArmorProfile",
        {{{kDeclared,
           "The container runtime applies its default AppArmor profile on nodes whose kernel has "
           "AppArmor."},
          {kUnenforced, "gVisor does not apply AppArmor profiles to the agent."},
          {kUnenforced, "The node's AppArmor profiles do not reach into the virtual machine."}}}},
    ControlRow{
        "ResourceLimits",
        {{{kEnforced, "CPU and memory limits hold for each container by its cgroup."},
          {kEnforced,
           "CPU and memory limits hold for the pod as a whole by its cgroup; its containers share "
           "them, since one gVisor sandbox runs them all."},
          {kEnforced,
           "CPU and memory limits hold for the pod as a whole by the size and the cgroup of its "
           "virtual machine."}}}},
    ControlRow{
        "EphemeralStorageLimit",
        {{{kEnforced,
           "The kubelet evicts the pod when it fills more local storage than its limits."},
          {kEnforced,
           "The kubelet evicts the pod when it fills more local storage than its limits."},
          {kDeclared,
           "The kubelet evicts the pod when it fills more local storage than its limits, but does "
           "not see what the runtime keeps inside the virtual machine."}}}},
    ControlRow{
        "ProcessLimit",
        {{{kDeclared,
           "The number of processes is limited on nodes whose kubelet sets podPidsLimit."},
          {kUnenforced,
           "The kubelet's podPidsLimit does not count the processes that gVisor runs in its own "
           "kernel."},
          {kUnenforced,
           "The kubelet's podPidsLimit does not count the processes inside the virtual "
           "machine."}}}},
    ControlRow{
        "NoExecScratch",
        InEveryTier(kUnenforced,
                    "Kubernetes mounts emptyDirs without noexec: what the agent writes to /tmp "
                    "or its home it can run.")},
};

// What spec.egress and spec.credentials ask for, where the operator makes no gateways: no list of a
// sandbox may look as if it had them.
constexpr ControlRow kEgressGateway = {
    "EgressGateway",
    InEveryTier(kUnenforced,
                "The operator's configuration has no section egress, so it makes no gateway: what "
                "spec.egress allows stays out of reach, like everything else.")};
constexpr ControlRow kCredentialsBrokered = {
    "CredentialsBrokered",
    InEveryTier(
        kUnenforced,
        "The operator's configuration has no section egress, so it makes no gateway: nothing "
        "uses spec.credentials, and their Secrets are mounted nowhere.")};

// A tunnel to a host whose provider serves others by the same addresses.
constexpr ControlRow kTunnelHost = {
    "TunnelHost",
    InEveryTier(kUnenforced,
                "In a tunnel (tls: Tunnel) the gateway judges the TLS name that the client shows. "
                "With Encrypted Client Hello another host of the same provider may be meant.")};

// What the agent keeps to by itself, and nothing makes it.
constexpr ControlRow kAgentPermissions = {
    "AgentPermissions",
    InEveryTier(kDeclared,
                "Claude Code keeps to the permission rules of its managed settings, which nothing "
                "in the sandbox can change; any other program there does not ask them.")};

Control RuntimeIsolation(api::Isolation isolation, const std::string& runtime_class) {
  const std::string name = "RuntimeIsolation";
  if (isolation == api::Isolation::kContainer) {
    return {name, kUnenforced,
            "The agent shares the node's kernel: the tier Container has no boundary beyond Linux "
            "namespaces, dropped privileges and seccomp."};
  }
  if (runtime_class.empty()) {
    return {name, kUnenforced,
            "The operator's configuration names no RuntimeClass for the tier " +
                std::string(api::IsolationName(isolation)) + "."};
  }
  const std::string boundary = isolation == api::Isolation::kGVisor
                                   ? "a kernel in user space answers the agent's system calls."
                                   : "the agent has a kernel of its own in a virtual machine.";
  return {name, kEnforced, "The pod runs under RuntimeClass " + runtime_class + ": " + boundary};
}

}  // namespace

std::vector<Control> Controls(const api::AgentSandbox& sandbox, const Profile& profile) {
  const api::Isolation isolation = sandbox.spec.isolation;
  std::vector<Control> controls = {RuntimeIsolation(isolation, profile.RuntimeClassFor(isolation))};
  const auto add = [&](const ControlRow& row) {
    const TierState& tier = row.tiers[static_cast<std::size_t>(isolation)];
    controls.push_back({row.name, tier.state, tier.detail});
  };
  for (const ControlRow& row : kControls) add(row);
  if (sandbox.spec.agent_settings) add(kAgentPermissions);
  if (profile.egress_gateways) {  // conditions say what became of them
    const bool tunnels = sandbox.spec.egress &&
                         std::ranges::any_of(sandbox.spec.egress->allow, [](const auto& entry) {
                           return entry.tls == api::TlsMode::kTunnel;
                         });
    if (tunnels) add(kTunnelHost);
    return controls;
  }
  if (sandbox.spec.egress) add(kEgressGateway);
  if (!sandbox.spec.credentials.empty()) add(kCredentialsBrokered);
  return controls;
}

}  // namespace stockade::render
