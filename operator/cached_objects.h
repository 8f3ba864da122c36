#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/label_selector.h"
#include "base/intern.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/resource.h"
#include "policy/compiled_policy.h"
#include "runtime/store.h"

// What the operator keeps of each kind it watches: the few fields that a reconcile asks for.
namespace stockade::sandbox_operator {

inline constexpr kube::Resource kAgentSandboxes{"stockade.dev", "v1alpha1", "agentsandboxes",
                                                "AgentSandbox"};

inline constexpr kube::Resource kAgentSandboxPolicies{"stockade.dev", "v1alpha1",
                                                      "agentsandboxpolicies", "AgentSandboxPolicy",
                                                      /*namespaced=*/false};

// The controller among an object's owner references; empty when it has none.
struct ControllerOwner {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
};

// The status of a sandbox. Most of it is what many others say in the same words, and is shared.
class CompactStatus {
 public:
  CompactStatus() = default;
  explicit CompactStatus(codec::JsonView status);

  // The same JSON, "null" when it was no object.
  [[nodiscard]] std::string text() const;

 private:
  using Shared = std::shared_ptr<const std::string>;

  std::vector<Shared> conditions_;
  Shared controls_;  // null when there are none
  Shared rest_;      // an object of the other members, not shared; null when there is no status
};

struct CachedSandbox : runtime::CachedObject {
  api::AgentSandbox sandbox;  // without its status
  // A claim or a pool, for example; null when it has none.
  std::shared_ptr<const ControllerOwner> controller;
  std::chrono::system_clock::time_point created;
  // When the operator set spec.operatingMode because nothing used the sandbox; nothing when it did
  // not, or somebody else has set it since.
  std::optional<std::chrono::system_clock::time_point> idle_suspended;
  CompactStatus status;
  std::size_t spec_hash = 0;   // of all of its spec
  bool ended = false;          // HasEnded: it needs nothing any more
  std::string shared_gateway;  // render::SharedGatewayOf its spec, unless it has ended

  // The sandbox with its status.
  [[nodiscard]] api::AgentSandbox Whole() const;
};

// A map that those who hold an equal one share.
class SharedMap {
 public:
  SharedMap() : SharedMap(api::StringMap()) {}
  SharedMap(api::StringMap map) : map_(Intern(std::move(map))) {}  // NOLINT(*-explicit-*)

  const api::StringMap& operator*() const { return *map_; }
  const api::StringMap* operator->() const { return map_.get(); }

