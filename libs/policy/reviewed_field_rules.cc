#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "policy/key_table.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// The rule for what no rule knows: a field of a later Kubernetes is refused until somebody has
// looked at what it opens. The lists hold every field of Kubernetes 1.36 (core/v1) that another
// rule judges or that needs none.
namespace stockade::policy {
namespace {

using codec::JsonView;

constexpr std::array<std::string_view, 43> kPodMembers = {"activeDeadlineSeconds",
                                                          "affinity",
                                                          "automountServiceAccountToken",
                                                          "containers",
                                                          "dnsConfig",
                                                          "dnsPolicy",
                                                          "enableServiceLinks",
                                                          "ephemeralContainers",
                                                          "hostAliases",
                                                          "hostIPC",
                                                          "hostNetwork",
                                                          "hostPID",
                                                          "hostUsers",
                                                          "hostname",
                                                          "hostnameOverride",
                                                          "imagePullSecrets",
                                                          "initContainers",
                                                          "nodeName",
                                                          "nodeSelector",
                                                          "os",
                                                          "overhead",
                                                          "preemptionPolicy",
                                                          "priority",
                                                          "priorityClassName",
                                                          "readinessGates",
                                                          "resourceClaims",
                                                          "resources",
                                                          "restartPolicy",
                                                          "runtimeClassName",
                                                          "schedulerName",
                                                          "schedulingGates",
                                                          "schedulingGroup",
                                                          "securityContext",
                                                          "serviceAccount",
                                                          "serviceAccountName",
                                                          "setHostnameAsFQDN",
                                                          "shareProcessNamespace",
                                                          "subdomain",
                                                          "terminationGracePeriodSeconds",
                                                          "tolerations",
                                                          "topologySpreadConstraints",
                                                          "volumes",
                                                          "workloadRef"};
constexpr KeyTable kPodKeys(kPodMembers);

constexpr std::array<std::string_view, 13> kPodSecurityMembers = {"appArmorProfile",
                                                                  "fsGroup",
                                                                  "fsGroupChangePolicy",
                                                                  "runAsGroup",
                                                                  "runAsNonRoot",
                                                                  "runAsUser",
                                                                  "seLinuxChangePolicy",
                                                                  "seLinuxOptions",
                                                                  "seccompProfile",
                                                                  "supplementalGroups",
                                                                  "supplementalGroupsPolicy",
                                                                  "sysctls",
                                                                  "windowsOptions"};
constexpr KeyTable kPodSecurityKeys(kPodSecurityMembers);

constexpr std::array<std::string_view, 26> kContainerMembers = {"args",
                                                                "command",
                                                                "env",
                                                                "envFrom",
                                                                "image",
                                                                "imagePullPolicy",
                                                                "lifecycle",
                                                                "livenessProbe",
                                                                "name",
                                                                "ports",
                                                                "readinessProbe",
                                                                "resizePolicy",
                                                                "resources",
                                                                "restartPolicy",
                                                                "restartPolicyRules",
                                                                "securityContext",
                                                                "startupProbe",
                                                                "stdin",
                                                                "stdinOnce",
                                                                "targetContainerName",
                                                                "terminationMessagePath",
                                                                "terminationMessagePolicy",
                                                                "tty",
                                                                "volumeDevices",
                                                                "volumeMounts",
                                                                "workingDir"};
constexpr KeyTable kContainerKeys(kContainerMembers);

constexpr std::array<std::string_view, 12> kContainerSecurityMembers = {
    "allowPrivilegeEscalation", "appArmorProfile", "capabilities", "privileged", "procMount",
    "readOnlyRootFilesystem",   "runAsGroup",      "runAsNonRoot", "runAsUser",  "seLinuxOptions",
    "seccompProfile",           "windowsOptions"};
constexpr KeyTable kContainerSecurityKeys(kContainerSecurityMembers);

// What stands in a container and brings something of the node, the cluster or a secret into it, or
// makes the kubelet act.
constexpr std::array<std::string_view, 5> kValueSources = {
    "configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"};
constexpr KeyTable kValueSourceKeys(kValueSources);

constexpr std::array<std::string_view, 3> kEnvFromMembers = {"configMapRef", "prefix", "secretRef"};
constexpr KeyTable kEnvFromKeys(kEnvFromMembers);

constexpr std::array<std::string_view, 7> kVolumeMountMembers = {
    "mountPath",         "mountPropagation", "name",       "readOnly",
    "recursiveReadOnly", "subPath",          "subPathExpr"};
constexpr KeyTable kVolumeMountKeys(kVolumeMountMembers);

constexpr std::array<std::string_view, 3> kLifecycleMembers = {"postStart", "preStop",
                                                               "stopSignal"};
constexpr KeyTable kLifecycleKeys(kLifecycleMembers);

constexpr std::array<std::string_view, 4> kHandlers = {"exec", "httpGet", "sleep", "tcpSocket"};
constexpr KeyTable kHandlerKeys(kHandlers);

constexpr std::array<std::string_view, 10> kProbeMembers = {"exec",
                                                            "failureThreshold",
                                                            "grpc",
                                                            "httpGet",
                                                            "initialDelaySeconds",
                                                            "periodSeconds",
                                                            "successThreshold",
                                                            "tcpSocket",
                                                            "terminationGracePeriodSeconds",
                                                            "timeoutSeconds"};
constexpr KeyTable kProbeKeys(kProbeMembers);

constexpr std::array<std::string_view, 9> kClaimMembers = {"accessModes",
                                                           "dataSource",
                                                           "dataSourceRef",
                                                           "resources",
                                                           "selector",
                                                           "storageClassName",
                                                           "volumeAttributesClassName",
                                                           "volumeMode",
                                                           "volumeName"};
constexpr KeyTable kClaimKeys(kClaimMembers);

// Reports each member that is set and not in the table.
template <typename Path>
void CheckMembers(JsonView object, const KeyTable& known, Path&& path, Report& report) {
  object.ForEachMember([&](std::string_view key, JsonView value) {
    if (known.Find(key) == KeyTable::kNotFound && !value.IsUnset()) {
      report.Add(path(key), "this version of Stockade does not know the field " + Quote(key));
    }
  });
}

void CheckMembersOfContainer(const Container& c, Report& report) {
  const auto check = [&](JsonView object, const KeyTable& known, auto&& path) {
    CheckMembers(
        object, known, [&path](std::string_view key) { return KeyedPath(path(), key); }, report);
  };
  c.env.ForEachElement([&](std::size_t index, JsonView variable) {
    check(variable["valueFrom"], kValueSourceKeys,
          [&] { return c.Path("env", index, "valueFrom"); });
  });
  c.envFrom.ForEachElement([&](std::size_t index, JsonView source) {
    check(source, kEnvFromKeys, [&] { return c.Path("envFrom", index); });
  });
  c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
    check(mount, kVolumeMountKeys, [&] { return c.Path("volumeMounts", index); });
  });
  check(c.lifecycle, kLifecycleKeys, [&c] { return c.Path("lifecycle"); });
  for (const std::string_view event : {"postStart", "preStop"}) {
    check(c.lifecycle[event], kHandlerKeys,
          [&c, event] { return c.Path("lifecycle." + std::string(event)); });
  }
  check(c.livenessProbe, kProbeKeys, [&c] { return c.Path("livenessProbe"); });
  check(c.readinessProbe, kProbeKeys, [&c] { return c.Path("readinessProbe"); });
  check(c.startupProbe, kProbeKeys, [&c] { return c.Path("startupProbe"); });
}

