#include <array>
#include <optional>
#include <string>

#include "api/gateway_names.h"
#include "policy/metadata_keys.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for names, keys and ports that belong to the operator, and for references to what has them.
namespace stockade::policy {
namespace {

using codec::Json;
using codec::JsonView;

// Where the sandbox's proxy listens for the agent.
constexpr std::int64_t kProxyPort = 3128;

// The containers that rendering adds, all of them among initContainers.
bool IsRendered(const Container& c) {
  const std::string_view name = c.name.StringOrEmpty();
  const auto position = c.view.position();
  return (position == api::ContainerPosition::kInit && name == api::kCanaryContainer) ||
         (position == api::ContainerPosition::kSidecar &&
          (name == api::kProxyContainer || name == api::kActivityContainer));
}

void CheckReservedName(const Subject& s, Report& report) {
  if (s.rendered()) {
    for (const Container& c : s.containers) {
      if (c.IsOperators() && !IsRendered(c)) {
        report.Add(c.Path("name"), "the operator has no container " + Quote(c.name) + " here");
      }
    }
    return;
  }
  const auto check = [&report](std::string_view name, auto&& path) {
    if (name.starts_with(api::kReservedNamePrefix)) {
      report.Add(path(), "the name " + Quote(name) + " begins with \"stockade-\"");
    }
  };
  for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
    check(s.sandbox->spec.mounts[i].name, [i] { return IndexedPath("spec.mounts", i, "name"); });
  }
  for (std::size_t i = 0; i < s.sandbox->spec.volume_claim_templates.size(); ++i) {
    check(s.sandbox->spec.volume_claim_templates[i].name,
          [i] { return IndexedPath("spec.volumeClaimTemplates", i, "metadata.name"); });
  }
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    check(volume["name"].StringOrEmpty(), [&] { return s.Path("volumes", index, "name"); });
  });
  for (const Container& c : s.containers) {
    check(c.name.StringOrEmpty(), [&c] { return c.Path("name"); });
  }
}

void CheckReservedLabel(const Subject& s, Report& report) {
  if (s.rendered()) {
    if (s.pod.metadata()["labels"][api::kSandboxLabel].StringOrEmpty().empty()) {
      report.Add(s.pod.Path(KeyedPath("metadata.labels", api::kSandboxLabel)),
                 "the label of the sandbox is missing, so no network policy selects the pod",
                 "set it to the sandbox's name");
    }
    return;
  }
  ForEachMetadataKey(s, [&report](std::string_view key, auto&& path) {
    if (IsReservedKey(key)) report.Add(path(), Quote(key) + " is a key of the operator");
  });
}

void CheckEnvReferences(const Container& c, Report& report) {
  c.env.ForEachElement([&](std::size_t index, JsonView variable) {
    const JsonView from = variable["valueFrom"];
    if (from.IsUnset()) return;
    if (HasReservedName(from["fileKeyRef"]["volumeName"])) {
      report.Add(c.Path("env", index, "valueFrom.fileKeyRef.volumeName"),
                 "the volume " + Quote(from["fileKeyRef"]["volumeName"]) + " is the operator's");
    }
    if (HasReservedName(from["resourceFieldRef"]["containerName"])) {
      report.Add(c.Path("env", index, "valueFrom.resourceFieldRef.containerName"),
                 "the container " + Quote(from["resourceFieldRef"]["containerName"]) +
                     " is the operator's");
    }
  });
}

// Items of a downwardAPI source, in a volume of its own or in a projected one.
void CheckDownwardItems(JsonView items, const std::string& path, Report& report) {
  items.ForEachElement([&](std::size_t index, JsonView item) {
    const JsonView container = item["resourceFieldRef"]["containerName"];
    if (HasReservedName(container)) {
      report.Add(path + IndexedPath(".items", index, "resourceFieldRef.containerName"),
                 "the container " + Quote(container) + " is the operator's");
    }
  });
}

void CheckReservedReference(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      if (HasReservedName(mount["name"])) {
        report.Add(c.Path("volumeMounts", index, "name"),
                   "the volume " + Quote(mount["name"]) + " is the operator's");
      }
    });
    CheckEnvReferences(c, report);
    if (HasReservedName(c.targetContainerName)) {
      report.Add(c.Path("targetContainerName"),
                 "the container " + Quote(c.targetContainerName) + " is the operator's");
    }
  }
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    if (const JsonView items = volume["downwardAPI"]["items"]; items.exists()) {
      CheckDownwardItems(items, s.Path("volumes", index, "downwardAPI"), report);
    }
    volume["projected"]["sources"].ForEachElement([&](std::size_t source_index, JsonView source) {
      const JsonView items = source["downwardAPI"]["items"];
      if (!items.exists()) return;
      CheckDownwardItems(
          items,
          s.Path("volumes", index, IndexedPath("projected.sources", source_index, "downwardAPI")),
          report);
    });
  });
  // kubectl exec and logs go to these containers when the caller names none.
  for (const std::string_view key : {"kubectl.kubernetes.io/default-container",
                                     "kubectl.kubernetes.io/default-logs-container"}) {
    const JsonView container = s.pod.metadata()["annotations"][key];
    if (HasReservedName(container)) {
      report.Add(s.pod.Path(KeyedPath("metadata.annotations", key)),
                 "the container " + Quote(container) + " is the operator's");
    }
  }
}

