#include "cli/object_diff.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "api/names.h"

namespace stockade::cli {
namespace {

using codec::Json;

const Json& MemberOf(const Json& object, const std::string& key) {
  static const Json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

// Whether every element is an object that has `key`, and no two have the same.
bool TellsApart(const Json& list, const std::string& key) {
  if (!list.is_array()) return true;
  std::set<std::string> seen;
  return std::ranges::all_of(list, [&](const Json& element) {
    const Json& value = MemberOf(element, key);
    return !value.is_null() && seen.insert(value.dump()).second;
  });
}

// The member by which the elements of all three lists are known, or empty.
std::string IdentityOf(const Json& a, const Json& b, const Json& c) {
  for (const char* key : {"name", "mountPath", "key", "containerPort", "port", "uid"}) {
    if (TellsApart(a, key) && TellsApart(b, key) && TellsApart(c, key)) return key;
  }
  return "";
}

// The element that stands for the same thing as `element`, which is the `index`th of its list.
const Json& Counterpart(const Json& list, const Json& element, std::size_t index,
                        const std::string& identity) {
  static const Json kNone;
  if (!list.is_array()) return kNone;
  if (identity.empty()) return index < list.size() ? list[index] : kNone;
  for (const Json& other : list) {
    if (MemberOf(other, identity) == MemberOf(element, identity)) return other;
  }
  return kNone;
}

bool IsContainerList(std::string_view key) {
  return key == "containers" || key == "initContainers" || key == "ephemeralContainers";
}

Json Project(const Json& live, const Json& a, const Json& b, std::string_view list_key) {
  if (live.is_object()) {
    Json projected = Json::object();
    for (const auto& [key, value] : live.items()) {
      const Json& in_a = MemberOf(a, key);
      const Json& in_b = MemberOf(b, key);
      if (!in_a.is_null() || !in_b.is_null()) {
        projected[key] = Project(value, in_a, in_b, key);
      } else if (list_key.empty() && IsContainerList(key)) {
        projected[key] = value;
      }
    }
    return projected;
  }
  if (!live.is_array()) return live;
  const std::string identity = IdentityOf(live, a, b);
  Json projected = Json::array();
  for (std::size_t i = 0; i < live.size(); ++i) {
    const Json& in_a = Counterpart(a, live[i], i, identity);
    const Json& in_b = Counterpart(b, live[i], i, identity);
    if (!in_a.is_null() || !in_b.is_null()) {
      projected.push_back(Project(live[i], in_a, in_b, ""));
    } else if (IsContainerList(list_key)) {
      projected.push_back(live[i]);
    }
  }
  return projected;
}

}  // namespace

Json ProjectLive(const Json& live, const Json& rendered, const Json& rendered_before) {
  return Project(live, rendered, rendered_before, "");
}

void UnfoldJson(Json& object) {
  if (object.value("kind", "") != "ConfigMap" || !MemberOf(object, "data").is_object()) return;
  for (Json& value : object["data"]) {
    if (!value.is_string()) continue;
    const auto parsed = codec::JsonDocument::Parse(value.get_ref<const std::string&>());
    if (parsed.ok() && parsed->root().IsObject()) value = parsed->root().ToJson();
  }
}

void DropBookkeeping(Json& object) {
  if (!object.contains("metadata")) return;
  Json& metadata = object["metadata"];
  metadata.erase("ownerReferences");
  metadata.erase("finalizers");
  if (!metadata.contains("annotations")) return;
  for (const std::string_view key : {api::kSpecHashAnnotation, api::kProfileHashAnnotation,
                                     api::kFingerprintAnnotation, api::kTemplateKeysAnnotation}) {
    metadata["annotations"].erase(std::string(key));
  }
  if (metadata["annotations"].empty()) metadata.erase("annotations");
}

}  // namespace stockade::cli