// "spec.volumeClaimTemplates[0].spec", or the like of an ephemeral volume.
std::string ClaimPath(const Subject& s, const ClaimSpec& claim) {
  std::string path = s.Path(claim, {});
  path.pop_back();
  return path;
}

void CheckUnreviewedField(const Subject& s, Report& report) {
  CheckMembers(
      s.pod.spec(), kPodKeys,
      [&s](std::string_view key) { return KeyedPath(s.pod.Path("spec"), key); }, report);
  CheckMembers(
      s.spec.securityContext, kPodSecurityKeys,
      [&s](std::string_view key) { return KeyedPath(s.Path("securityContext"), key); }, report);
  for (const Container& c : s.containers) {
    CheckMembers(
        c.view.json(), kContainerKeys,
        [&c](std::string_view key) { return KeyedPath(c.view.Path(), key); }, report);
    CheckMembers(
        c.ContainerFields::securityContext, kContainerSecurityKeys,
        [&c](std::string_view key) { return KeyedPath(c.Path("securityContext"), key); }, report);
    CheckMembersOfContainer(c, report);
  }
  for (const ClaimSpec& claim : s.claims) {
    CheckMembers(
        claim.spec, kClaimKeys,
        [&](std::string_view key) { return KeyedPath(ClaimPath(s, claim), key); }, report);
  }
}

