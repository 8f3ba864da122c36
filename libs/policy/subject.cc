#include "policy/subject.h"

#include <algorithm>
#include <array>

#include "policy/key_table.h"

namespace stockade::policy {
namespace {

using codec::JsonView;

template <typename Fields>
struct Member {
  std::string_view name;
  JsonView Fields::* field;
};

template <typename Fields, std::size_t N>
consteval std::array<std::string_view, N> NamesOf(const std::array<Member<Fields>, N>& members) {
  std::array<std::string_view, N> names;
  for (std::size_t i = 0; i < N; ++i) names[i] = members[i].name;
  return names;
}

// Reads the members that the table knows; of a key that stands twice the first counts, as
// everywhere in codec.
template <typename Fields, std::size_t N>
Fields Read(JsonView object, const std::array<Member<Fields>, N>& members, const KeyTable& keys) {
  Fields fields;
  object.ForEachMember([&](std::string_view key, JsonView value) {
    const int index = keys.Find(key);
    if (index == KeyTable::kNotFound) return;
    JsonView& field = fields.*members[static_cast<std::size_t>(index)].field;
    if (!field.exists()) field = value;
  });
  return fields;
}

#define STOCKADE_MEMBER(type, name) \
  Member<type> { #name, &type::name }

constexpr std::array kPodMembers = {
    STOCKADE_MEMBER(PodFields, activeDeadlineSeconds),
    STOCKADE_MEMBER(PodFields, affinity),
    STOCKADE_MEMBER(PodFields, automountServiceAccountToken),
    STOCKADE_MEMBER(PodFields, dnsConfig),
    STOCKADE_MEMBER(PodFields, dnsPolicy),
    STOCKADE_MEMBER(PodFields, enableServiceLinks),
    STOCKADE_MEMBER(PodFields, ephemeralContainers),
    STOCKADE_MEMBER(PodFields, hostAliases),
    STOCKADE_MEMBER(PodFields, hostIPC),
    STOCKADE_MEMBER(PodFields, hostNetwork),
    STOCKADE_MEMBER(PodFields, hostPID),
    STOCKADE_MEMBER(PodFields, hostUsers),
    STOCKADE_MEMBER(PodFields, hostname),
    STOCKADE_MEMBER(PodFields, hostnameOverride),
    STOCKADE_MEMBER(PodFields, imagePullSecrets),
    STOCKADE_MEMBER(PodFields, nodeName),
    STOCKADE_MEMBER(PodFields, nodeSelector),
    STOCKADE_MEMBER(PodFields, os),
    STOCKADE_MEMBER(PodFields, overhead),
    STOCKADE_MEMBER(PodFields, preemptionPolicy),
    STOCKADE_MEMBER(PodFields, priority),
    STOCKADE_MEMBER(PodFields, priorityClassName),
    STOCKADE_MEMBER(PodFields, readinessGates),
    STOCKADE_MEMBER(PodFields, resourceClaims),
    STOCKADE_MEMBER(PodFields, resources),
    STOCKADE_MEMBER(PodFields, runtimeClassName),
    STOCKADE_MEMBER(PodFields, schedulerName),
    STOCKADE_MEMBER(PodFields, schedulingGates),
    STOCKADE_MEMBER(PodFields, schedulingGroup),
    STOCKADE_MEMBER(PodFields, securityContext),
    STOCKADE_MEMBER(PodFields, serviceAccount),
    STOCKADE_MEMBER(PodFields, serviceAccountName),
    STOCKADE_MEMBER(PodFields, setHostnameAsFQDN),
    STOCKADE_MEMBER(PodFields, shareProcessNamespace),
    STOCKADE_MEMBER(PodFields, subdomain),
    STOCKADE_MEMBER(PodFields, terminationGracePeriodSeconds),
    STOCKADE_MEMBER(PodFields, tolerations),
    STOCKADE_MEMBER(PodFields, volumes),
    STOCKADE_MEMBER(PodFields, workloadRef),
};
constexpr auto kPodNames = NamesOf(kPodMembers);
constexpr KeyTable kPodKeys(kPodNames);

constexpr std::array kSecurityMembers = {
    STOCKADE_MEMBER(SecurityFields, allowPrivilegeEscalation),
    STOCKADE_MEMBER(SecurityFields, appArmorProfile),
    STOCKADE_MEMBER(SecurityFields, capabilities),
    STOCKADE_MEMBER(SecurityFields, fsGroup),
    STOCKADE_MEMBER(SecurityFields, privileged),
    STOCKADE_MEMBER(SecurityFields, procMount),
    STOCKADE_MEMBER(SecurityFields, readOnlyRootFilesystem),
    STOCKADE_MEMBER(SecurityFields, runAsGroup),
    STOCKADE_MEMBER(SecurityFields, runAsNonRoot),
    STOCKADE_MEMBER(SecurityFields, runAsUser),
    STOCKADE_MEMBER(SecurityFields, seLinuxOptions),
    STOCKADE_MEMBER(SecurityFields, seccompProfile),
    STOCKADE_MEMBER(SecurityFields, supplementalGroups),
    STOCKADE_MEMBER(SecurityFields, sysctls),
    STOCKADE_MEMBER(SecurityFields, windowsOptions),
};
constexpr auto kSecurityNames = NamesOf(kSecurityMembers);
constexpr KeyTable kSecurityKeys(kSecurityNames);

constexpr std::array kContainerMembers = {
    STOCKADE_MEMBER(ContainerFields, env),
    STOCKADE_MEMBER(ContainerFields, envFrom),
    STOCKADE_MEMBER(ContainerFields, image),
    STOCKADE_MEMBER(ContainerFields, lifecycle),
    STOCKADE_MEMBER(ContainerFields, livenessProbe),
    STOCKADE_MEMBER(ContainerFields, name),
    STOCKADE_MEMBER(ContainerFields, ports),
    STOCKADE_MEMBER(ContainerFields, readinessProbe),
    STOCKADE_MEMBER(ContainerFields, resources),
    STOCKADE_MEMBER(ContainerFields, restartPolicy),
    STOCKADE_MEMBER(ContainerFields, restartPolicyRules),
    STOCKADE_MEMBER(ContainerFields, securityContext),
    STOCKADE_MEMBER(ContainerFields, startupProbe),
    STOCKADE_MEMBER(ContainerFields, targetContainerName),
    STOCKADE_MEMBER(ContainerFields, terminationMessagePath),
    STOCKADE_MEMBER(ContainerFields, volumeDevices),
    STOCKADE_MEMBER(ContainerFields, volumeMounts),
    STOCKADE_MEMBER(ContainerFields, workingDir),
};
constexpr auto kContainerNames = NamesOf(kContainerMembers);
constexpr KeyTable kContainerKeys(kContainerNames);

#undef STOCKADE_MEMBER

// The text of a mount's image. Its source is kept as JSON, so the text needs a home of its own.
std::unique_ptr<const std::string> ImageTextOf(const api::Mount& mount) {
  const codec::Json source = mount.source_spec.ToJson();
  const auto reference = source.is_object() ? source.find("reference") : source.end();
  return std::make_unique<const std::string>(reference != source.end() && reference->is_string()
                                                 ? reference->get<std::string>()
                                                 : std::string());
}

void FindImages(Subject& subject) {
  const auto add = [&subject](Image::Place place, std::size_t index, std::string_view text) {
    subject.images.push_back({place, index, text, ParseImageReference(text)});
  };
  subject.images.reserve(4);
  if (subject.sandbox != nullptr) {
    const auto& mounts = subject.sandbox->spec.mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
      if (mounts[i].source != api::MountSource::kImage) continue;
      subject.image_texts.push_back(ImageTextOf(mounts[i]));
      add(Image::Place::kMount, i, *subject.image_texts.back());
    }
  }
  subject.spec.volumes.ForEachElement([&add](std::size_t index, JsonView volume) {
    const JsonView image = volume["image"];
    if (!image.IsUnset()) add(Image::Place::kVolume, index, image["reference"].StringOrEmpty());
  });
  for (std::size_t i = 0; i < subject.containers.size(); ++i) {
    add(Image::Place::kContainer, i, subject.containers[i].image.StringOrEmpty());
  }
}

}  // namespace

PodFields ReadPodFields(JsonView spec) { return Read(spec, kPodMembers, kPodKeys); }

SecurityFields ReadSecurityFields(JsonView security_context) {
  return Read(security_context, kSecurityMembers, kSecurityKeys);
}

ContainerFields ReadContainerFields(JsonView container) {
  return Read(container, kContainerMembers, kContainerKeys);
}

std::string IndexedPath(std::string_view list, std::size_t index, std::string_view field) {
  std::string path(list);
  path += '[';
  path += std::to_string(index);
  path += ']';
  if (!field.empty()) {
    path += '.';
    path += field;
  }
  return path;
}

std::string Container::Path(std::string_view list, std::size_t index,
                            std::string_view field) const {
  return view.Path(IndexedPath(list, index, field));
}

std::span<const std::pair<std::string_view, JsonView>> Subject::VolumesNamed(
    std::string_view name) const {
  const auto [first, last] = std::ranges::equal_range(
      volumes_by_name, name, {}, &std::pair<std::string_view, JsonView>::first);
  return {first, last};
}

std::string Subject::Path(std::string_view spec_field) const {
  return pod.Path("spec." + std::string(spec_field));
}

std::string Subject::Path(std::string_view list, std::size_t index, std::string_view field) const {
  return Path(IndexedPath(list, index, field));
}

std::string Subject::Path(const ClaimSpec& claim, std::string_view field) const {
  std::string path = claim.ephemeral
                         ? Path("volumes", claim.index, "ephemeral.volumeClaimTemplate.spec.")
                         : IndexedPath("spec.volumeClaimTemplates", claim.index, "spec.");
  path += field;
  return path;
}

std::string Subject::Path(const Image& image) const {
  switch (image.place) {
    case Image::Place::kMount:
      return IndexedPath("spec.mounts", image.index, "image.reference");
    case Image::Place::kVolume:
      return Path("volumes", image.index, "image.reference");
    case Image::Place::kContainer:
      return containers[image.index].Path("image");
  }
  return {};
}

Subject MakeSubject(const api::AgentSandbox* sandbox, api::PodView pod,
                    std::string_view runtime_class, const Facts& facts) {
  Subject subject{.sandbox = sandbox,
                  .pod = pod,
                  .spec = ReadPodFields(pod.spec()),
                  .security = {},
                  .containers = {},
                  .volumes_by_name = {},
                  .claims = {},
                  .claim_documents = {},
                  .images = {},
                  .image_texts = {},
                  .runtime_class = runtime_class,
                  .facts = &facts};
  subject.security = ReadSecurityFields(subject.spec.securityContext);
  subject.containers.reserve(4);
  pod.ForEachContainer([&subject](const api::ContainerView& view) {
    const ContainerFields fields = ReadContainerFields(view.json());
    subject.containers.push_back(
        Container{fields, view, ReadSecurityFields(fields.securityContext)});
  });
  subject.spec.volumes.ForEachElement([&subject](std::size_t index, JsonView volume) {
    subject.volumes_by_name.emplace_back(volume["name"].StringOrEmpty(), volume);
    const JsonView claim = volume["ephemeral"]["volumeClaimTemplate"];
    if (claim.exists()) {
      subject.claims.push_back({claim["spec"], claim["metadata"], /*ephemeral=*/true, index});
    }
  });
  FindImages(subject);
  std::ranges::sort(subject.volumes_by_name, {}, &std::pair<std::string_view, JsonView>::first);
  if (sandbox == nullptr) return subject;
  const auto& templates = sandbox->spec.volume_claim_templates;
  for (std::size_t i = 0; i < templates.size(); ++i) {
    auto document = codec::JsonDocument::Parse(templates[i].spec.text());
    if (!document.ok()) continue;  // JsonText is always JSON
    subject.claim_documents.push_back(std::move(document).value());
    subject.claims.push_back({subject.claim_documents.back().root(), {}, /*ephemeral=*/false, i});
  }
  return subject;
}

}  // namespace stockade::policy
