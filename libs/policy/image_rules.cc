#include <array>
#include <string>

#include "policy/image_reference.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for images, of containers and of volumes.
namespace stockade::policy {
namespace {

using codec::JsonView;

// Calls f(text, path) for the reference of every image.
template <typename F>
void ForEachImage(const Subject& s, F&& f) {
  if (!s.rendered()) {
    for (std::size_t i = 0; i < s.sandbox->spec.mounts.size(); ++i) {
      const api::Mount& mount = s.sandbox->spec.mounts[i];
      if (mount.source != api::MountSource::kImage) continue;
      const codec::Json source = mount.source_spec.ToJson();
      const auto reference = source.is_object() ? source.find("reference") : source.end();
      const std::string text = reference != source.end() && reference->is_string()
                                   ? reference->get<std::string>()
                                   : std::string();
      f(text, [i] { return IndexedPath("spec.mounts", i, "image.reference"); });
    }
  }
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    const JsonView image = volume["image"];
    if (image.IsUnset()) return;
    f(image["reference"].StringOrEmpty(),
      [&s, index] { return s.Path("volumes", index, "image.reference"); });
  });
  for (const Container& c : s.containers) {
    f(c.image.StringOrEmpty(), [&c] { return c.Path("image"); });
  }
}

void CheckImageReference(const Subject& s, Report& report) {
  ForEachImage(s, [&report](std::string_view text, auto&& path) {
    if (text.empty()) {
      report.Add(path(), "no image is named");
    } else if (!ParseImageReference(text)) {
      report.Add(path(), Quote(text) + " is no image reference");
    }
  });
}

void CheckImageFloating(const Subject& s, Report& report) {
  ForEachImage(s, [&report](std::string_view text, auto&& path) {
    const auto reference = ParseImageReference(text);
    if (!reference || !reference->digest.empty()) return;
    if (reference->tag.empty() || reference->tag == "latest") {
      report.Add(path(), Quote(text) + " may be another image tomorrow");
    }
  });
}

constexpr std::array kRules = {
    Rule{.code = "ImageReference",
         .check = CheckImageReference,
         .fields = "every container's image, image.reference of volumes[] and mounts[]",
         .summary = "An image reference follows the grammar that runtimes and registries share, so "
                    "that every rule reads the same registry in it. A bare 64-digit identifier "
                    "names an image by chance present on the node, and is refused.",
         .remedy = "write registry/repository:tag or registry/repository@sha256:digest",
         .references = {.kubescape = "C-0078", .principle = Principle::kDefenceInDepth}},
    Rule{.code = "ImageFloating",
         .severity = Severity::kWarning,
         .judges = JudgedObject::kSandbox,
         .check = CheckImageFloating,
         .fields = "every container's image, image.reference of volumes[] and mounts[]",
         .summary = "Without a tag, or with latest, nobody can say which image runs.",
         .remedy = "name a version, or better a digest",
         .references = {.kubescape = "C-0075", .principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> ImageRules() { return kRules; }

}  // namespace stockade::policy