// What a field of that name is, wherever it stands in a PodSpec. Names that mean several things,
// such as image, are left out, and so is what other rules judge by its value.
constexpr std::array<std::string_view, 53> kObjectNames = {"affinity",
                                                           "appArmorProfile",
                                                           "capabilities",
                                                           "configMap",
                                                           "configMapKeyRef",
                                                           "configMapRef",
                                                           "dataSource",
                                                           "dataSourceRef",
                                                           "dnsConfig",
                                                           "downwardAPI",
                                                           "emptyDir",
                                                           "ephemeral",
                                                           "exec",
                                                           "fieldRef",
                                                           "fileKeyRef",
                                                           "grpc",
                                                           "hostPath",
                                                           "httpGet",
                                                           "labelSelector",
                                                           "lifecycle",
                                                           "limits",
                                                           "livenessProbe",
                                                           "matchLabels",
                                                           "namespaceSelector",
                                                           "nodeAffinity",
                                                           "nodeSelector",
                                                           "os",
                                                           "overhead",
                                                           "persistentVolumeClaim",
                                                           "podAffinity",
                                                           "podAffinityTerm",
                                                           "podAntiAffinity",
                                                           "podCertificate",
                                                           "postStart",
                                                           "preStop",
                                                           "preference",
                                                           "projected",
                                                           "readinessProbe",
                                                           "requests",
                                                           "resourceFieldRef",
                                                           "resources",
                                                           "seLinuxOptions",
                                                           "seccompProfile",
                                                           "secret",
                                                           "secretKeyRef",
                                                           "secretRef",
                                                           "securityContext",
                                                           "selector",
                                                           "serviceAccountToken",
                                                           "startupProbe",
                                                           "tcpSocket",
                                                           "valueFrom",
                                                           "volumeClaimTemplate"};

constexpr std::array<std::string_view, 26> kObjectListNames = {"claims",
                                                               "containers",
                                                               "env",
                                                               "envFrom",
                                                               "ephemeralContainers",
                                                               "hostAliases",
                                                               "httpHeaders",
                                                               "imagePullSecrets",
                                                               "initContainers",
                                                               "items",
                                                               "matchExpressions",
                                                               "matchFields",
                                                               "nodeSelectorTerms",
                                                               "ports",
                                                               "readinessGates",
                                                               "resizePolicy",
                                                               "resourceClaims",
                                                               "restartPolicyRules",
                                                               "schedulingGates",
                                                               "sources",
                                                               "sysctls",
                                                               "tolerations",
                                                               "topologySpreadConstraints",
                                                               "volumeDevices",
                                                               "volumeMounts",
                                                               "volumes"};

constexpr std::array<std::string_view, 8> kListNames = {
    "add", "args", "command", "drop", "nameservers", "searches", "supplementalGroups", "values"};

constexpr std::array<std::string_view, 11> kStringNames = {
    "claimName",  "localhostProfile", "mountPath",   "name",        "operator",  "prefix",
    "secretName", "subPath",          "subPathExpr", "topologyKey", "workingDir"};

// Maps whose keys are the author's own.
constexpr std::array<std::string_view, 7> kMapNames = {
    "annotations", "labels", "limits", "matchLabels", "nodeSelector", "overhead", "requests"};
constexpr KeyTable kMapKeys(kMapNames);

// All names above in one table, for each member of a pod is looked up in it.
template <std::size_t... N>
consteval auto Concatenate(const std::array<std::string_view, N>&... parts) {
  std::array<std::string_view, (N + ...)> all;
  auto end = all.begin();
  ((end = std::ranges::copy(parts, end).out), ...);
  return all;
}
constexpr auto kNamesOfKinds =
    Concatenate(kObjectNames, kObjectListNames, kListNames, kStringNames);
