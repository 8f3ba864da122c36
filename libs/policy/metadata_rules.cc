#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "policy/metadata_keys.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for the pod's labels and annotations: runtimes, networks and injectors act on them.
namespace stockade::policy {
namespace {

struct DangerousKey {
  std::string_view family;  // what keys of it begin with, or end with
  std::string_view reason;
};

// Families of keys without a "/" that runtimes and the like read as configuration. No configuration
// of Stockade allows them.
constexpr std::array<DangerousKey, 12> kRuntimeFamilies = {{
    {"dev.gvisor.", "it configures gVisor, and may switch its protection off"},
    {"io.katacontainers.", "it configures the virtual machine, down to its kernel and hypervisor"},
    {"io.kubernetes.", "container runtimes read it as their own"},
    {"io.containerd.", "containerd reads it as configuration"},
    {"io.podman.", "the runtime reads it as configuration"},
    {"io.crio.", "CRI-O reads it as configuration"},
    {"org.systemd.property.", "runc passes it on to systemd"},
    {"org.criu.", "the runtime passes it on to CRIU"},
    {"run.oci.", "crun reads it as configuration"},
    {"com.docker.", "the runtime reads it as configuration"},
    {"module.wasm.", "the runtime reads it as configuration"},
    {"aadpodidbinding", "it gives the pod a cloud identity"},
}};

// The same, by what the part before a "/" ends with, or the whole key where there is none.
constexpr std::array<DangerousKey, 4> kRuntimeSuffixes = {{
    {".crio.io", "CRI-O reads it as configuration"},
    {".cri-o.io", "CRI-O reads it as configuration"},
    {".nri.io", "a plugin of the container runtime may inject devices and mounts by it"},
    {".nri.containerd.io", "a plugin of the container runtime may change limits by it"},
}};

// Prefixes before the "/" that are known for what they do; the reason goes into the message. Others
// are refused as well unless the configuration allows them.
constexpr std::array<DangerousKey, 32> kKnownPrefixes = {{
    {"dev.gvisor", "it configures gVisor, and may switch its protection off"},
    {"io.katacontainers", "it configures the virtual machine"},
    {"k8s.v1.cni.cncf.io", "Multus would attach the pod to other networks"},
    {"v1.multus-cni.io", "Multus would attach the pod to other networks"},
    {"k8s.ovn.org", "it configures the pod's network"},
    {"cni.projectcalico.org", "it configures the pod's network"},
    {"cni.cilium.io", "it configures the pod's network"},
    {"policy.cilium.io", "it configures the pod's network"},
    {"ipam.cilium.io", "it configures the pod's network"},
    {"kubernetes.io", "the kubelet or a controller acts on it"},
    {"cdi.k8s.io", "it injects devices and mounts of the node into containers"},
    {"sidecar.istio.io", "Istio would inject a container"},
    {"inject.istio.io", "Istio would inject a container"},
    {"istio.io", "Istio would redirect the pod's traffic"},
    {"traffic.sidecar.istio.io", "Istio would redirect the pod's traffic"},
    {"ambient.istio.io", "Istio would redirect the pod's traffic"},
    {"linkerd.io", "Linkerd would inject a container"},
    {"config.linkerd.io", "Linkerd would inject a container"},
    {"dapr.io", "Dapr would inject a container"},
    {"consul.hashicorp.com", "Consul would inject a container"},
    {"vault.hashicorp.com", "Vault's injector would put secrets into the pod"},
    {"secrets-store.csi.x-k8s.io", "it puts secrets into the pod"},
    {"azure.workload.identity", "it gives the pod a cloud identity"},
    {"eks.amazonaws.com", "it gives the pod a cloud identity"},
    {"iam.amazonaws.com", "it gives the pod a cloud identity"},
    {"iam.gke.io", "it gives the pod a cloud identity"},
    {"instrumentation.opentelemetry.io", "it injects code into containers"},
    {"admission.datadoghq.com", "it injects code into containers"},
    {"container.apparmor.security.beta.kubernetes.io",
     "it sets an AppArmor profile by an annotation, which securityContext.appArmorProfile "
     "replaces"},
    {"container.seccomp.security.alpha.kubernetes.io",
     "it set a seccomp profile in old versions, which securityContext.seccompProfile replaces"},
    {"seccomp.security.alpha.kubernetes.io",
     "it set a seccomp profile in old versions, which securityContext.seccompProfile replaces"},
    {"scheduler.alpha.kubernetes.io", "it once steered the scheduler"},
}};

bool IsAllowedPrefix(std::string_view prefix, const Facts& facts) {
  return std::ranges::any_of(facts.allowed_metadata_prefixes, [prefix](std::string_view allowed) {
    if (!allowed.starts_with("*.")) return prefix == allowed;
    const std::string_view suffix = allowed.substr(1);
    return suffix.size() > 1 && prefix.size() > suffix.size() && prefix.ends_with(suffix);
  });
}

bool IsOperatorsPrefix(std::string_view prefix) {
  return api::kReservedKeyPrefix.starts_with(prefix) &&
         prefix.size() + 1 == api::kReservedKeyPrefix.size();
}

// Of claims too: provisioners and the volume binder act on their annotations.
void CheckPodMetadata(const Subject& s, Report& report) {
  ForEachMetadataKey(s, [&](std::string_view key, auto&& path) {
    if (const auto reason = WhyKeyIsRefused(key, *s.facts)) {
      report.Add(path(), Quote(key) + " is refused: " + *reason);
    }
  });
}

constexpr std::array kRules = {
    Rule{.code = "PodMetadata",
         .check = CheckPodMetadata,
         .fields = "labels and annotations of the pod template and of claim templates",
         .summary = "Runtimes, networks and injectors act on labels and annotations of pods. Keys "
                    "without a prefix pass, those with one only if it is allowed: by default those "
                    "of app.kubernetes.io, Helm, Argo CD, Flux, Kustomize, kubectl and Prometheus.",
         .remedy = "remove it; harmless prefixes are allowed in the configuration",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

std::optional<std::string> WhyKeyIsRefused(std::string_view key, const Facts& facts) {
  for (const DangerousKey& family : kRuntimeFamilies) {
    if (key.starts_with(family.family)) return std::string(family.reason);
  }
  const std::size_t slash = key.find('/');
  for (const DangerousKey& suffix : kRuntimeSuffixes) {
    if (key.substr(0, slash).ends_with(suffix.family)) return std::string(suffix.reason);
  }
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view prefix = key.substr(0, slash);
  // Keys of the operator have a rule of their own.
  if (IsOperatorsPrefix(prefix) || IsAllowedPrefix(prefix, facts)) return std::nullopt;
  // The operator labels every pod with it, whatever a template has there.
  if (key == api::kManagedByLabel) return std::nullopt;
  for (const DangerousKey& known : kKnownPrefixes) {
    if (prefix == known.family) return std::string(known.reason);
  }
  return "its prefix " + Quote(prefix) + " is not one of those that are allowed";
}

std::span<const Rule> MetadataRules() { return kRules; }

std::vector<std::string> Facts::DefaultAllowedMetadataPrefixes() {
  return {"app.kubernetes.io",
          "argocd.argoproj.io",
          "checksum",  // Helm charts' customary "checksum/config"
          "config.kubernetes.io",
          "helm.sh",
          "helm.toolkit.fluxcd.io",
          "internal.config.kubernetes.io",
          "kubectl.kubernetes.io",
          "kustomize.config.k8s.io",
          "kustomize.toolkit.fluxcd.io",
          "meta.helm.sh",
          "prometheus.io"};
}

}  // namespace stockade::policy
