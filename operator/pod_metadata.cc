#include "operator/pod_metadata.h"

#include <string>
#include <string_view>
#include <utility>

#include "api/binding_names.h"
#include "api/names.h"
#include "render/fingerprint.h"

namespace stockade::sandbox_operator {
namespace {

bool IsDigest(std::string_view key) {
  return key == api::kSpecHashAnnotation || key == api::kProfileHashAnnotation ||
         key == api::kFingerprintAnnotation;
}

codec::Json KeysOf(const api::StringMap& map) {
  codec::Json keys = codec::Json::array();
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

// What one of the two maps lacks, has differently, or has of an earlier template only.
codec::Json MapPatch(const api::StringMap& live, const codec::Json& wanted,
                     codec::JsonView template_keys) {
  codec::Json patch = codec::Json::object();
  for (const auto& [key, value] : wanted.items()) {
    const auto found = live.find(key);
    if (IsDigest(key)) continue;
    if (found == live.end() || found->second != value.get_ref<const std::string&>()) {
      patch[key] = value;
    }
  }
  template_keys.ForEachElement([&](std::size_t, codec::JsonView element) {
    const std::string key(element.StringOrEmpty());
    if (!wanted.contains(key) && live.contains(key)) patch[key] = nullptr;
  });
  return patch;
}

}  // namespace

std::string AnnotateRenderedPod(codec::Json& pod, const api::PodTemplate& pod_template) {
  codec::Json keys = {{"labels", KeysOf(pod_template.labels)},
                      {"annotations", KeysOf(pod_template.annotations)}};
  // It goes when a claim gets the pool's sandbox.
  if (pod["metadata"]["labels"].contains(api::kPoolLabel))
    keys["labels"].push_back(api::kPoolLabel);
  pod["metadata"]["annotations"][std::string(api::kTemplateKeysAnnotation)] = keys.dump();
  std::string fingerprint = render::PodFingerprint(codec::ParseTrusted(pod).root());
  pod["metadata"]["annotations"][std::string(api::kFingerprintAnnotation)] = fingerprint;
  return fingerprint;
}

std::optional<codec::Json> MetadataPatch(const CachedPod& live, const codec::Json& rendered) {
  const codec::Json& metadata = rendered["metadata"];
  const api::StringMap& annotations = *live.annotations;
  const auto recorded = annotations.find(std::string(api::kTemplateKeysAnnotation));
  auto keys = codec::JsonDocument::Parse(recorded == annotations.end() ? std::string_view("{}")
                                                                       : recorded->second);
  const codec::JsonView template_keys = keys.ok() ? keys->root() : codec::JsonView();

  codec::Json patch = codec::Json::object();
  for (const auto& [field, map] :
       {std::pair{"labels", &live.labels}, std::pair{"annotations", &annotations}}) {
    codec::Json changes = MapPatch(*map, metadata[field], template_keys[field]);
    if (!changes.empty()) patch["metadata"][field] = std::move(changes);
  }
  if (patch.empty()) return std::nullopt;
  return patch;
}

}  // namespace stockade::sandbox_operator
