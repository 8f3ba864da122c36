#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/evaluate.h"
#include "policy/policy_set.h"
#include "webhook/admission_review.h"
#include "webhook/cluster_view.h"
#include "webhook/secret_access.h"

namespace stockade::webhook {

// Judges AgentSandboxes, and the sandboxes that AgentSandboxTemplates are to make more of as if
// each were one of that namespace, by the floor of libs/policy and by the policies that select
// their namespace. Immutable; any number of threads may use it. `cluster` and `secrets` outlive it.
//
// The floor judges CREATE and UPDATE on the new object alone, never on the old one
// (CVE-2021-25735), and whether or not it is being deleted (CVE-2023-34091). The one exception: an
// update of an object that is being deleted, with its spec exactly as it was, passes, so that a
// finalizer can always be removed. Whatever else arrives here, another kind, a subresource, DELETE
// or CONNECT, is denied: a registration that is wrong must not look like one that works.
//
// Policies under Enforce deny, those under Warn give warnings, and those under Audit are recorded
// in audit annotations. An update is denied for what it adds (policy::MarkWhatStands): what a new
// policy has against an object that exists is a warning, and the floor knows no such mercy. While
// it is not known which policies apply, nothing passes.
//
// Who names a Secret in spec.credentials must be allowed to read it, or he could have the gateway
// send it to a host of his own. So must who changes spec.egress or spec.credentials of a sandbox
// that names some, whoever named them. While that is not known, such a request does not pass. The
// operator itself, which may read none, creates sandboxes from templates alone, and of a template
// its author was asked.
class AgentSandboxHandler {
 public:
  // `operator_user`: the operator's name towards the API server; empty for none.
  AgentSandboxHandler(policy::Facts facts, const ClusterView& cluster, const SecretAccess& secrets,
                      std::string operator_user = {})
      : facts_(std::move(facts)),
        cluster_(cluster),
        secrets_(secrets),
        operator_user_(std::move(operator_user)) {}

  [[nodiscard]] AdmissionResponse Review(const AdmissionRequest& request) const;
  [[nodiscard]] AdmissionResponse ReviewTemplate(const AdmissionRequest& request) const;

 private:
  // `place` is what stands before the fields of the sandbox in the object that is told of.
  [[nodiscard]] AdmissionResponse Judge(const AdmissionRequest& request,
                                        std::string_view place) const;
  // What of the Secrets that the sandbox names the requester may not read.
  [[nodiscard]] Result<std::vector<policy::Finding>> JudgeCredentials(
      const AdmissionRequest& request, const api::AgentSandbox& sandbox) const;
  // The policies' findings in the object as it was; none when it cannot be read.
  [[nodiscard]] std::vector<policy::PolicyFinding> FindingsBefore(
      const AdmissionRequest& request, std::span<const policy::SharedPolicy> policies) const;

  const policy::Facts facts_;
  const ClusterView& cluster_;
  const SecretAccess& secrets_;
  const std::string operator_user_;
};

}  // namespace stockade::webhook