 private:
  std::shared_ptr<const api::StringMap> map_;
};

// A container that does not run, or did not the last time.
struct ContainerTrouble {
  std::string container;
  std::string waiting_reason;  // "CrashLoopBackOff", "ImagePullBackOff", ...
  std::string waiting_message;
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;  // of the last run that ended
  std::string exit_reason;                // "OOMKilled", "Error", ...
  std::string exit_message;               // its termination message
};

struct CachedPod : runtime::CachedObject {
  ControllerOwner owner;
  api::StringMap labels;
  SharedMap annotations;
  bool deleting = false;
  std::string phase;   // "Pending", "Running", "Succeeded", "Failed", "Unknown"
  std::string reason;  // of the status: "Evicted", "NodeLost", ...
  std::string message;
  bool disrupted = false;  // condition DisruptionTarget: evicted, preempted, drained
  std::string node_name;
  std::vector<std::string> pod_ips;
  std::string runtime_class;
  std::string ready;  // of the condition Ready: "True", "False" or empty
  std::string ready_message;
  std::string scheduled;  // of the condition PodScheduled
  std::string scheduled_reason;
  std::string scheduled_message;
  std::vector<ContainerTrouble> troubles;
  bool canary_passed = false;  // the canary ended, and found the network shut
  bool proxy_ready = false;    // the sidecar is ready: what the canary found still holds
  // When the sidecar that watches its use last ended because there was none.
  std::optional<std::chrono::system_clock::time_point> idle_exit;
  // When the oldest of the containers that run, the operator's own apart, began; nothing when none
  // of them runs.
  std::optional<std::chrono::system_clock::time_point> oldest_start;
  // From its start to the end of the last container that ended; nothing while one of these is not
  // known.
  std::optional<std::chrono::seconds> ran_for;
  std::string fingerprint;  // render::PodFingerprint
};

// An Event of the webhook's by which it tells that somebody entered a sandbox.
struct CachedConnection : runtime::CachedObject {
  runtime::ObjectKey sandbox;
  std::string sandbox_uid;
  std::chrono::system_clock::time_point last;
};

struct CachedPolicy : runtime::CachedObject {
  ControllerOwner owner;
  api::StringMap labels;
  bool deleting = false;
  bool has_finalizer = false;  // ours
  bool has_owner = false;      // of any kind, not only a controller
  std::string fingerprint;     // render::NetworkPolicyFingerprint
  // What the policy selects and whether it lets anything through, to find those that widen ours.
  api::LabelSelector pod_selector;
  bool allows_egress = false;
  bool allows_ingress = false;
};

struct CachedService : runtime::CachedObject {
  ControllerOwner owner;
  api::StringMap labels;
  bool deleting = false;
  std::string fingerprint;  // render::ServiceFingerprint
  std::string address;      // of the cluster; empty while there is none
};

struct CachedConfigMap : runtime::CachedObject {
  ControllerOwner owner;
  api::StringMap labels;
  bool deleting = false;
  std::string fingerprint;  // render::ConfigMapFingerprint
};

struct CachedDeployment : runtime::CachedObject {
  ControllerOwner owner;
  api::StringMap labels;
  bool deleting = false;
  std::string fingerprint;  // render::DeploymentFingerprint
  std::string issued;       // kIssuedAnnotation
  // Pods that answer, and whether all of them are of the newest form.
  bool available = false;
  bool rolled_out = false;
};

struct CachedClaim : runtime::CachedObject {
  ControllerOwner owner;
  api::StringMap labels;
  bool deleting = false;
  api::JsonText spec;
};

struct CachedRuntimeClass : runtime::CachedObject {
  std::string handler;
};

struct CachedNamespace : runtime::CachedObject {
  std::shared_ptr<const api::StringMap> labels = Intern(api::StringMap());
};

struct CachedSandboxPolicy : runtime::CachedObject {
  std::shared_ptr<const policy::CompiledPolicy> policy;
  api::JsonText status;
};

// The only sandbox whose pod, or whose gateway's pod, the policy can select; with an empty name,
// any of the namespace.
[[nodiscard]] runtime::ObjectKey SelectedSandbox(const CachedPolicy& policy);

// The shared gateway whose pods, or whose sandboxes' pods, are the only ones that the policy can
// select; empty for any other policy.
[[nodiscard]] std::string SelectedSharedGateway(const CachedPolicy& policy);

[[nodiscard]] ControllerOwner DecodeControllerOwner(codec::JsonView metadata);

Result<CachedSandbox> DecodeSandbox(codec::JsonView object);
// As above, for an object of which an earlier version is known: a spec of the same generation is
// the same spec, and is not decoded again.
Result<CachedSandbox> DecodeKnownSandbox(codec::JsonView object, const CachedSandbox& known);
Result<CachedPod> DecodePod(codec::JsonView object);
Result<CachedConnection> DecodeConnection(codec::JsonView object);
Result<CachedPolicy> DecodePolicy(codec::JsonView object);
Result<CachedService> DecodeService(codec::JsonView object);
Result<CachedClaim> DecodeClaim(codec::JsonView object);
Result<CachedConfigMap> DecodeConfigMap(codec::JsonView object);
Result<CachedDeployment> DecodeDeployment(codec::JsonView object);
Result<CachedRuntimeClass> DecodeRuntimeClass(codec::JsonView object);
Result<CachedNamespace> DecodeNamespace(codec::JsonView object);
// Never an error: a policy that cannot be understood must not look like one that is not there.
Result<CachedSandboxPolicy> DecodeSandboxPolicy(codec::JsonView object);

}  // namespace stockade::sandbox_operator
