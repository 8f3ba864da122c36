#include "cli/convert_sandbox.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/names.h"
#include "base/strings.h"
#include "cli/json_edit.h"
#include "policy/quoting.h"
#include "render/edit.h"

namespace stockade::cli {
namespace {

using codec::Json;
using render::Member;
using render::MutableArray;
using render::ObjectMember;
using render::StringMember;

// Where the sandbox's proxy listens; no service leads there.
constexpr std::int64_t kProxyPort = 3128;

struct Explained {
  std::string_view field;
  std::string_view why;
};

constexpr std::string_view kServerSet = "the API server sets it";
constexpr std::array<Explained, 11> kMetadata = {
    {{"creationTimestamp", kServerSet},
     {"deletionGracePeriodSeconds", kServerSet},
     {"deletionTimestamp", kServerSet},
     {"finalizers", "they belong to the controllers of the old object"},
     {"generation", kServerSet},
     {"managedFields", kServerSet},
     {"ownerReferences", "an owner is named by its uid: whoever makes the AgentSandbox sets them"},
     {"resourceVersion", kServerSet},
     {"selfLink", kServerSet},
     {"status", "a controller writes it"},
     {"uid", kServerSet}}};

constexpr std::array<Explained, 4> kTemplateFields = {
    {{"envVarsInjectionPolicy", "there are no claims: each AgentSandbox has its own variables"},
     {"volumeClaimTemplatesPolicy", "there are no claims: each AgentSandbox has its own volumes"},
     {"generatedSecrets", "no Secret comes into a sandbox, whoever made it"},
     {"networkPolicyManagement",
      "the network of a sandbox is always shut; spec.ingress opens it"}}};

constexpr std::array<Explained, 2> kClaimFields = {
    {{"safeToEvict", "an AgentSandbox has no say in how the cluster's autoscaler moves pods"},
     {"warmpool", "there are no pools: a sandbox is started when it is created"}}};

constexpr std::string_view kUnknown = "an AgentSandbox has nothing like it";

std::string_view WhyLeftOut(std::string_view field, std::span<const Explained> known) {
  const auto found = std::ranges::find(known, field, &Explained::field);
  return found == known.end() ? kUnknown : found->why;
}

void LeaveOut(const std::string& field, const Json& value, std::string_view why, Account& account) {
  if (value.is_null()) return;
  // Of lists and objects the field says enough.
  account.left_out.push_back(
      {field, value.is_structured() ? "" : ShownValue(value), std::string(why)});
}

// Tells of every member of `object` that is not one of `carried`.
void LeaveOutRest(const Json& object, const std::string& path,
                  std::span<const std::string_view> carried, std::span<const Explained> known,
                  Account& account) {
  if (!object.is_object()) return;
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(carried, key) != carried.end()) continue;
    LeaveOut(path + (path.empty() ? "" : ".") + Truncate(key, 80), value, WhyLeftOut(key, known),
             account);
  }
}

// Keys by which agent-sandbox keeps its accounts, and what kubectl last applied of another kind.
bool IsOfTheOldObject(std::string_view key) {
  const std::string_view prefix = key.substr(0, key.find('/'));
  return prefix == kAgentSandboxGroup || prefix == kAgentSandboxExtensionsGroup ||
         key == "kubectl.kubernetes.io/last-applied-configuration";
}

Json Kept(const Json& keys, const std::string& path, Account& account) {
  if (!keys.is_object()) return keys;
  Json kept = Json::object();
  for (const auto& [key, value] : keys.items()) {
    if (IsOfTheOldObject(key)) {
      // What kubectl last applied may hold a credential.
      account.left_out.push_back({policy::KeyedPath(path, key), "", "it speaks of the old object"});
    } else {
      kept[key] = value;
    }
  }
  return kept.empty() ? Json() : kept;
}

void Copy(const Json& from, const char* key, Json& to) {
  const Json& value = Member(from, key);
  if (!value.is_null()) to[key] = value;
}

void CopyKeys(const Json& from, const char* key, const std::string& path, Json& to,
              Account& account) {
  Json kept = Kept(Member(from, key), path + "." + key, account);
  if (!kept.is_null()) to[key] = std::move(kept);
}

Json MetadataOf(const Json& object, Account& account) {
  constexpr std::array<std::string_view, 5> kCarried = {"name", "generateName", "namespace",
                                                        "labels", "annotations"};
  const Json& from = Member(object, "metadata");
  Json metadata = Json::object();
  for (const char* key : {"name", "generateName", "namespace"}) Copy(from, key, metadata);
  for (const char* key : {"labels", "annotations"}) {
    CopyKeys(from, key, "metadata", metadata, account);
  }
  LeaveOutRest(from, "metadata", kCarried, kMetadata, account);
  constexpr std::array<std::string_view, 4> kParts = {"apiVersion", "kind", "metadata", "spec"};
  LeaveOutRest(object, "", kParts, kMetadata, account);
  return metadata;
}

