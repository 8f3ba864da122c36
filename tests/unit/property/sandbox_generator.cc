#include "tests/unit/property/sandbox_generator.h"

#include <algorithm>
#include <array>
#include <utility>

#include "codec/yaml.h"
#include "tests/unit/property/sandbox_values.h"

namespace stockade::property {
namespace {

using codec::Json;

// The values for "owner.name", or else for "name", or null.
const Json* Find(const Json& table, std::string_view owner, std::string_view name) {
  const std::string full = std::string(owner) + "." + std::string(name);
  if (const auto found = table.find(full); found != table.end()) return &*found;
  const auto found = table.find(std::string(name));
  return found != table.end() ? &*found : nullptr;
}

bool Contains(const Json& list, std::string_view text) {
  return std::ranges::any_of(list, [text](const Json& element) { return element == text; });
}

bool IsWalked(std::string_view owner, std::string_view name) {
  return Contains(WalkedFields(), name) ||
         Contains(WalkedFields(), std::string(owner) + "." + std::string(name));
}

bool IsRequired(const Json& schema, const std::string& name) {
  return schema.contains("required") && Contains(schema["required"], name);
}

std::string Numbered(std::string_view prefix, std::size_t number) {
  return std::string(prefix) + std::to_string(number);
}

}  // namespace

Json SpecSchemaOf(std::string_view crd_yaml) {
  const auto crd = codec::ParseYaml(crd_yaml);
  if (!crd.ok()) return nullptr;
  return crd->root()
      .ToJson()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
}

SandboxGenerator::SandboxGenerator(Json spec_schema, std::uint64_t seed)
    : schema_(std::move(spec_schema)), random_(seed) {}

Json SandboxGenerator::Next() {
  constexpr std::array<std::uint64_t, 6> kTempers = {0, 0, 0, 100, 30, 5};
  temper_ = kTempers[Below(kTempers.size())];
  Json spec = Value(schema_, "", "spec");
  Connect(spec);
  return {{"apiVersion", "stockade.dev/v1alpha1"},
          {"kind", "AgentSandbox"},
          {"metadata", {{"name", Numbered("s", made_++)}, {"namespace", "property"}}},
          {"spec", std::move(spec)}};
}

Json SandboxGenerator::Value(const Json& schema, std::string_view owner, std::string_view name) {
  const bool nasty = Nasty();
  if (!nasty) {
    if (const Json* values = Find(TameValues(), owner, name)) return OneOf(*values);
  } else if (OneIn(20)) {
    return nullptr;
  }
  const std::string type = schema.value("type", "");
  if (type == "object") {
    return schema.contains("properties") ? Object(schema, name) : Map(schema, name);
  }
  if (type == "array") {
    Json list = Json::array();
    const std::uint64_t length = nasty ? Below(3) : 1 + Below(2);
    for (std::uint64_t i = 0; i < length; ++i) list.push_back(Value(schema["items"], owner, name));
    return list;
  }
  return NastyScalar(schema);
}

// Of a union the member that is to be set, or nothing where `owner` is none.
std::string SandboxGenerator::ChooseOne(const Json& properties, std::string_view owner) {
  const auto always = Unions().find(std::string(owner));
  if (always == Unions().end()) return {};
  std::vector<std::string> members;
  const bool any = Nasty();
  for (const auto& [name, schema] : properties.items()) {
    if (Contains(*always, name)) continue;
    const bool tame = Find(TameValues(), owner, name) != nullptr || IsWalked(owner, name);
    if (any || tame) members.push_back(name);
  }
  return members.empty() ? std::string() : members[Below(members.size())];
}

bool SandboxGenerator::Includes(const Json& schema, std::string_view owner, const std::string& name,
                                std::string_view chosen) {
  if (IsRequired(schema, name) || name == chosen) return true;
  if (const auto always = Unions().find(std::string(owner)); always != Unions().end()) {
    if (!Contains(*always, name)) return Nasty() && OneIn(4);
    if (name == "prefix") return true;
  }
  const bool tame = Find(TameValues(), owner, name) != nullptr || IsWalked(owner, name);
  // Of forty fields an author sets a few.
  const std::uint64_t fields = schema["properties"].size();
  const std::uint64_t times = fields > 20 ? 6 : fields > 8 ? 4 : 2;
  return (tame || Nasty()) && OneIn(times);
}

Json SandboxGenerator::Object(const Json& schema, std::string_view name) {
  Json object = Json::object();
  const Json& properties = schema["properties"];
  const std::string chosen = ChooseOne(properties, name);
  for (const auto& [member, member_schema] : properties.items()) {
    if (Includes(schema, name, member, chosen)) {
      object[member] = Value(member_schema, name, member);
    }
  }
  return object;
}

Json SandboxGenerator::Map(const Json& schema, std::string_view name) {
  Json map = Json::object();
  const Json values = schema.value("additionalProperties", Json::object());
  const std::uint64_t length = Below(3);
  for (std::uint64_t i = 0; i < length; ++i) {
    map[OneOf(NastyKeys()).get<std::string>()] = Value(values, name, "");
  }
  return map;
}

// Of its type, as the API server sees to, but for one time in a few.
Json SandboxGenerator::NastyScalar(const Json& schema) {
  if (schema.contains("enum") && !OneIn(8)) return OneOf(schema["enum"]);
  std::string type = schema.value("type", "string");
  if (schema.contains("x-kubernetes-int-or-string")) type = OneIn(2) ? "integer" : "string";
  if (OneIn(40)) type = OneIn(2) ? "boolean" : "integer";
  if (type == "boolean") return OneIn(2);
  if (type == "integer" || type == "number") return OneOf(NastyIntegers());
  return OneOf(NastyStrings());
}

// Gives things names of their own, and references something to refer to; a nasty name stays.
void SandboxGenerator::Connect(Json& spec) {
  if (!spec.is_object()) return;
  const auto name_elements = [this](Json& list, std::string_view prefix) {
    if (!list.is_array()) return;
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].is_object() && !Nasty()) list[i]["name"] = Numbered(prefix, i);
    }
  };
  if (spec.contains("mounts")) {
    name_elements(spec["mounts"], "m");
    for (std::size_t i = 0; spec["mounts"].is_array() && i < spec["mounts"].size(); ++i) {
      Json& mount = spec["mounts"][i];
      if (!mount.is_object() || Nasty()) continue;
      mount["mountPath"] = Numbered("/mounts/", i);
      if (mount.contains("empty")) {
        mount["access"] = "Ephemeral";
      } else {
        mount.erase("sizeLimit");
      }
      if (mount.contains("persistentVolumeClaim") && OneIn(2)) mount["access"] = "Persistent";
      if (mount.contains("volumeClaimTemplate") && !spec.contains("volumeClaimTemplates")) {
        spec["volumeClaimTemplates"] = TameValues()["volumeClaimTemplates"][0];
      }
    }
  }
  if (spec.value("isolation", Json()) == "Container" && !Nasty()) spec["inputTrust"] = "Trusted";
  if (!spec.contains("podTemplate") || !spec["podTemplate"].is_object()) return;
  Json& pod = spec["podTemplate"]["spec"];
  if (!pod.is_object()) return;
  if (pod.contains("volumes")) name_elements(pod["volumes"], "v");
  const Json volumes = pod.value("volumes", Json::array());
  for (const auto& [list, prefix] : {std::pair{"containers", "c"}, {"initContainers", "i"}}) {
    if (!pod.contains(list)) continue;
    name_elements(pod[list], prefix);
    ConnectContainers(pod[list], volumes, list);
  }
}

