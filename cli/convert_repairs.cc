#include "cli/convert_repairs.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "base/strings.h"
#include "cli/json_edit.h"
#include "policy/evaluate.h"
#include "policy/quoting.h"
#include "render/edit.h"

namespace stockade::cli {
namespace {

using codec::Json;
using policy::Finding;
using render::Member;
using render::MutableArray;
using render::MutableObject;
using render::StringMember;

// One repair can bring another rule's finding to light, as a tier does that was chosen; nothing
// needs more rounds than this.
constexpr int kMostRounds = 8;

constexpr std::int64_t kMaxGracePeriodSeconds = 60;

// Rules whose field is taken out: what is unset is hardened by the operator, or nothing is lost
// that a sandbox could have.
constexpr std::array<std::string_view, 27> kRemoveField = {"AddedCapability",
                                                           "DNSOverride",
                                                           "HostAliases",
                                                           "HostNamespace",
                                                           "HostPort",
                                                           "HostnameFields",
                                                           "LifecycleHandler",
                                                           "MountPropagation",
                                                           "NodeNameSet",
                                                           "PodMetadata",
                                                           "PriorityEscalation",
                                                           "PrivilegeEscalation",
                                                           "PrivilegedContainer",
                                                           "Probe",
                                                           "ProcMount",
                                                           "ReservedLabel",
                                                           "RootGroup",
                                                           "RootUser",
                                                           "SELinuxOptions",
                                                           "ServiceAccountName",
                                                           "ServiceLinks",
                                                           "SharedProcessNamespace",
                                                           "SupplementalRoot",
                                                           "SystemAccount",
                                                           "TerminationMessagePath",
                                                           "UserNamespaceConflict",
                                                           "WritableRootFilesystem"};

// Words in the names of RuntimeClasses, and the tier that they stand for.
struct RuntimeWord {
  std::string_view word;
  api::Isolation isolation;
};
constexpr std::array<RuntimeWord, 4> kRuntimeWords = {{{"gvisor", api::Isolation::kGVisor},
                                                       {"runsc", api::Isolation::kGVisor},
                                                       {"kata", api::Isolation::kMicroVM},
                                                       {"firecracker", api::Isolation::kMicroVM}}};

std::optional<api::Isolation> TierOf(std::string_view runtime_class,
                                     const render::Profile& profile) {
  for (std::size_t i = 0; i < profile.runtime_classes.size(); ++i) {
    if (!runtime_class.empty() && profile.runtime_classes[i] == runtime_class) {
      return static_cast<api::Isolation>(i);
    }
  }
  const std::string lower = ToLower(runtime_class);
  for (const RuntimeWord& known : kRuntimeWords) {
    if (lower.find(known.word) != std::string::npos) return known.isolation;
  }
  return std::nullopt;
}

std::vector<Finding> Judge(const Json& sandbox, const policy::Facts& facts) {
  const codec::JsonDocument document = codec::ParseTrusted(sandbox);
  const auto decoded = api::DecodeAgentSandbox(document.root());
  if (!decoded.ok()) return {};
  return policy::EvaluateSandbox(
      *decoded, api::PodView(document.root()["spec"]["podTemplate"], "spec.podTemplate"), facts);
}

// What is wrong, without the remedy, which has been applied.
std::string ProblemOf(const Finding& finding) {
  const policy::Rule* rule = policy::FindRule(finding.code);
  std::string_view problem = finding.message;
  const std::string tail = rule == nullptr ? "" : "; " + std::string(rule->remedy);
  if (!tail.empty() && problem.ends_with(tail)) problem.remove_suffix(tail.size());
  return std::string(problem);
}

std::string_view WithoutLastMember(std::string_view path) {
  return path.substr(0, path.rfind('.'));
}

// "a.sysctls[2].name" up to the element: "a.sysctls[2]".
std::string_view ElementOf(std::string_view path) { return path.substr(0, path.rfind(']') + 1); }

// The findings of one round, applied to one document.
class Round {
 public:
  Round(Json& sandbox, const ConvertOptions& options, Account& account)
      : sandbox_(sandbox), options_(options), account_(account) {}

