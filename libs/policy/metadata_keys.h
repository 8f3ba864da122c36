#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/evaluate.h"
#include "policy/quoting.h"
#include "policy/subject.h"

namespace stockade::policy {

// True for a key that is the operator's: "stockade.dev/sandbox".
[[nodiscard]] bool IsReservedKey(std::string_view key);

// Why a label or annotation of that key may not stand on a sandbox's pod, or nothing. Keys that are
// the operator's are another matter.
[[nodiscard]] std::optional<std::string> WhyKeyIsRefused(std::string_view key, const Facts& facts);

// Calls f(key, path) for each label and annotation that the subject brings into a cluster: of the
// pod, of its ephemeral claims and, for a sandbox, of its claim templates. path() is the field.
template <typename F>
void ForEachMetadataKey(const Subject& s, F&& f) {
  for (const std::string_view map : {"labels", "annotations"}) {
    const std::string field = "metadata." + std::string(map);
    s.pod.metadata()[map].ForEachMember([&](std::string_view key, codec::JsonView) {
      f(key, [&] { return s.pod.Path(KeyedPath(field, key)); });
    });
    for (const ClaimSpec& claim : s.claims) {
      claim.metadata[map].ForEachMember([&](std::string_view key, codec::JsonView) {
        f(key, [&] {
          return KeyedPath(s.Path("volumes", claim.index, "ephemeral.volumeClaimTemplate." + field),
                           key);
        });
      });
    }
  }
  if (s.rendered()) return;
  const auto& templates = s.sandbox->spec.volume_claim_templates;
  for (std::size_t i = 0; i < templates.size(); ++i) {
    const auto visit = [&](const api::StringMap& map, std::string_view field) {
      for (const auto& entry : map) {
        const std::string_view key = entry.first;
        f(key, [&] { return KeyedPath(IndexedPath("spec.volumeClaimTemplates", i, field), key); });
      }
    };
    visit(templates[i].labels, "metadata.labels");
    visit(templates[i].annotations, "metadata.annotations");
  }
}

}  // namespace stockade::policy
