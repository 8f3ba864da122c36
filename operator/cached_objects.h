#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/label_selector.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/resource.h"
#include "runtime/store.h"

// What the operator keeps of each kind it watches: the few fields that a reconcile asks for.
namespace stockade::sandbox_operator {

inline constexpr kube::Resource kAgentSandboxes{"stockade.dev", "v1alpha1", "agentsandboxes",
                                                "AgentSandbox"};

// The controller among an object's owner references; empty when it has none.
struct ControllerOwner {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
};

struct CachedSandbox : runtime::CachedObject {
  api::AgentSandbox sandbox;
};

// A container that does not run, or did not the last time.
struct ContainerTrouble {
  std::string container;
  std::string waiting_reason;  // "CrashLoopBackOff", "ImagePullBackOff", ...
  std::string waiting_message;
  std::int64_t restarts = 0;
  std::optional<std::int64_t> exit_code;  // of the last run that ended
  std::string exit_reason;                // "OOMKilled", "Error", ...
};

struct CachedPod : runtime::CachedObject {
  ControllerOwner owner;
  api::StringMap labels;
  api::StringMap annotations;
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
  std::string fingerprint;  // render::PodFingerprint
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
};

struct CachedClaim : runtime::CachedObject {
  ControllerOwner owner;
  bool deleting = false;
  api::JsonText spec;
};

struct CachedRuntimeClass : runtime::CachedObject {
  std::string handler;
};

[[nodiscard]] ControllerOwner DecodeControllerOwner(codec::JsonView metadata);

Result<CachedSandbox> DecodeSandbox(codec::JsonView object);
Result<CachedPod> DecodePod(codec::JsonView object);
Result<CachedPolicy> DecodePolicy(codec::JsonView object);
Result<CachedService> DecodeService(codec::JsonView object);
Result<CachedClaim> DecodeClaim(codec::JsonView object);
Result<CachedRuntimeClass> DecodeRuntimeClass(codec::JsonView object);

}  // namespace stockade::sandbox_operator
