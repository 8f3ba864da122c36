#include <algorithm>
#include <array>
#include <string>

#include "base/strings.h"
#include "policy/compiled_policy.h"
#include "policy/policy_report.h"
#include "policy/policy_subject.h"
#include "policy/quoting.h"
#include "policy/rule_groups.h"

// Rules that an AgentSandboxPolicy brings: each judges a sandbox by one policy, and finds nothing
// where the policy does not ask for it.
namespace stockade::policy {
namespace {

std::string Name(api::Isolation isolation) { return std::string(api::IsolationName(isolation)); }

// How far below the minimum, so that an update that comes closer to it adds nothing.
api::Quantity Distance(api::Isolation isolation, api::Isolation minimum) {
  const int tiers = static_cast<int>(minimum) - static_cast<int>(isolation);
  return api::Quantity::Parse(std::to_string(tiers)).value();
}

std::string IsolationRemedy(api::Isolation minimum) {
  return minimum == api::Isolation::kMicroVM ? "use MicroVM" : "use GVisor or MicroVM";
}

void CheckIsolation(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  const api::AgentSandboxSpec& spec = s->sandbox->spec;
  const auto minimum = policy.minimum_isolation();
  if (minimum && spec.isolation < *minimum) {
    report.Add("spec.isolation",
               "isolation is " + Name(spec.isolation) + ", and minimumIsolation " + Name(*minimum),
               IsolationRemedy(*minimum), "minimumIsolation", Distance(spec.isolation, *minimum));
  }
  // GVisor is what the floor demands, which says so itself.
  const api::Isolation untrusted = policy.minimum_isolation_for_untrusted();
  if (spec.input_trust == api::InputTrust::kUntrusted && untrusted > api::Isolation::kGVisor &&
      spec.isolation < untrusted) {
    report.Add("spec.isolation",
               "isolation is " + Name(spec.isolation) + ", and minimumIsolationForUntrusted " +
                   Name(untrusted) +
                   ": the agent reads untrusted content, as inputTrust says or leaves open",
               IsolationRemedy(untrusted) +
                   ", or set inputTrust to Trusted, if nobody else can write what the agent reads",
               "minimumIsolationForUntrusted", Distance(spec.isolation, untrusted));
  }
}

// The same image in another container is the same; as a volume it is another thing.
std::string SubjectOf(const Image& image) {
  return (image.place == Image::Place::kContainer ? "container " : "volume ") +
         std::string(image.text);
}

std::string AllowedRegistries(const CompiledPolicy& policy) {
  constexpr std::size_t kMost = 5;
  std::string text;
  const auto registries = policy.allowed_registries();
  for (const RegistryPrefix& prefix : registries.first(std::min(kMost, registries.size()))) {
    if (!text.empty()) text += ", ";
    text += Truncate(prefix.text(), 80);
  }
  if (registries.size() > kMost) text += ", ...";
  return text;
}

void CheckRegistry(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  const auto allowed = policy.allowed_registries();
  if (allowed.empty()) return;
  for (const Image& image : s->images) {
    if (!image.reference) continue;  // ImageReference
    const bool covered = std::ranges::any_of(allowed, [&image](const RegistryPrefix& prefix) {
      return prefix.Covers(*image.reference);
    });
    if (covered) continue;
    report.Add(s->Path(image),
               Quote(image.text) + (image.reference->registry.empty()
                                        ? " names no registry, and which one it comes from is up "
                                          "to the node"
                                        : " comes from no allowed registry"),
               "use an image of " + AllowedRegistries(policy), SubjectOf(image));
  }
}

void CheckDigest(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  if (!policy.requires_digest()) return;
  for (const Image& image : s->images) {
    if (!image.reference || !image.reference->digest.empty()) continue;
    report.Add(s->Path(image),
               Quote(image.text) + " has no digest, and may be another image tomorrow",
               "name the image by its digest: registry/name@sha256:digest", SubjectOf(image));
  }
}

void CheckResources(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  for (std::size_t i = 0; i < api::kResourceCount; ++i) {
    const auto& maximum = policy.max_resources()[i];
    if (!maximum) continue;
    const EffectiveLimit& limit = s.limits()[i];
    if (limit.amount <= *maximum) continue;
    const std::string name(api::kResourceNames[i]);
    const std::string field =
        KeyedPath(limit.container == nullptr ? s->Path("resources.limits")
                                             : limit.container->Path("resources.limits"),
                  name);
    report.Add(
        field,
        "the sandbox may use " + limit.amount.ToString() + " of " + name +
            (limit.by_default ? ", as this limit is unset and a default takes its place" : ""),
        "set limits of at most " + maximum->ToString() + " for all of its containers together",
        name, limit.amount);
  }
}

void CheckAccess(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  if (policy.access().forbid_port_forward &&
      s->sandbox->spec.access.port_forward == api::Permission::kAllow) {
    report.Add("spec.access.portForward", "portForward is Allow, and forbidPortForward is set",
               "remove portForward, or write Deny", "portForward");
  }
}

constexpr std::array kRules = {
    Rule{.code = "IsolationBelowMinimum",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckIsolation,
         .fields = "isolation, inputTrust",
         .summary = "The policy's minimumIsolation holds for every sandbox, and "
                    "minimumIsolationForUntrusted for those that read what others can write.",
         .remedy = "use an isolation of at least the policy's minimum",
         .references = {.cve = "CVE-2022-0185, CVE-2024-1086", .principle = Principle::kIsolation}},
    Rule{.code = "ImageRegistry",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckRegistry,
         .fields = "every container's image, image.reference of volumes[] and mounts[]",
         .summary = "Images come from the registries and paths of the policy's "
                    "images.allowedRegistries, compared by whole path segments. An image that "
                    "names no registry is from none of them.",
         .remedy = "use an image of an allowed registry, with the registry written out",
         .references = {.kubescape = "C-0078", .principle = Principle::kDefenceInDepth}},
    Rule{.code = "ImageDigest",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckDigest,
         .fields = "every container's image, image.reference of volumes[] and mounts[]",
         .summary = "With the policy's images.requireDigest an image is named by its content, so "
                    "that what was reviewed is what runs.",
         .remedy = "name the image by its digest: registry/name@sha256:digest",
         .references = {.kubescape = "C-0075", .principle = Principle::kDefenceInDepth}},
    Rule{.code = "ResourceAboveMaximum",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckResources,
         .fields = "resources of every container and of the pod",
         .summary = "The policy's resources.max bounds what a sandbox may use in all: the limits "
                    "of the containers that run at the same time, or the pod's own. A limit that "
                    "is unset counts as the default that the operator fills in.",
         .remedy = "set lower limits",
         .references = {.kubescape = "C-0004, C-0050", .principle = Principle::kLeastPrivilege}},
    Rule{.code = "AccessForbidden",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckAccess,
         .fields = "access.portForward",
         .summary = "Where the policy's access.forbidPortForward is set, no sandbox may ask for "
                    "what the policy refuses at the door. Of exec and attach, which are allowed "
                    "unless a sandbox says otherwise, nothing need be said: the policy refuses "
                    "them in each request.",
         .remedy = "remove portForward, or write Deny",
         .references = {.principle = Principle::kLeastPrivilege}},
};

}  // namespace

std::span<const Rule> PolicyRules() { return kRules; }

}  // namespace stockade::policy