// The metadata of a pod template or a claim template, as far as it goes into the cluster.
Json EmbeddedMetadata(const Json& from, const std::string& path, bool with_name, Account& account) {
  constexpr std::array<std::string_view, 3> kCarried = {"labels", "annotations", "name"};
  if (!from.is_object()) return from;
  Json metadata = Json::object();
  if (with_name) Copy(from, "name", metadata);
  for (const char* key : {"labels", "annotations"}) CopyKeys(from, key, path, metadata, account);
  LeaveOutRest(from, path, std::span(kCarried).first(with_name ? 3 : 2), kMetadata, account);
  return metadata.empty() ? Json() : metadata;
}

Json PodTemplateOf(const Json& from, Account& account) {
  if (!from.is_object()) return from;
  Json pod_template = Json::object();
  Json metadata =
      EmbeddedMetadata(Member(from, "metadata"), "spec.podTemplate.metadata", false, account);
  if (!metadata.is_null()) pod_template["metadata"] = std::move(metadata);
  Copy(from, "spec", pod_template);
  constexpr std::array<std::string_view, 2> kCarried = {"metadata", "spec"};
  LeaveOutRest(from, "spec.podTemplate", kCarried, {}, account);
  return pod_template;
}

Json ClaimTemplatesOf(const Json& from, Account& account) {
  if (!from.is_array()) return from;
  Json templates = Json::array();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::string path = "spec.volumeClaimTemplates[" + std::to_string(i) + "]";
    if (!from[i].is_object()) {
      templates.push_back(from[i]);
      continue;
    }
    Json entry = Json::object();
    Json metadata =
        EmbeddedMetadata(Member(from[i], "metadata"), path + ".metadata", true, account);
    if (!metadata.is_null()) entry["metadata"] = std::move(metadata);
    Copy(from[i], "spec", entry);
    constexpr std::array<std::string_view, 2> kCarried = {"metadata", "spec"};
    LeaveOutRest(from[i], path, kCarried, kMetadata, account);
    templates.push_back(std::move(entry));
  }
  return templates;
}

struct Port {
  std::int64_t number;
  std::string protocol;
  std::string name;  // of the container's port; may be empty
};

std::vector<Port> PortsOf(const Json& pod_template) {
  std::vector<Port> ports;
  std::set<std::pair<std::int64_t, std::string>> seen;
  for (const Json& container : Member(Member(pod_template, "spec"), "containers")) {
    for (const Json& port : Member(container, "ports")) {
      const Json& number = Member(port, "containerPort");
      if (!number.is_number_integer()) continue;
      const auto value = number.get<std::int64_t>();
      if (value < 1 || value > 65535 || value == kProxyPort) continue;
      const std::string_view named = StringMember(port, "protocol");
      const std::string protocol(named.empty() ? "TCP" : named);
      if (!seen.emplace(value, protocol).second) continue;
      ports.push_back({value, protocol, std::string(StringMember(port, "name"))});
    }
  }
  return ports;
}

Json ServicePortsOf(const std::vector<Port>& ports) {
  Json list = Json::array();
  std::set<std::string> names;
  for (const Port& port : ports) {
    Json entry = {{"port", port.number}};
    if (port.protocol != "TCP") entry["protocol"] = port.protocol;
    std::string name = IsDnsLabel(port.name) ? port.name : "";
    if (ports.size() > 1 && (name.empty() || names.contains(name))) {
      name = "port-" + std::to_string(port.number) +
             (port.protocol == "TCP" ? "" : "-" + ToLower(port.protocol));
    }
    if (!name.empty()) entry["name"] = name;
    names.insert(name);
    list.push_back(std::move(entry));
  }
  return list;
}

// agent-sandbox's Service is headless and needs no ports. v1alpha1 always makes one, v1beta1 where
// spec.service says so.
void AddService(const Json& from, std::string_view api_version, Json& spec, Account& account) {
  const Json& asked = Member(from, "service");
  const bool always = api_version.ends_with("/v1alpha1");
  const bool wanted = asked.is_boolean() ? asked.get<bool>() : always;
  if (!asked.is_null() && !asked.is_boolean()) {
    account.concerns.push_back(
        {.field = "spec.service", .message = "service is neither true nor false"});
  }
  if (!wanted) return;
  const std::vector<Port> ports = PortsOf(Member(spec, "podTemplate"));
  if (ports.empty()) {
    if (asked.is_null()) return;
    LeaveOut("spec.service", asked,
             "a Service has ports, and no container names one: write spec.service.ports", account);
    return;
  }
  spec["service"] = {{"ports", ServicePortsOf(ports)}};
  account.moved.push_back(
      {.field = "spec.service",
       .from = asked.is_null() ? "made for every Sandbox" : ShownValue(asked),
       .to = "spec.service.ports of the containers' ports",
       .why = "its name is asb-NAME instead of NAME, and spec.ingress has to say who may connect"});
}

