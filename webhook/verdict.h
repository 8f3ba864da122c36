#pragma once

#include <string>
#include <vector>

#include "policy/evaluate.h"
#include "policy/rule.h"
#include "webhook/admission_review.h"

// How a judgement is told: the same words for every handler. Pure.
namespace stockade::webhook {

// What a request is about: `AgentSandbox "namespace/name"`, or `pods/exec "namespace/name"` of a
// subresource; of a deletion with the words "deletion of" before it. A name to be generated is
// shown as its prefix and "*".
[[nodiscard]] std::string Describe(const AdmissionRequest& request);

[[nodiscard]] AdmissionResponse Allow();
[[nodiscard]] AdmissionResponse Refuse(const AdmissionRequest& request, std::string message);

// Denied when any finding is an error, with all of them, each on a line with field, code and
// remedy; warnings come as such. The codes are recorded as the audit annotation "findings".
[[nodiscard]] AdmissionResponse AnswerFindings(const AdmissionRequest& request,
                                               const std::vector<policy::Finding>& findings);

// The same of a judgement by policies as well. What one under Enforce finds denies, unless it
// stands from before the update (PolicyFinding::stands); then it is a warning, like all that one
// under Warn finds, and what one under Audit finds is only recorded. "findings" names the floor's
// codes alone; the policies' are in the annotations of admission_review.h, and counted by them.
[[nodiscard]] AdmissionResponse AnswerJudgement(const AdmissionRequest& request,
                                                policy::Judgement judgement);

// Of findings or errors in one answer. Only an object made for it has more, and one of 3 MiB could
// have enough to make an answer that nobody can take.
inline constexpr std::size_t kMaxListed = 200;

}  // namespace stockade::webhook