  // Whether the finding has a safe answer, which is given.
  bool Apply(const Finding& finding) {
    const std::string_view code = finding.code;
    if (std::ranges::find(kRemoveField, code) != kRemoveField.end()) {
      return Remove(finding, finding.field);
    }
    if (code == "GracePeriod") return ShortenGracePeriod(finding);
    if (code == "RuntimeClassOverride") return ChooseTier(finding);
    if (code == "SchedulingBypass") return RemoveSchedulingField(finding);
    if (code == "HostPathVolume") return RemoveVolumeOf(finding);
    if (code == "ServiceAccountToken") return RemoveToken(finding);
    // A variable may hold a credential, as the address of a proxy does: its value is not shown.
    if (code == "DynamicLinkerEnv" || code == "ProxyEnv") return RemoveVariable(finding);
    if (code == "UnsafeSysctl") return Remove(finding, ElementOf(finding.field));
    if (code == "WindowsPod") {
      return finding.field.ends_with(".windowsOptions") && Remove(finding, finding.field);
    }
    if (code == "UnconfinedSeccomp" || code == "UnconfinedAppArmor") {
      const bool annotation = finding.field.ends_with(']');
      return Remove(finding, annotation ? finding.field : WithoutLastMember(finding.field));
    }
    return false;
  }

 private:
  void Tell(const Finding& finding, std::string_view field, std::string from, std::string to) {
    account_.tightened.push_back({.field = std::string(field),
                                  .from = std::move(from),
                                  .to = std::move(to),
                                  .code = finding.code,
                                  .why = ProblemOf(finding)});
  }

  // True when the value is gone, also by an earlier finding about the same one.
  bool Remove(const Finding& finding, std::string_view path) {
    Json* value = FindField(sandbox_, path);
    if (value == nullptr) return false;
    if (IsMarkedRemoved(*value)) return true;
    // Annotations can be long, and nobody's business.
    const bool keyed = finding.code == "PodMetadata" || finding.code == "ReservedLabel";
    Tell(finding, path, keyed ? "set" : ShownValue(*value), "removed");
    MarkRemoved(*value);
    return true;
  }

  bool RemoveVariable(const Finding& finding) {
    const std::string_view element = WithoutLastMember(finding.field);
    const std::string_view list = element.substr(0, element.rfind('['));
    if (!list.ends_with(".env")) return false;
    Json* variable = FindField(sandbox_, element);
    if (variable == nullptr) return false;
    if (IsMarkedRemoved(*variable)) return true;
    Tell(finding, element, ShownValue(Member(*variable, "name")), "removed");
    MarkRemoved(*variable);
    return true;
  }

  bool ShortenGracePeriod(const Finding& finding) {
    Json* seconds = FindField(sandbox_, finding.field);
    if (seconds == nullptr || !seconds->is_number_integer()) return false;
    if (seconds->get<std::int64_t>() <= kMaxGracePeriodSeconds)
      return Remove(finding, finding.field);
    Tell(finding, finding.field, ShownValue(*seconds), std::to_string(kMaxGracePeriodSeconds));
    *seconds = kMaxGracePeriodSeconds;
    return true;
  }

  bool ChooseTier(const Finding& finding) {
    Json* name = FindField(sandbox_, finding.field);
    Json* spec = MutableObject(sandbox_, "spec");
    if (name == nullptr || !name->is_string() || spec == nullptr) return false;
    const auto tier = TierOf(name->get_ref<const std::string&>(), options_.profile);
    if (!tier) return false;
    // GVisor is what an AgentSandbox has without a word; no other tier is weaker.
    const bool micro_vm = *tier == api::Isolation::kMicroVM;
    const std::string chosen(
        api::IsolationName(micro_vm ? api::Isolation::kMicroVM : api::Isolation::kGVisor));
    if (micro_vm) (*spec)["isolation"] = chosen;
    account_.moved.push_back({.field = finding.field,
                              .from = ShownValue(*name),
                              .to = "spec.isolation: " + chosen,
                              .code = finding.code,
                              .why = ProblemOf(finding)});
    MarkRemoved(*name);
    return true;
  }

