#include <algorithm>
#include <array>
#include <string>

#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for what a securityContext grants beyond a user: privileges, capabilities and the
// confinement by seccomp, AppArmor and SELinux.
namespace stockade::policy {
namespace {

using codec::JsonView;

void CheckPrivilegedContainer(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    if (IsSetAndNot(c.security.privileged, false)) {
      report.Add(c.Path("securityContext.privileged"),
                 "privileged is " + Quote(c.security.privileged) +
                     ": a privileged container is root on the node");
    }
  }
}

void CheckPrivilegeEscalation(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    const JsonView escalation = c.security.allowPrivilegeEscalation;
    if (IsSetAndNot(escalation, false) || (s.rendered() && escalation.IsUnset())) {
      report.Add(c.Path("securityContext.allowPrivilegeEscalation"),
                 "allowPrivilegeEscalation is " + Quote(escalation) +
                     ": a set-uid program could give the agent more rights than it started with");
    }
  }
}

bool DropsAll(JsonView capabilities) {
  bool all = false;
  capabilities["drop"].ForEachElement(
      [&all](std::size_t, JsonView name) { all = all || name.AsString() == "ALL"; });
  return all;
}

void CheckAddedCapability(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    const JsonView added = c.security.capabilities["add"];
    if (!added.IsUnset() && !added.IsArray()) {
      report.Add(c.Path("securityContext.capabilities.add"), "add is no list of capabilities");
    }
    added.ForEachElement([&](std::size_t index, JsonView name) {
      report.Add(c.Path("securityContext.capabilities.add", index),
                 "capability " + Quote(name) + " is added");
    });
    if (s.rendered() && !DropsAll(c.security.capabilities)) {
      report.Add(c.Path("securityContext.capabilities.drop"), "capabilities are not dropped",
                 "drop ALL");
    }
  }
}

void CheckWritableRootFilesystem(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    const JsonView read_only = c.security.readOnlyRootFilesystem;
    if (IsSetAndNot(read_only, true) || (s.rendered() && read_only.IsUnset())) {
      report.Add(c.Path("securityContext.readOnlyRootFilesystem"),
                 "readOnlyRootFilesystem is " + Quote(read_only) +
                     ": the agent could replace its own tools");
    }
  }
}

void CheckProcMount(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    if (!c.security.procMount.IsUnset() && c.security.procMount.AsString() != "Default") {
      report.Add(c.Path("securityContext.procMount"),
                 "procMount is " + Quote(c.security.procMount) +
                     ": it uncovers files of /proc that belong to the kernel");
    }
  }
}

// A profile of the node by its name. Without one it once ran unconfined, and "unconfined" is what
// AppArmor calls having no profile.
bool IsProfileName(std::string_view name) { return !name.empty() && name != "unconfined"; }

template <typename Path>
void CheckProfile(JsonView profile, Path&& path, Report& report) {
  if (profile.IsUnset()) return;
  const std::string_view type = profile["type"].StringOrEmpty();
  if (type == "Localhost") {
    const JsonView name = profile["localhostProfile"];
    if (!IsProfileName(name.StringOrEmpty())) {
      report.Add(path() + ".localhostProfile",
                 "type is Localhost, but localhostProfile is " + Quote(name));
    }
  } else if (type != "RuntimeDefault") {
    report.Add(path() + ".type", "type is " + Quote(profile["type"]));
  }
}

void CheckUnconfinedSeccomp(const Subject& s, Report& report) {
  CheckProfile(
      s.security.seccompProfile, [&s] { return s.Path("securityContext.seccompProfile"); }, report);
  if (s.rendered() && s.security.seccompProfile.IsUnset()) {
    report.Add(s.Path("securityContext.seccompProfile"), "no seccomp profile is set");
  }
  for (const Container& c : s.containers) {
    CheckProfile(
        c.security.seccompProfile, [&c] { return c.Path("securityContext.seccompProfile"); },
        report);
  }
}

constexpr std::string_view kAppArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/";

void CheckUnconfinedAppArmor(const Subject& s, Report& report) {
  CheckProfile(
      s.security.appArmorProfile, [&s] { return s.Path("securityContext.appArmorProfile"); },
      report);
  for (const Container& c : s.containers) {
    CheckProfile(
        c.security.appArmorProfile, [&c] { return c.Path("securityContext.appArmorProfile"); },
        report);
  }
  s.pod.metadata()["annotations"].ForEachMember([&](std::string_view key, JsonView value) {
    if (!key.starts_with(kAppArmorAnnotation)) return;
    const std::string_view profile = value.StringOrEmpty();
    constexpr std::string_view kLocalhost = "localhost/";
    if (profile == "runtime/default") return;
    if (profile.starts_with(kLocalhost) && IsProfileName(profile.substr(kLocalhost.size()))) return;
    report.Add(s.pod.Path(KeyedPath("metadata.annotations", key)),
               "the AppArmor profile is " + Quote(value));
  });
}

constexpr std::array<std::string_view, 5> kSelinuxTypes = {"", "container_t", "container_init_t",
                                                           "container_kvm_t", "container_engine_t"};

template <typename Path>
void CheckSelinux(JsonView options, Path&& path, Report& report) {
  if (options.IsUnset()) return;
  const JsonView type = options["type"];
  if (!type.IsUnset() &&
      std::ranges::find(kSelinuxTypes, type.AsString().value_or("?")) == kSelinuxTypes.end()) {
    report.Add(path() + ".type", "the SELinux type is " + Quote(type));
  }
  for (const std::string_view field : {"user", "role"}) {
    if (IsNonEmptyString(options[field])) {
      report.Add(path() + "." + std::string(field),
                 "the SELinux " + std::string(field) + " is " + Quote(options[field]));
    }
  }
}