constexpr KeyTable kKindKeys(kNamesOfKinds);

enum class Kind { kAny, kObject, kObjectList, kList, kString };

constexpr Kind KindOf(std::string_view key) {
  const int found = kKindKeys.Find(key);
  if (found == KeyTable::kNotFound) return Kind::kAny;
  std::size_t index = static_cast<std::size_t>(found);
  if (index < kObjectNames.size()) return Kind::kObject;
  index -= kObjectNames.size();
  if (index < kObjectListNames.size()) return Kind::kObjectList;
  index -= kObjectListNames.size();
  return index < kListNames.size() ? Kind::kList : Kind::kString;
}

// What the value of a field of that name has to be and is not, or empty.
std::string_view MissedKind(std::string_view key, JsonView value) {
  if (value.IsUnset()) return {};
  switch (KindOf(key)) {
    case Kind::kAny:
      return {};
    case Kind::kObject:
      return value.IsObject() ? "" : "an object";
    case Kind::kList:
      return value.IsArray() ? "" : "a list";
    case Kind::kString:
      return value.IsString() ? "" : "a string";
    case Kind::kObjectList:
      break;
  }
  bool objects = value.IsArray();
  value.ForEachElement(
      [&objects](std::size_t, JsonView element) { objects = objects && element.IsObject(); });
  return objects ? "" : "a list of objects";
}

// Where a value stands, as a chain up to the root: only what is reported becomes text.
struct Place {
  const Place* above;  // null for the root
  std::string_view key;
  std::optional<std::size_t> index;

  [[nodiscard]] std::string Path() const {
    if (above == nullptr) return std::string(key);
    if (index) return IndexedPath(above->Path(), *index);
    return above->Path() + "." + std::string(key);
  }
};

void CheckKinds(JsonView value, const Place& place, Report& report) {
  value.ForEachMember([&](std::string_view key, JsonView member) {
    const Place below{&place, key, std::nullopt};
    if (const std::string_view kind = MissedKind(key, member); !kind.empty()) {
      report.Add(below.Path(), "the field is not " + std::string(kind));
    } else if ((member.IsObject() || member.IsArray()) &&
               kMapKeys.Find(key) == KeyTable::kNotFound) {
      CheckKinds(member, below, report);
    }
  });
  value.ForEachElement([&](std::size_t index, JsonView element) {
    if (element.IsObject()) CheckKinds(element, {&place, {}, index}, report);
  });
}

void CheckFieldType(const Subject& s, Report& report) {
  const std::string root = s.pod.Path("spec");
  CheckKinds(s.pod.spec(), {nullptr, root, std::nullopt}, report);
  for (const ClaimSpec& claim : s.claims) {
    // Those of ephemeral volumes are part of the PodSpec.
    if (claim.ephemeral) continue;
    CheckKinds(claim.spec, {nullptr, ClaimPath(s, claim), std::nullopt}, report);
  }
  if (s.containers.empty() || s.pod.spec()["containers"].empty()) {
    report.Add(s.Path("containers"), "there is no container", "name at least one container");
  }
}

constexpr std::array kRules = {
    Rule{.code = "UnreviewedField",
         .check = CheckUnreviewedField,
         .fields =
             "every field of the PodSpec, of its securityContext and of every container with its "
             "env[].valueFrom, envFrom[], volumeMounts[], lifecycle and probes; the spec of "
             "claim templates",
         .summary = "Later versions of Kubernetes add fields, and some of them open doors. What "
                    "this version does not know is refused, not passed on.",
         .remedy = "remove the field, or upgrade Stockade",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "FieldType",
         .check = CheckFieldType,
         .fields = "every field of the PodSpec and of the spec of claim templates",
         .summary = "The rules read fields as the types that Kubernetes gives them. A field of "
                    "another type, which an API server with the AgentSandbox schema never stores, "
                    "is refused and not overlooked.",
         .remedy = "write it as in a Pod of core/v1",
         .references = {.principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> ReviewedFieldRules() { return kRules; }

}  // namespace stockade::policy