  bool RemoveSchedulingField(const Finding& finding) {
    constexpr std::string_view kSpec = "spec.podTemplate.spec.";
    const std::string_view field = std::string_view(finding.field).substr(kSpec.size());
    if (field.starts_with("tolerations[")) return Remove(finding, ElementOf(finding.field));
    // Terms of an affinity hang together: without one of them another node may be chosen.
    if (field.starts_with("affinity.")) return false;
    if (field != "activeDeadlineSeconds") return Remove(finding, finding.field);
    Json* seconds = FindField(sandbox_, finding.field);
    if (seconds == nullptr || IsMarkedRemoved(*seconds)) return false;
    account_.left_out.push_back({finding.field, ShownValue(*seconds), ProblemOf(finding)});
    MarkRemoved(*seconds);
    return true;
  }

  bool RemoveVolumeOf(const Finding& finding) {
    Json* volume = FindField(sandbox_, WithoutLastMember(finding.field));
    return volume != nullptr && RemoveVolume(finding, *volume);
  }

  // A projected volume goes when a token was all that it had.
  bool RemoveToken(const Finding& finding) {
    constexpr std::string_view kToken = ".serviceAccountToken";
    if (!finding.field.ends_with(kToken)) return Remove(finding, finding.field);
    if (!Remove(finding, finding.field)) return false;
    const std::string_view field = finding.field;
    const std::string_view volume_path = field.substr(0, field.find(".projected.sources["));
    Json* volume = FindField(sandbox_, volume_path);
    Json* projected = volume == nullptr ? nullptr : MutableObject(*volume, "projected");
    const Json* sources = projected == nullptr ? nullptr : MutableArray(*projected, "sources");
    const bool nothing_left =
        sources != nullptr && std::all_of(sources->begin(), sources->end(), [](const Json& source) {
          return source.is_object() && std::all_of(source.begin(), source.end(), IsMarkedRemoved);
        });
    if (nothing_left) RemoveVolume(finding, *volume);
    return true;
  }

  // The volume, and what mounts it. A claim template of that name takes its place, and its mounts.
  bool RemoveVolume(const Finding& finding, Json& volume) {
    if (IsMarkedRemoved(volume)) return true;
    const std::string name(StringMember(volume, "name"));
    const std::string path = PathOfVolume(volume);
    const std::string type = finding.code == "HostPathVolume" ? "hostPath" : "projected";
    Tell(finding, path.empty() ? finding.field : path,
         "volume " + policy::Quote(name) + " of type " + type, "removed, with its volumeMounts");
    MarkRemoved(volume);
    if (name.empty() || IsClaimTemplate(name)) return true;
    Json* pod = FindField(sandbox_, "spec.podTemplate.spec");
    for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
      Json* containers = MutableArray(*pod, list);
      if (containers == nullptr) continue;
      for (Json& container : *containers) {
        Json* mounts = MutableArray(container, "volumeMounts");
        if (mounts == nullptr) continue;
        for (Json& mount : *mounts) {
          if (StringMember(mount, "name") == name) MarkRemoved(mount);
        }
      }
    }
    return true;
  }

  std::string PathOfVolume(const Json& volume) {
    const Json* volumes = FindField(sandbox_, "spec.podTemplate.spec.volumes");
    for (std::size_t i = 0; volumes != nullptr && i < volumes->size(); ++i) {
      if (&(*volumes)[i] == &volume) {
        return "spec.podTemplate.spec.volumes[" + std::to_string(i) + "]";
      }
    }
    return "";
  }

  bool IsClaimTemplate(std::string_view name) {
    const Json& templates = Member(Member(sandbox_, "spec"), "volumeClaimTemplates");
    return std::any_of(templates.begin(), templates.end(), [name](const Json& claim) {
      return StringMember(Member(claim, "metadata"), "name") == name;
    });
  }

  Json& sandbox_;
  const ConvertOptions& options_;
  Account& account_;
};

}  // namespace

void RepairByRules(Json& sandbox, const ConvertOptions& options, Account& account) {
  for (int i = 0; i < kMostRounds; ++i) {
    Round round(sandbox, options, account);
    bool repaired = false;
    for (const Finding& finding : Judge(sandbox, options.lint.facts)) {
      if (finding.severity != policy::Severity::kError) continue;
      repaired = round.Apply(finding) || repaired;
    }
    if (!repaired) return;
    Sweep(sandbox);
  }
}

}  // namespace stockade::cli