void SandboxGenerator::ConnectContainers(Json& containers, const Json& volumes, const char* list) {
  if (!containers.is_array()) return;
  for (Json& container : containers) {
    if (!container.is_object()) continue;
    // The schema can do without; a pod cannot.
    if (!container.contains("image") && !Nasty()) container["image"] = OneOf(TameValues()["image"]);
    const bool init = list == std::string_view("initContainers");
    if (init && OneIn(2)) {
      container["restartPolicy"] = "Always";
    } else if (init && !Nasty()) {
      // The API server takes these of what stays alone.
      for (const char* field : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}) {
        container.erase(field);
      }
    }
    if (Json& env = container["env"]; env.is_array()) {
      for (std::size_t i = 0; i < env.size(); ++i) {
        if (env[i].is_object() && !Nasty()) env[i]["name"] = Numbered("VARIABLE_", i);
      }
    } else if (env.is_null()) {
      container.erase("env");
    }
    if (!container.contains("volumeMounts") || !container["volumeMounts"].is_array()) continue;
    Json& mounts = container["volumeMounts"];
    if (volumes.empty() && !Nasty()) mounts = Json::array();
    for (std::size_t i = 0; i < mounts.size(); ++i) {
      if (!mounts[i].is_object() || Nasty()) continue;
      mounts[i]["mountPath"] = Numbered("/volumes/", i);
      const Json& volume = volumes.is_array() && !volumes.empty() ? OneOf(volumes) : Json();
      if (volume.is_object() && volume.contains("name")) mounts[i]["name"] = volume["name"];
    }
  }
}

}  // namespace stockade::property