void CheckSelinuxOptions(const Subject& s, Report& report) {
  CheckSelinux(
      s.security.seLinuxOptions, [&s] { return s.Path("securityContext.seLinuxOptions"); }, report);
  for (const Container& c : s.containers) {
    CheckSelinux(
        c.security.seLinuxOptions, [&c] { return c.Path("securityContext.seLinuxOptions"); },
        report);
  }
}

// The safe set of the Pod Security Standards, in version 1.32 and later.
constexpr std::array<std::string_view, 12> kSafeSysctls = {
    "kernel.shm_rmid_forced",           "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",        "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",     "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",      "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",          "net.ipv4.tcp_wmem"};

void CheckUnsafeSysctl(const Subject& s, Report& report) {
  s.security.sysctls.ForEachElement([&](std::size_t index, JsonView sysctl) {
    const std::string_view name = sysctl["name"].StringOrEmpty();
    if (std::ranges::find(kSafeSysctls, name) == kSafeSysctls.end()) {
      report.Add(s.Path("securityContext.sysctls", index, "name"),
                 "sysctl " + Quote(name) + " is outside the safe set");
    }
    // A "+" in a value once ended in another program's arguments.
    if (sysctl["value"].StringOrEmpty().find('+') != std::string_view::npos) {
      report.Add(s.Path("securityContext.sysctls", index, "value"),
                 "the value " + Quote(sysctl["value"]) + " holds a \"+\"");
    }
  });
}

constexpr std::array kRules = {
    Rule{.code = "PrivilegedContainer",
         .check = CheckPrivilegedContainer,
         .fields = "every container's securityContext.privileged",
         .summary = "A privileged container is root on the node: it has every device and every "
                    "capability, and nothing confines it.",
         .remedy = "remove the field",
         .references = {.pod_security = "Privileged Containers",
                        .kubescape = "C-0057",
                        .principle = Principle::kIsolation}},
    Rule{.code = "PrivilegeEscalation",
         .check = CheckPrivilegeEscalation,
         .fields = "every container's securityContext.allowPrivilegeEscalation",
         .summary = "No process gains more rights than its container started with.",
         .remedy = "remove the field, which the operator sets to false",
         .references = {.pod_security = "Privilege Escalation",
                        .cve = "CVE-2021-4034",
                        .kubescape = "C-0016",
                        .principle = Principle::kLeastPrivilege}},
    Rule{.code = "AddedCapability",
         .check = CheckAddedCapability,
         .fields = "every container's securityContext.capabilities",
         .summary = "No capability is granted, not even NET_BIND_SERVICE: a port above 1023 does "
                    "the same, and NET_RAW or SYS_ADMIN are half of an escape.",
         .remedy = "remove it: no capability is granted",
         .references = {.pod_security = "Capabilities",
                        .cve = "CVE-2020-14386, CVE-2022-0492",
                        .kubescape = "C-0046",
                        .principle = Principle::kLeastPrivilege}},
    Rule{.code = "WritableRootFilesystem",
         .check = CheckWritableRootFilesystem,
         .fields = "every container's securityContext.readOnlyRootFilesystem",
         .summary = "The root filesystem is read-only, so that an agent cannot replace its own "
                    "tools or leave something behind for the next run.",
         .remedy = "remove the field, and give what must be written a mount with access Ephemeral",
         .references = {.kubescape = "C-0017", .principle = Principle::kDefenceInDepth}},
    Rule{.code = "ProcMount",
         .check = CheckProcMount,
         .fields = "every container's securityContext.procMount",
         .summary = "The covered parts of /proc reach the node's kernel.",
         .remedy = "remove the field, or write Default",
         .references = {.pod_security = "/proc Mount Type",
                        .cve = "CVE-2025-31133",
                        .principle = Principle::kIsolation}},
    Rule{.code = "UnconfinedSeccomp",
         .check = CheckUnconfinedSeccomp,
         .fields = "seccompProfile of the pod and of every container",
         .summary = "Without a seccomp profile every system call of the kernel is within reach. A "
                    "Localhost profile must have a name.",
         .remedy = "remove the profile, or use RuntimeDefault or a named Localhost profile",
         .references = {.pod_security = "Seccomp",
                        .cve = "CVE-2023-2431",
                        .kubescape = "C-0210",
                        .principle = Principle::kDefenceInDepth}},
    Rule{.code = "UnconfinedAppArmor",
         .check = CheckUnconfinedAppArmor,
         .fields = "appArmorProfile of the pod and of every container, and its old annotations",
         .summary = "AppArmor, where the node has it, stays on.",
         .remedy = "remove the profile, or use RuntimeDefault or a named Localhost profile",
         .references = {.pod_security = "AppArmor", .principle = Principle::kDefenceInDepth}},
    Rule{.code = "SELinuxOptions",
         .check = CheckSelinuxOptions,
         .fields = "seLinuxOptions of the pod and of every container",
         .summary = "Another SELinux user, role or type than those of containers would lift what "
                    "SELinux confines.",
         .remedy = "remove user and role, and use no type or one of container_t, "
                   "container_init_t, container_kvm_t, container_engine_t",
         .references = {.pod_security = "SELinux", .principle = Principle::kDefenceInDepth}},
    Rule{.code = "UnsafeSysctl",
         .check = CheckUnsafeSysctl,
         .fields = "sysctls",
         .summary = "A sysctl outside the safe set of the Pod Security Standards may change the "
                    "kernel for every pod of the node.",
         .remedy = "remove it, or use one of the safe set of the Pod Security Standards",
         .references = {.pod_security = "Sysctls",
                        .cve = "CVE-2022-0811",
                        .principle = Principle::kIsolation}},
};

}  // namespace

std::span<const Rule> SecurityContextRules() { return kRules; }

}  // namespace stockade::policy