std::optional<double> Number(const Json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_number()) return std::nullopt;
  return member->get<double>();
}

// A rule that names no ports opens all of them, which is not said of this one.
void CheckIngressPorts(const Subject& s, Report& report) {
  for (std::size_t i = 0; i < s.sandbox->spec.ingress.size(); ++i) {
    const api::JsonText& ports_text = s.sandbox->spec.ingress[i].ports;
    if (ports_text.text() == "null") continue;
    const Json ports = ports_text.ToJson();
    if (!ports.is_array()) continue;
    for (std::size_t j = 0; j < ports.size(); ++j) {
      if (!ports[j].is_object()) continue;
      const std::string path = IndexedPath(IndexedPath("spec.ingress", i, "ports"), j, "port");
      const auto first = Number(ports[j], "port");
      const auto last = Number(ports[j], "endPort");
      if (first == kProxyPort || ports[j].value("port", Json()) == std::to_string(kProxyPort)) {
        report.Add(path, "the port is 3128, where the sandbox's proxy listens");
      } else if (first && last && *first < kProxyPort && kProxyPort <= *last) {
        report.Add(path, "the range up to endPort holds 3128, where the sandbox's proxy listens");
      }
    }
  }
}

void CheckReservedPort(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    if (s.rendered() && c.IsOperators()) continue;
    c.ports.ForEachElement([&](std::size_t index, JsonView port) {
      if (port["containerPort"].AsInt() == kProxyPort) {
        report.Add(c.Path("ports", index, "containerPort"),
                   "containerPort is 3128, where the sandbox's proxy listens");
      }
    });
  }
  if (s.rendered()) return;
  for (std::size_t i = 0; i < s.sandbox->spec.service_ports.size(); ++i) {
    const api::ServicePort& port = s.sandbox->spec.service_ports[i];
    const std::string& target = port.target_port.text();
    if (target == "3128" || target == "\"3128\"" || (target == "null" && port.port == kProxyPort)) {
      report.Add(IndexedPath("spec.service.ports", i, target == "null" ? "port" : "targetPort"),
                 "the port leads to 3128, where the sandbox's proxy listens");
    }
  }
  CheckIngressPorts(s, report);
}

constexpr std::array kRules = {
    Rule{.code = "ReservedName",
         .check = CheckReservedName,
         .fields = "names of containers, volumes, mounts[] and volumeClaimTemplates[]",
         .summary =
             "Names that begin with stockade- are the operator's: its containers and volumes "
             "are told from the agent's by them.",
         .remedy = "choose a name without that prefix",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "ReservedLabel",
         .check = CheckReservedLabel,
         .fields = "labels and annotations of the pod template and of claim templates",
         .summary = "Keys under stockade.dev are the operator's: network policies and webhooks "
                    "select by them.",
         .remedy = "remove it",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "ReservedReference",
         .judges = JudgedObject::kSandbox,
         .check = CheckReservedReference,
         .fields = "volumeMounts[].name, env[].valueFrom, targetContainerName, "
                   "volumes[].downwardAPI, kubectl's annotations for a default container",
         .summary = "Nothing of the user's refers to a volume or container of the operator, which "
                    "holds what the agent must not see.",
         .remedy = "refer to a volume or container of the template",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "ReservedPort",
         .check = CheckReservedPort,
         .fields = "every container's ports[].containerPort, service.ports[], ingress[].ports[]",
         .summary = "On port 3128 of a sandbox its proxy listens, on the loopback address alone. "
                    "Nothing else listens there, and nobody is let in to it by that port or by a "
                    "range of ports around it.",
         .remedy = "use another port, and no range that holds it",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

bool IsReservedKey(std::string_view key) {
  const std::string_view prefix = key.substr(0, key.find('/'));
  return key.starts_with(api::kReservedKeyPrefix) ||
         (prefix.size() < key.size() && prefix.ends_with(".stockade.dev"));
}

std::span<const Rule> ReservedRules() { return kRules; }

}  // namespace stockade::policy
