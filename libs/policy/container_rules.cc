#include <array>
#include <string>

#include "policy/clean_path.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for what a container opens, runs and asks of the kubelet.
namespace stockade::policy {
namespace {

using codec::JsonView;

constexpr std::string_view kTerminationLog = "/dev/termination-log";

void CheckHostPort(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.ports.ForEachElement([&](std::size_t index, JsonView port) {
      const JsonView host_port = port["hostPort"];
      if (!host_port.IsUnset() && host_port.AsInt() != 0) {
        report.Add(c.Path("ports", index, "hostPort"), "hostPort is " + Quote(host_port) +
                                                           ": whoever reaches the node reaches the "
                                                           "agent, past every network policy");
      }
      if (IsNonEmptyString(port["hostIP"])) {
        report.Add(c.Path("ports", index, "hostIP"), "hostIP is " + Quote(port["hostIP"]));
      }
    });
  }
}

void CheckTerminationMessagePath(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    const JsonView path = c.terminationMessagePath;
    if (IsNonEmptyString(path) && path.AsString() != kTerminationLog) {
      report.Add(c.Path("terminationMessagePath"),
                 "terminationMessagePath is " + Quote(path) +
                     ": the kubelet mounts a file of the node there");
    }
  }
}

void CheckUnsafeWorkingDir(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    const std::string_view directory = c.workingDir.StringOrEmpty();
    if (directory.empty()) continue;
    const CleanPath path(directory);
    if (path.too_deep() || path.IsAtOrUnder("proc") || path.IsAtOrUnder("sys") ||
        path.IsAtOrUnder("dev")) {
      report.Add(c.Path("workingDir"),
                 "workingDir is " + Quote(directory) + ", which may lead to a file of the node");
    }
  }
}

// Probes and handlers run on the node: "localhost" would be the node itself.
template <typename Path>
void CheckHost(JsonView handler, Path&& path, Report& report) {
  for (const std::string_view kind : {"httpGet", "tcpSocket"}) {
    const JsonView host = handler[kind]["host"];
    if (IsNonEmptyString(host)) {
      report.Add(path() + "." + std::string(kind) + ".host",
                 "the kubelet would connect to " + Quote(host) + " from the node");
    }
  }
}

void CheckLifecycleHandler(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    for (const std::string_view event : {"postStart", "preStop"}) {
      CheckHost(
          c.lifecycle[event], [&c, event] { return c.Path("lifecycle." + std::string(event)); },
          report);
    }
  }
}

void CheckProbe(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    CheckHost(c.livenessProbe, [&c] { return c.Path("livenessProbe"); }, report);
    CheckHost(c.readinessProbe, [&c] { return c.Path("readinessProbe"); }, report);
    CheckHost(c.startupProbe, [&c] { return c.Path("startupProbe"); }, report);
  }
}

void CheckRestartPolicy(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.restartPolicyRules.ForEachElement([&](std::size_t index, JsonView rule) {
      const JsonView action = rule["action"];
      if (action.AsString() != "Restart") {
        report.Add(c.Path("restartPolicyRules", index, "action"), "action is " + Quote(action));
      }
    });
  }
}

constexpr std::array kRules = {
    Rule{.code = "HostPort",
         .check = CheckHostPort,
         .fields = "every container's ports[].hostPort and ports[].hostIP",
         .summary = "A port of the node opens the agent to everyone who reaches the node, whatever "
                    "network policies say.",
         .remedy = "remove it, and use spec.service and spec.ingress",
         .references = {.pod_security = "Host Ports",
                        .kubescape = "C-0044",
                        .principle = Principle::kIsolation}},
    Rule{.code = "TerminationMessagePath",
         .check = CheckTerminationMessagePath,
         .fields = "every container's terminationMessagePath",
         .summary = "The kubelet mounts a file of the node at this path, over whatever is there.",
         .remedy = "remove it, or write /dev/termination-log",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "UnsafeWorkingDir",
         .check = CheckUnsafeWorkingDir,
         .fields = "every container's workingDir",
         .summary = "A working directory such as /proc/self/fd/8 was a way out of the container, "
                    "through a file that the runtime had left open.",
         .remedy = "choose a directory of the image or of a mount, outside /proc, /sys and /dev",
         .references = {.cve = "CVE-2024-21626", .principle = Principle::kIsolation}},
    Rule{.code = "LifecycleHandler",
         .check = CheckLifecycleHandler,
         .fields = "every container's lifecycle.postStart and preStop",
         .summary = "The kubelet runs handlers from the node, where no network policy of the "
                    "sandbox applies; they may only reach the pod itself. Even localhost would be "
                    "the node.",
         .remedy = "remove host, so that the pod's own address is used",
         .references = {.pod_security = "Host Probes / Lifecycle Hooks",
                        .principle = Principle::kIsolation}},
    Rule{.code = "Probe",
         .check = CheckProbe,
         .fields = "every container's livenessProbe, readinessProbe and startupProbe",
         .summary =
             "The kubelet sends probes from the node, where no network policy of the sandbox "
             "applies; they may only reach the pod itself. Even localhost would be the "
             "node.",
         .remedy = "remove host, so that the pod's own address is used",
         .references = {.pod_security = "Host Probes / Lifecycle Hooks",
                        .principle = Principle::kIsolation}},
    Rule{.code = "RestartPolicy",
         .check = CheckRestartPolicy,
         .fields = "every container's restartPolicyRules",
         .summary =
             "The agent's exit codes may restart its own container, but not all of them: that "
             "would restart the operator's too.",
         .remedy = "use the action Restart, or remove the rule",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

std::span<const Rule> ContainerRules() { return kRules; }

}  // namespace stockade::policy
