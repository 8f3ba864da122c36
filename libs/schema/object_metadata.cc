#include "schema/object_metadata.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/rfc3339.h"
#include "base/strings.h"
#include "policy/quoting.h"
#include "schema/schema_node.h"
#include "schema/schema_rules.h"

namespace stockade::schema {
namespace {

using codec::JsonView;

// metav1.ObjectMeta. Its managedFields are the API server's own and not looked into.
constexpr std::string_view kObjectMeta = R"json({
  "type": "object",
  "properties": {
    "name": {"type": "string", "maxLength": 253},
    "generateName": {"type": "string", "maxLength": 253},
    "namespace": {"type": "string", "maxLength": 63},
    "selfLink": {"type": "string"},
    "uid": {"type": "string"},
    "resourceVersion": {"type": "string"},
    "generation": {"type": "integer"},
    "creationTimestamp": {"type": "string"},
    "deletionTimestamp": {"type": "string"},
    "deletionGracePeriodSeconds": {"type": "integer"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    "finalizers": {"type": "array", "items": {"type": "string"}},
    "managedFields": {"x-kubernetes-preserve-unknown-fields": true},
    "ownerReferences": {"type": "array", "items": {
      "type": "object",
      "required": ["apiVersion", "kind", "name", "uid"],
      "properties": {
        "apiVersion": {"type": "string", "minLength": 1},
        "kind": {"type": "string", "minLength": 1},
        "name": {"type": "string", "minLength": 1},
        "uid": {"type": "string", "minLength": 1},
        "controller": {"type": "boolean"},
        "blockOwnerDeletion": {"type": "boolean"}
      }
    }}
  }
})json";

const SchemaNode& ObjectMetaSchema() {
  static const std::unique_ptr<SchemaNode> schema = [] {
    const codec::JsonDocument document = codec::ParseTrusted(codec::Json::parse(kObjectMeta));
    return ParseSchemaNode(document.root(), "metadata").value();
  }();
  return *schema;
}

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The name part of a qualified name, and a label's value: apimachinery's validation package.
bool IsLabelText(std::string_view text) {
  return !text.empty() && text.size() <= 63 && IsAlphanumeric(text.front()) &&
         IsAlphanumeric(text.back()) && std::ranges::all_of(text, [](char c) {
           return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

bool IsQualifiedName(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return IsLabelText(key);
  return IsDnsSubdomain(key.substr(0, slash)) && IsLabelText(key.substr(slash + 1));
}

void CheckKeys(JsonView map, const std::string& path, ValueChecker& checker) {
  map.ForEachMember([&](std::string_view key, JsonView) {
    if (IsQualifiedName(key)) return;
    checker.Add(kInvalid, policy::KeyedPath(path, key),
                "the key must be a name of at most 63 letters, digits, '-', '_' and '.', with a "
                "letter or digit at both ends, and may have a DNS name and '/' before it");
  });
}

bool IsUnsetOrEmpty(JsonView text) {
  return text.IsUnset() || (text.IsString() && text.StringOrEmpty().empty());
}

}  // namespace

void CheckObjectMetadata(JsonView metadata, ValueChecker& checker) {
  if (!metadata.IsUnset()) checker.Check(metadata, ObjectMetaSchema(), "metadata");
  // One of another type is told as that.
  if (IsUnsetOrEmpty(metadata["name"]) && IsUnsetOrEmpty(metadata["generateName"])) {
    checker.Add(kRequired, "metadata.name", "is required and not set");
  }
  const std::string_view namespace_name = metadata["namespace"].StringOrEmpty();
  if (!namespace_name.empty() && !IsDnsLabel(namespace_name)) {
    checker.Add(kInvalid, "metadata.namespace",
                policy::Quote(namespace_name) +
                    " cannot be the name of a namespace; it must be a "
                    "DNS label of at most 63 characters");
  }
  for (const std::string_view field : {"creationTimestamp", "deletionTimestamp"}) {
    const JsonView time = metadata[field];
    if (!time.IsString() || ParseRfc3339(time.StringOrEmpty())) continue;
    checker.Add(kInvalid, "metadata." + std::string(field),
                policy::Quote(time) +
                    " is no time such as 2026-11-24T04:15:20Z; leave it out: the API server sets "
                    "it");
  }
  CheckKeys(metadata["labels"], "metadata.labels", checker);
  CheckKeys(metadata["annotations"], "metadata.annotations", checker);
  metadata["labels"].ForEachMember([&checker](std::string_view key, JsonView value) {
    const std::string_view text = value.StringOrEmpty();
    if (text.empty() || IsLabelText(text)) return;
    checker.Add(kInvalid, policy::KeyedPath("metadata.labels", key),
                policy::Quote(text) +
                    " must have at most 63 letters, digits, '-', '_' and '.', with a letter or "
                    "digit at both ends");
  });
}

}  // namespace stockade::schema
