#pragma once

#include <utility>

#include "policy/evaluate.h"
#include "webhook/admission_review.h"

namespace stockade::webhook {

// Judges AgentSandboxes by the floor of libs/policy. Immutable; any number of threads may use it.
//
// CREATE and UPDATE are judged on the new object alone, never on the old one (CVE-2021-25735), and
// whether or not it is being deleted (CVE-2023-34091). The one exception: an update of an object
// that is being deleted, with its spec exactly as it was, passes, so that a finalizer can always be
// removed. Whatever else arrives here, another kind, a subresource, DELETE or CONNECT, is denied: a
// registration that is wrong must not look like one that works.
class AgentSandboxHandler {
 public:
  explicit AgentSandboxHandler(policy::Facts facts) : facts_(std::move(facts)) {}

  [[nodiscard]] AdmissionResponse Review(const AdmissionRequest& request) const;

 private:
  [[nodiscard]] AdmissionResponse Judge(const AdmissionRequest& request) const;

  policy::Facts facts_;
};

}  // namespace stockade::webhook
