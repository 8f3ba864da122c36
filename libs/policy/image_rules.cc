#include <array>
#include <string>

#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for images, of containers and of volumes.
namespace stockade::policy {
namespace {

void CheckImageReference(const Subject& s, Report& report) {
  for (const Image& image : s.images) {
    if (image.text.empty()) {
      report.Add(s.Path(image), "no image is named");
    } else if (!image.reference) {
      report.Add(s.Path(image), Quote(image.text) + " is no image reference");
    }
  }
}

void CheckImageFloating(const Subject& s, Report& report) {
  for (const Image& image : s.images) {
    if (!image.reference || !image.reference->digest.empty()) continue;
    if (image.reference->tag.empty() || image.reference->tag == "latest") {
      report.Add(s.Path(image), Quote(image.text) + " may be another image tomorrow");
    }
  }
}

constexpr std::array kRules = {
    Rule{.code = "ImageReference",
         .check = CheckImageReference,
         .fields = "every container's image, image.reference of volumes[] and mounts[]",
         .summary = "An image reference follows the grammar that runtimes and registries share, so "
                    "that every rule reads the same registry in it. A bare 64-digit identifier, "
                    "or a bare digest, names an image by chance present on the node, and is "
                    "refused.",
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
