#include <array>
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

// Reports each member that is set and not in the table.
template <typename Path>
void CheckMembers(JsonView object, const KeyTable& known, Path&& path, Report& report) {
  object.ForEachMember([&](std::string_view key, JsonView value) {
    if (known.Find(key) == KeyTable::kNotFound && !value.IsUnset()) {
      report.Add(path(key), "this version of Stockade does not know the field " + Quote(key));
    }
  });
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
  }
}

constexpr std::array kRules = {
    Rule{.code = "UnreviewedField",
         .check = CheckUnreviewedField,
         .fields = "every field of the PodSpec, its containers and their securityContexts",
         .summary = "Later versions of Kubernetes add fields, and some of them open doors. What "
                    "this version does not know is refused, not passed on.",
         .remedy = "remove the field, or upgrade Stockade",
         .references = {.principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> ReviewedFieldRules() { return kRules; }

}  // namespace stockade::policy
