#include <array>
#include <string>

#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for fields of the PodSpec itself: the pod's namespaces, its names and its end.
namespace stockade::policy {
namespace {

using codec::JsonView;

constexpr std::int64_t kMaxGracePeriodSeconds = 60;
constexpr std::string_view kLoopback = "127.0.0.1";

void CheckHostNamespace(const Subject& s, Report& report) {
  if (IsSetAndNot(s.spec.hostNetwork, false)) {
    report.Add(s.Path("hostNetwork"),
               "hostNetwork is set: no network policy applies in the node's network namespace");
  }
  if (IsSetAndNot(s.spec.hostPID, false)) {
    report.Add(s.Path("hostPID"), "hostPID is set: the agent would see every process of the node");
  }
  if (IsSetAndNot(s.spec.hostIPC, false)) {
    report.Add(s.Path("hostIPC"), "hostIPC is set: the agent would share memory with the node");
  }
}

void CheckSharedProcessNamespace(const Subject& s, Report& report) {
  if (IsSetAndNot(s.spec.shareProcessNamespace, false)) {
    report.Add(s.Path("shareProcessNamespace"),
               "shareProcessNamespace is set: the agent could read the memory, the environment and "
               "the files of every other container of its pod");
  }
}

void CheckUserNamespaceConflict(const Subject& s, Report& report) {
  if (s.spec.hostUsers.IsUnset()) return;
  const bool own_namespace = s.spec.hostUsers.AsBool() == false;
  if (!own_namespace) {
    report.Add(s.Path("hostUsers"), "hostUsers is " + Quote(s.spec.hostUsers) +
                                        ": it keeps the pod in the node's user namespace");
  } else if (!s.rendered() && s.sandbox->spec.isolation != api::Isolation::kContainer) {
    report.Add(s.Path("hostUsers"),
               "hostUsers is false, which the kubelet refuses for the runtime of isolation " +
                   std::string(api::IsolationName(s.sandbox->spec.isolation)));
  }
}

void CheckWindowsPod(const Subject& s, Report& report) {
  const JsonView os_name = s.spec.os["name"];
  if (!os_name.IsUnset() && os_name.AsString() != "linux") {
    report.Add(s.Path("os.name"), "os.name is " + Quote(os_name));
  }
  if (!s.security.windowsOptions.IsUnset()) {
    report.Add(s.Path("securityContext.windowsOptions"), "windowsOptions are set");
  }
  for (const Container& c : s.containers) {
    if (!c.security.windowsOptions.IsUnset()) {
      report.Add(c.Path("securityContext.windowsOptions"), "windowsOptions are set");
    }
  }
}

void CheckRuntimeClassOverride(const Subject& s, Report& report) {
  const JsonView name = s.spec.runtimeClassName;
  if (!s.rendered()) {
    if (!name.IsUnset()) {
      report.Add(s.Path("runtimeClassName"), "runtimeClassName is " + Quote(name) +
                                                 ", but the RuntimeClass follows from "
                                                 "spec.isolation");
    }
    return;
  }
  const bool matches =
      s.runtime_class.empty() ? name.IsUnset() : name.AsString() == s.runtime_class;
  if (!matches) {
    report.Add(s.Path("runtimeClassName"),
               "runtimeClassName is " + Quote(name) + " instead of " + Quote(s.runtime_class),
               "render the pod with the RuntimeClass of its isolation");
  }
}

void CheckServiceLinks(const Subject& s, Report& report) {
  const JsonView links = s.spec.enableServiceLinks;
  if (IsSetAndNot(links, false) || (s.rendered() && links.IsUnset())) {
    report.Add(s.Path("enableServiceLinks"),
               "enableServiceLinks is " + Quote(links) +
                   ": the environment would list every Service of the namespace");
  }
}

bool IsLoopbackOnly(JsonView dns_config) {
  const JsonView servers = dns_config["nameservers"];
  std::size_t loopback = 0;
  servers.ForEachElement([&loopback](std::size_t, JsonView server) {
    if (server.AsString() == kLoopback) ++loopback;
  });
  return servers.IsArray() && servers.size() == 1 && loopback == 1 &&
         !HasElements(dns_config["searches"]);
}

void CheckDnsOverride(const Subject& s, Report& report) {
  const JsonView policy = s.spec.dnsPolicy;
  const JsonView config = s.spec.dnsConfig;
  if (policy.IsUnset() ? s.rendered() : policy.AsString() != "None") {
    report.Add(s.Path("dnsPolicy"), "dnsPolicy is " + Quote(policy) +
                                        ", but a sandbox resolves no names: its egress gateway "
                                        "does that");
  }
  if (config.IsUnset() ? s.rendered() : !IsLoopbackOnly(config)) {
    report.Add(
        s.Path("dnsConfig"),
        std::string("dnsConfig is not the operator's, which names only ") + std::string(kLoopback));
  }
}

void CheckHostAliases(const Subject& s, Report& report) {
  if (HasElements(s.spec.hostAliases)) {
    report.Add(s.Path("hostAliases"),
               "hostAliases give names to addresses that no egress rule has judged");
  }
}

void CheckHostnameFields(const Subject& s, Report& report) {
  const std::array<std::pair<std::string_view, JsonView>, 3> names = {
      {{"hostname", s.spec.hostname},
       {"subdomain", s.spec.subdomain},
       {"hostnameOverride", s.spec.hostnameOverride}}};
  for (const auto& [field, value] : names) {
    if (IsNonEmptyString(value)) {
      report.Add(s.Path(field),
                 std::string(field) + " is " + Quote(value) + ", but the operator names the pod");
    }
  }
  if (IsSetAndNot(s.spec.setHostnameAsFQDN, false)) {
    report.Add(s.Path("setHostnameAsFQDN"), "setHostnameAsFQDN is set");
  }
}

bool IsTooLong(JsonView seconds) {
  if (seconds.IsUnset()) return false;
  const auto value = seconds.AsInt();
  return !value || *value > kMaxGracePeriodSeconds;
}

void CheckGracePeriod(const Subject& s, Report& report) {
  const auto check = [&report](JsonView seconds, auto&& path) {
    if (IsTooLong(seconds)) {
      report.Add(path(), "terminationGracePeriodSeconds is " + Quote(seconds) +
                             ": an agent that ignores SIGTERM would go on that long");
    }
  };
  const JsonView grace = s.spec.terminationGracePeriodSeconds;
  check(grace, [&s] { return s.Path("terminationGracePeriodSeconds"); });
  if (grace.AsInt() && *grace.AsInt() < 1) {
    report.Add(s.Path("terminationGracePeriodSeconds"),
               "terminationGracePeriodSeconds is " + Quote(grace) +
                   ": each deletion would be one by force, after which the pod may still run on "
                   "its node");
  }
  for (const Container& c : s.containers) {
    const std::array<std::pair<std::string_view, JsonView>, 3> probes = {
        {{"livenessProbe", c.livenessProbe},
         {"readinessProbe", c.readinessProbe},
         {"startupProbe", c.startupProbe}}};
    for (const auto& [field, probe] : probes) {
      check(probe["terminationGracePeriodSeconds"], [&c, name = field] {
        return c.Path(std::string(name) + ".terminationGracePeriodSeconds");
      });
    }
  }
}

void CheckEphemeralContainer(const Subject& s, Report& report) {
  if (HasElements(s.spec.ephemeralContainers)) {
    report.Add(s.Path("ephemeralContainers"),
               "a pod starts without ephemeral containers: they are added to a running one");
  }
}

constexpr std::array kRules = {
    Rule{.code = "HostNamespace",
         .check = CheckHostNamespace,
         .fields = "hostNetwork, hostPID, hostIPC",
         .summary = "The pod may not join a namespace of the node: the agent would see its "
                    "processes, its memory or its network, where no network policy applies.",
         .remedy = "remove the field",
         .references = {.pod_security = "Host Namespaces",
                        .cve = "CVE-2020-15257",
                        .kubescape = "C-0038, C-0041",
                        .principle = Principle::kIsolation}},
    Rule{.code = "SharedProcessNamespace",
         .check = CheckSharedProcessNamespace,
         .fields = "shareProcessNamespace",
         .summary = "Containers of a sandbox do not share a process namespace, which would open "
                    "the operator's containers to the agent.",
         .remedy = "remove the field",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "UserNamespaceConflict",
         .check = CheckUserNamespaceConflict,
         .fields = "hostUsers",
         .summary = "Whether a pod gets a user namespace follows from its runtime: the kubelet "
                    "refuses hostUsers: false for a runtime that does not support it, and true "
                    "would give up what it supports. Only isolation Container takes false.",
         .remedy = "remove the field; with isolation Container it may be false",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "WindowsPod",
         .check = CheckWindowsPod,
         .fields = "os.name, windowsOptions of the pod and of every container",
         .summary = "Sandboxes are Linux pods. None of the hardening applies on Windows, and rules "
                    "of Kubernetes itself step aside for it.",
         .remedy = "remove windowsOptions, and leave os.name unset or linux",
         .references = {.pod_security = "HostProcess",
                        .cve = "CVE-2021-25749",
                        .principle = Principle::kIsolation}},
    Rule{.code = "RuntimeClassOverride",
         .check = CheckRuntimeClassOverride,
         .fields = "runtimeClassName",
         .summary = "The RuntimeClass follows from spec.isolation, so that nobody can ask for one "
                    "tier and run in another.",
         .remedy = "remove runtimeClassName and choose spec.isolation",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "ServiceLinks",
         .check = CheckServiceLinks,
         .fields = "enableServiceLinks",
         .summary = "The agent is not told the Services of its namespace.",
         .remedy = "remove enableServiceLinks, which the operator sets to false",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "DNSOverride",
         .check = CheckDnsOverride,
         .fields = "dnsPolicy, dnsConfig",
         .summary = "A sandbox has no DNS: queries for names are a way out, and its egress gateway "
                    "resolves what is allowed.",
         .remedy = "remove dnsPolicy and dnsConfig",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "HostAliases",
         .check = CheckHostAliases,
         .fields = "hostAliases",
         .summary = "Names of the agent's making for addresses would confuse what it talks to.",
         .remedy = "remove hostAliases",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "HostnameFields",
         .judges = JudgedObject::kSandbox,
         .check = CheckHostnameFields,
         .fields = "hostname, subdomain, hostnameOverride, setHostnameAsFQDN",
         .summary = "The operator names the pod, so that no sandbox takes another's name in the "
                    "cluster's DNS.",
         .remedy = "remove the field; spec.service gives the sandbox a stable name",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "GracePeriod",
         .check = CheckGracePeriod,
         .fields = "terminationGracePeriodSeconds of the pod and of every probe",
         .summary = "A sandbox that is deleted or suspended ends within a minute: an agent that "
                    "ignores SIGTERM gains nothing. And its pod is there for as long as it may "
                    "run, since the boundary stands for as long as there is a pod.",
         .remedy = "write a number from 1 to 60",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "EphemeralContainer",
         .check = CheckEphemeralContainer,
         .fields = "ephemeralContainers; pods/ephemeralcontainers of a running sandbox",
         .summary = "Ephemeral containers have a past of passing by rules unseen, and the API "
                    "server refuses them in a new pod. None is added to a running sandbox either, "
                    "by anybody.",
         .remedy = "move it to containers or initContainers",
         .references = {.cve = "CVE-2023-2727, CVE-2023-2728",
                        .principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> PodRules() { return kRules; }

}  // namespace stockade::policy
