#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_settings.h"
#include "api/egress.h"
#include "api/lifecycle.h"
#include "base/status.h"
#include "codec/json.h"
#include "codec/object_reader.h"

namespace stockade::api {

using StringMap = std::map<std::string, std::string>;

// The boundary's strength, weakest first: the order is the meaning.
enum class Isolation { kContainer, kGVisor, kMicroVM };
inline constexpr std::array<std::string_view, 3> kIsolationNames = {"Container", "GVisor",
                                                                    "MicroVM"};
[[nodiscard]] constexpr std::string_view IsolationName(Isolation isolation) {
  return kIsolationNames[static_cast<std::size_t>(isolation)];
}

// Whether the content that the agent reads is under its owner's control.
enum class InputTrust { kUntrusted, kTrusted };
inline constexpr std::array<std::string_view, 2> kInputTrustNames = {"Untrusted", "Trusted"};

enum class OperatingMode { kRunning, kSuspended };
inline constexpr std::array<std::string_view, 2> kOperatingModeNames = {"Running", "Suspended"};

enum class MountAccess { kReadOnly, kEphemeral, kPersistent };
inline constexpr std::array<std::string_view, 3> kMountAccessNames = {"ReadOnly", "Ephemeral",
                                                                      "Persistent"};

// metav1.ObjectMeta as far as anyone here asks for it.
struct ObjectMeta {
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  StringMap labels;
  StringMap annotations;
  bool deleting = false;             // deletionTimestamp is set
  std::optional<TimePoint> created;  // creationTimestamp; nothing in a file
};

// JSON text of a part of the spec that is passed on as it is: immutable, shared between copies,
// in canonical form (sorted keys, no white space).
class JsonText {
 public:
  JsonText() : text_(std::make_shared<const std::string>("null")) {}
  explicit JsonText(codec::JsonView value)
      : text_(std::make_shared<const std::string>(value.Canonical())) {}
  // What text() of another one gave.
  explicit JsonText(std::shared_ptr<const std::string> canonical) : text_(std::move(canonical)) {}

  [[nodiscard]] const std::string& text() const { return *text_; }
  [[nodiscard]] codec::Json ToJson() const { return codec::Json::parse(*text_); }

 private:
  std::shared_ptr<const std::string> text_;
};

struct PodTemplate {
  StringMap labels;
  StringMap annotations;
  JsonText spec;  // corev1.PodSpec
};

// The template as a document {"metadata": ..., "spec": ...}, for a PodView.
[[nodiscard]] codec::JsonDocument ToDocument(const PodTemplate& pod_template);

enum class MountSource { kPersistentVolumeClaim, kVolumeClaimTemplate, kConfigMap, kImage, kEmpty };
inline constexpr std::array<std::string_view, 5> kMountSourceNames = {
    "persistentVolumeClaim", "volumeClaimTemplate", "configMap", "image", "empty"};

// One entry of spec.mounts, mounted into every container of the pod template.
struct Mount {
  std::string name;
  std::string mount_path;
  MountAccess access = MountAccess::kReadOnly;
  MountSource source = MountSource::kEmpty;
  std::string claim_name;  // of persistentVolumeClaim, or the name of the volumeClaimTemplate
  JsonText source_spec;    // corev1.ConfigMapVolumeSource or corev1.ImageVolumeSource
  std::string medium;      // of empty: "" or "Memory"
  std::string size_limit;  // of empty: a quantity, or empty for the operator's default
};

struct VolumeClaimTemplate {
  std::string name;
  StringMap labels;
  StringMap annotations;
  JsonText spec;  // corev1.PersistentVolumeClaimSpec
};

// As in networking.k8s.io/v1 NetworkPolicyIngressRule.
struct IngressRule {
  JsonText from;   // list of NetworkPolicyPeer, or null
  JsonText ports;  // list of NetworkPolicyPort, or null
};

struct ServicePort {
  std::string name;
  std::int64_t port = 0;
  JsonText target_port;  // integer, name, or null for the same as port
  std::string protocol = "TCP";
  std::string app_protocol;
};

enum class Permission { kAllow, kDeny };
inline constexpr std::array<std::string_view, 2> kPermissionNames = {"Allow", "Deny"};

// What users of the cluster may do with the agent's containers through the API server. The
// operator's own containers are closed to everyone.
struct Access {
  Permission exec = Permission::kAllow;
  Permission attach = Permission::kAllow;
  Permission port_forward = Permission::kDeny;

  bool operator==(const Access&) const = default;
};

struct AgentSandboxSpec {
  Isolation isolation = Isolation::kGVisor;
  InputTrust input_trust = InputTrust::kUntrusted;
  OperatingMode operating_mode = OperatingMode::kRunning;
  PodTemplate pod_template;
  std::vector<Mount> mounts;
  std::vector<VolumeClaimTemplate> volume_claim_templates;
  std::vector<IngressRule> ingress;
  std::vector<ServicePort> service_ports;
  Access access;
  std::optional<Egress> egress;  // none: the agent reaches nothing
  std::vector<Credential> credentials;
  std::optional<AgentSettings> agent_settings;  // none: the agent has those of its image
  Lifecycle lifecycle;
};

// metav1.Condition.
struct Condition {
  std::string type;
  std::string status;  // "True", "False" or "Unknown"
  std::string reason;
  std::string message;
  std::string last_transition_time;  // RFC 3339
  std::int64_t observed_generation = 0;

  bool operator==(const Condition&) const = default;
};

struct AgentSandbox {
  ObjectMeta metadata;
  AgentSandboxSpec spec;
  JsonText status;  // as last seen; written only by the operator
};

// Which parts are kept as text. Whoever has the document at hand need not copy them: they are a
// good part of the cost.
struct KeptTexts {
  bool pod_spec = true;  // spec.podTemplate.spec
  bool status = true;
};

// Decodes what the API server stores; defaults of the CRD are applied to what is unset. BadRequest
// names every field of the wrong type. Fields that this version does not know are left alone: the
// API server has pruned or refused them.
Result<AgentSandbox> DecodeAgentSandbox(codec::JsonView object, KeptTexts kept = {});

// As above, and also reports each unknown field outside the pod template, for offline checks.
std::vector<codec::FieldError> CheckAgentSandboxFields(codec::JsonView object);

// Reads metav1.ObjectMeta from an object's "metadata".
ObjectMeta DecodeObjectMeta(codec::JsonView metadata);

// The JSON form of a condition.
codec::Json ToJson(const Condition& condition);
std::vector<Condition> DecodeConditions(codec::JsonView conditions);

}  // namespace stockade::api