void SetOperatingMode(const Json& from, Json& spec, Account& account) {
  Copy(from, "operatingMode", spec);
  const Json& replicas = Member(from, "replicas");
  if (replicas.is_null()) return;
  if (replicas != 0 && replicas != 1) {
    account.concerns.push_back(
        {.field = "spec.replicas",
         .message = "replicas is " + ShownValue(replicas) +
                    ", but a sandbox is one pod or none: write one AgentSandbox for each"});
    return;
  }
  const bool runs = replicas == 1;
  if (!runs) spec["operatingMode"] = "Suspended";
  account.moved.push_back(
      {.field = "spec.replicas",
       .from = ShownValue(replicas),
       .to = std::string("spec.operatingMode: ") + (runs ? "Running, the default" : "Suspended"),
       .why = "a sandbox is one pod or none"});
}

constexpr std::array<std::string_view, 2> kLifetimeFields = {"shutdownTime", "shutdownPolicy"};

// What a Sandbox says of its end in its spec, and a SandboxClaim in a section of that.
void AddLifetime(const Json& from, const std::string& path, Json& spec, Account& account) {
  constexpr const char* kHere = "spec.lifecycle";
  for (const std::string_view field : kLifetimeFields) {
    const std::string key(field);
    const Json& value = Member(from, key.c_str());
    if (value.is_null()) continue;
    spec["lifecycle"][key] = value;
    if (path == kHere) continue;
    account.moved.push_back({.field = path + "." + key,
                             .from = ShownValue(value),
                             .to = std::string(kHere) + "." + key,
                             .why = "it says when the sandbox ends, and what becomes of it"});
  }
}

Json Start(Json metadata) {
  return {{"apiVersion", api::kGroupVersion},
          {"kind", api::kAgentSandboxKind},
          {"metadata", std::move(metadata)},
          {"spec", Json::object()}};
}

// What Sandbox and SandboxTemplate have in common.
void AddBlueprint(const Json& from, std::string_view api_version, Json& spec, Account& account) {
  Json pod_template = PodTemplateOf(Member(from, "podTemplate"), account);
  if (!pod_template.is_null()) spec["podTemplate"] = std::move(pod_template);
  Json claims = ClaimTemplatesOf(Member(from, "volumeClaimTemplates"), account);
  const bool empty = claims.is_null() || (claims.is_array() && claims.empty());
  if (!empty) spec["volumeClaimTemplates"] = std::move(claims);
  AddService(from, api_version, spec, account);
}

// Rules of a template's own NetworkPolicy that spec.ingress can say.
void AddIngress(const Json& sandbox_template, Json& spec, Account& account) {
  const Json& template_spec = Member(sandbox_template, "spec");
  const Json& policy = Member(template_spec, "networkPolicy");
  if (!policy.is_object()) return;
  const std::string path = "spec.networkPolicy";
  const bool ignored = StringMember(template_spec, "networkPolicyManagement") == "Unmanaged";
  const Json& rules = Member(policy, "ingress");
  Json ingress = Json::array();
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    const Json& from = Member(rules[i], "from");
    const std::string field = path + ".ingress[" + std::to_string(i) + "]";
    if (ignored) {
      LeaveOut(field, rules[i], "with networkPolicyManagement Unmanaged it had no effect", account);
    } else if (!from.is_array() || from.empty()) {
      LeaveOut(field, rules[i], "it lets everybody connect; name the peers in spec.ingress",
               account);
    } else {
      account.moved.push_back({.field = field,
                               .from = ShownValue(rules[i]),
                               .to = "spec.ingress[" + std::to_string(ingress.size()) + "]",
                               .why = "spec.ingress says who may connect"});
      ingress.push_back(rules[i]);
    }
  }
  if (!ingress.empty()) spec["ingress"] = std::move(ingress);
  LeaveOut(path + ".egress", Member(policy, "egress"),
           "a sandbox has no way out in this version of Stockade", account);
}

