#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "codec/json.h"

namespace stockade::webhook {

enum class Operation { kCreate, kUpdate, kDelete, kConnect };
[[nodiscard]] std::string_view OperationName(Operation operation);

// admission.k8s.io/v1 AdmissionRequest, as far as anyone here asks for it. Views stay valid as long
// as the document they were decoded from.
struct AdmissionRequest {
  std::string_view uid;
  Operation operation = Operation::kCreate;
  std::string_view group;  // of the kind
  std::string_view version;
  std::string_view kind;
  std::string_view resource_group;
  std::string_view resource;  // "agentsandboxes"
  std::string_view sub_resource;
  std::string_view name;  // empty while a generated name is not known yet
  std::string_view namespace_name;
  std::string_view user_name;
  std::vector<std::string_view> groups;  // of the user
  codec::JsonView user;                  // authentication.k8s.io/v1 UserInfo
  bool dry_run = false;
  codec::JsonView object;      // set for CREATE and UPDATE; PodExecOptions or the like for CONNECT
  codec::JsonView old_object;  // set for UPDATE and DELETE
  codec::JsonView options;     // meta.k8s.io/v1 DeleteOptions and the like; none for CONNECT

  [[nodiscard]] bool InGroup(std::string_view group_name) const;
};

// Reads an AdmissionReview. Fields that a newer API server may add are left alone; BadRequest for
// another version, a key that stands twice, a member of the wrong type, and for anything without
// which no answer can be right.
Result<AdmissionRequest> DecodeAdmissionReview(codec::JsonView review);

// metav1.StatusCause.
struct Cause {
  std::string reason;
  std::string field;
  std::string message;
};

// The judgement on one request. What is set beside `warnings` and `audit_annotations` matters only
// when it is not allowed.
struct AdmissionResponse {
  bool allowed = false;
  std::string message;
  std::string group;  // of the object that was judged
  std::string kind;
  std::string name;
  std::vector<Cause> causes;
  std::vector<std::string> warnings;
  std::map<std::string, std::string> audit_annotations;
};

// The audit annotations of policies' findings, each a list of "policy/Code": those that denied,
// that were warned of, and that were only recorded.
inline constexpr std::string_view kEnforcedAnnotation = "policies-enforce";
inline constexpr std::string_view kWarnedAnnotation = "policies-warn";
inline constexpr std::string_view kAuditedAnnotation = "policies-audit";

// The AdmissionReview that answers the request `uid`.
//
// A denial is 403 Forbidden, as Pod Security admission has it: kubectl then prints the message as
// it is, with the file and the webhook before it. (For 422 with reason Invalid it prints nothing
// but the causes, without their codes.) Control characters in warnings become spaces, because the
// API server drops a warning that has any; their length it bounds itself (4096 characters in all).
[[nodiscard]] std::string EncodeAdmissionReview(std::string_view uid,
                                                const AdmissionResponse& response);

}  // namespace stockade::webhook
