#include "cli/convert_fields.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
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
using render::StringMember;

// Where the sandbox's proxy listens; no service leads there.
constexpr std::int64_t kProxyPort = 3128;

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

constexpr std::string_view kUnknown = "Stockade has nothing like it";

std::string_view WhyLeftOut(std::string_view field, std::span<const Explained> known) {
  const auto found = std::ranges::find(known, field, &Explained::field);
  return found == known.end() ? kUnknown : found->why;
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

void CopyKeys(const Json& from, const char* key, const std::string& path, Json& to,
              Account& account) {
  Json kept = Kept(Member(from, key), path + "." + key, account);
  if (!kept.is_null()) to[key] = std::move(kept);
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

}  // namespace

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

void Copy(const Json& from, const char* key, Json& to) {
  const Json& value = Member(from, key);
  if (!value.is_null()) to[key] = value;
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

Json EmbeddedMetadata(const Json& from, const std::string& path, bool with_name, Account& account) {
  constexpr std::array<std::string_view, 3> kCarried = {"labels", "annotations", "name"};
  if (!from.is_object()) return from;
  Json metadata = Json::object();
  if (with_name) Copy(from, "name", metadata);
  for (const char* key : {"labels", "annotations"}) CopyKeys(from, key, path, metadata, account);
  LeaveOutRest(from, path, std::span(kCarried).first(with_name ? 3 : 2), kMetadata, account);
  return metadata.empty() ? Json() : metadata;
}

void AddBlueprint(const Json& from, std::string_view api_version, Json& spec, Account& account) {
  Json pod_template = PodTemplateOf(Member(from, "podTemplate"), account);
  if (!pod_template.is_null()) spec["podTemplate"] = std::move(pod_template);
  Json claims = ClaimTemplatesOf(Member(from, "volumeClaimTemplates"), account);
  const bool empty = claims.is_null() || (claims.is_array() && claims.empty());
  if (!empty) spec["volumeClaimTemplates"] = std::move(claims);
  AddService(from, api_version, spec, account);
}

}  // namespace stockade::cli