// The container of that name; the first one for an empty name.
Json* ContainerNamed(Json& spec, std::string_view name) {
  Json* pod = FindField(spec, "podTemplate.spec");
  Json* containers = pod == nullptr ? nullptr : MutableArray(*pod, "containers");
  if (containers == nullptr) return nullptr;
  for (Json& container : *containers) {
    if (container.is_object() && (name.empty() || StringMember(container, "name") == name)) {
      return &container;
    }
  }
  return nullptr;
}

void AddVariables(const Json& claim_spec, bool overrides, Json& spec, Account& account) {
  const Json& variables = Member(claim_spec, "env");
  for (std::size_t i = 0; variables.is_array() && i < variables.size(); ++i) {
    const std::string field = "spec.env[" + std::to_string(i) + "]";
    const Json& variable = variables[i];
    const std::string name(StringMember(variable, "name"));
    Json* container = ContainerNamed(spec, StringMember(variable, "containerName"));
    Json* list = container == nullptr ? nullptr : MutableArray(*container, "env");
    if (container == nullptr || (list == nullptr && !Member(*container, "env").is_null())) {
      account.concerns.push_back(
          {.field = field,
           .message = "the template has no container for the variable " + policy::Quote(name)});
      continue;
    }
    if (list == nullptr) list = &((*container)["env"] = Json::array());
    const auto there = std::find_if(list->begin(), list->end(), [&name](const Json& other) {
      return StringMember(other, "name") == name;
    });
    if (there != list->end() && !overrides) {
      // The value stays out of the account: it may be a credential.
      account.left_out.push_back({field, "variable " + policy::Quote(name),
                                  "the template has it, and its envVarsInjectionPolicy is not "
                                  "Overrides"});
      continue;
    }
    Json entry = {{"name", name}};
    Copy(variable, "value", entry);
    if (there != list->end()) {
      *there = std::move(entry);
    } else {
      list->push_back(std::move(entry));
    }
  }
}

void AddPodMetadata(const Json& claim_spec, Json& spec, Account& account) {
  const Json metadata = EmbeddedMetadata(Member(claim_spec, "additionalPodMetadata"),
                                         "spec.additionalPodMetadata", false, account);
  Json* pod_template = render::MutableObject(spec, "podTemplate");
  if (!metadata.is_object() || pod_template == nullptr) return;
  Json& target = ObjectMember(*pod_template, "metadata");
  for (const auto& [map, keys] : metadata.items()) {
    Json& merged = ObjectMember(target, map.c_str());
    if (keys.is_object()) merged.update(keys);
  }
}

}  // namespace

Json FromSandbox(const Json& sandbox, Account& account) {
  const Json& from = Member(sandbox, "spec");
  Json made = Start(MetadataOf(sandbox, account));
  Json& spec = made["spec"];
  AddBlueprint(from, StringMember(sandbox, "apiVersion"), spec, account);
  SetOperatingMode(from, spec, account);
  AddLifetime(from, "spec", spec, account);
  constexpr std::array<std::string_view, 7> kCarried = {
      "podTemplate", "volumeClaimTemplates", "service",       "operatingMode",
      "replicas",    "shutdownTime",         "shutdownPolicy"};
  LeaveOutRest(from, "spec", kCarried, {}, account);
  return made;
}

Json FromClaim(const Json& claim, const Json& sandbox_template, Account& account) {
  const Json& template_spec = Member(sandbox_template, "spec");
  const Json& claim_spec = Member(claim, "spec");
  Json made = Start(MetadataOf(claim, account));
  Json& spec = made["spec"];
  AddBlueprint(template_spec, StringMember(sandbox_template, "apiVersion"), spec, account);
  AddIngress(sandbox_template, spec, account);
  AddPodMetadata(claim_spec, spec, account);
  AddVariables(claim_spec, StringMember(template_spec, "envVarsInjectionPolicy") == "Overrides",
               spec, account);
  constexpr std::array<std::string_view, 4> kOfTemplate = {"podTemplate", "volumeClaimTemplates",
                                                           "service", "networkPolicy"};
  LeaveOutRest(template_spec, "SandboxTemplate: spec", kOfTemplate, kTemplateFields, account);
  const Json& lifecycle = Member(claim_spec, "lifecycle");
  AddLifetime(lifecycle, "spec.lifecycle", spec, account);
  LeaveOutRest(lifecycle, "spec.lifecycle", kLifetimeFields, {}, account);
  constexpr std::array<std::string_view, 5> kOfClaim = {
      "sandboxTemplateRef", "warmPoolRef", "additionalPodMetadata", "env", "lifecycle"};
  LeaveOutRest(claim_spec, "spec", kOfClaim, kClaimFields, account);
  return made;
}

}  // namespace stockade::cli
