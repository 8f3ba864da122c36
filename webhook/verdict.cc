#include "webhook/verdict.h"

#include <set>
#include <string_view>
#include <utility>

#include "base/strings.h"

namespace stockade::webhook {
namespace {

using policy::Finding;
using policy::PolicyFinding;
using policy::Severity;

std::string Line(const Finding& finding) {
  return finding.field + ": [" + std::string(finding.code) + "] " + finding.message;
}

std::string Codes(const std::vector<Finding>& findings) {
  std::set<std::string_view> seen;
  std::string codes;
  for (const Finding& finding : findings) {
    if (!seen.insert(finding.code).second) continue;
    if (!codes.empty()) codes += ',';
    codes += finding.code;
  }
  return codes;
}

// "policy/Code" of each, once.
class Recorded {
 public:
  void Add(const PolicyFinding& finding) {
    if (entries_.size() < kMaxListed) {
      entries_.insert(finding.policy + "/" + std::string(finding.finding.code));
    }
  }
  void Annotate(AdmissionResponse& response, std::string_view key) const {
    if (entries_.empty()) return;
    std::string& list = response.audit_annotations[std::string(key)];
    for (const std::string& entry : entries_) list += (list.empty() ? "" : ",") + entry;
  }

 private:
  std::set<std::string> entries_;
};

}  // namespace

std::string Describe(const AdmissionRequest& request) {
  const codec::JsonView metadata = request.object["metadata"];
  std::string name(request.name);
  if (name.empty()) name = metadata["name"].StringOrEmpty();
  if (name.empty()) name = std::string(metadata["generateName"].StringOrEmpty()) + "*";
  std::string what(request.sub_resource.empty() ? request.kind : request.resource);
  if (!request.sub_resource.empty()) what += "/" + std::string(request.sub_resource);
  if (request.operation == Operation::kDelete) what.insert(0, "deletion of ");
  std::string described = Truncate(what, 128) + " \"";
  if (!request.namespace_name.empty()) described += Truncate(request.namespace_name, 64) + "/";
  return described + Truncate(name, 253) + "\"";
}

AdmissionResponse Allow() {
  AdmissionResponse response;
  response.allowed = true;
  return response;
}

AdmissionResponse Refuse(const AdmissionRequest& request, std::string message) {
  AdmissionResponse response;
  response.message = std::move(message);
  response.group = request.group;
  response.kind = request.kind;
  response.name = request.name;
  return response;
}

AdmissionResponse AnswerFindings(const AdmissionRequest& request,
                                 const std::vector<Finding>& findings) {
  std::set<std::string_view> rules;
  std::size_t errors = 0;
  std::string lines;
  AdmissionResponse response = Refuse(request, {});
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kWarning) {
      response.warnings.push_back(Line(finding));
      continue;
    }
    rules.insert(finding.code);
    if (++errors > kMaxListed) continue;
    lines += "\n- " + Line(finding);
    response.causes.push_back({std::string(finding.code), finding.field, finding.message});
  }
  if (errors > kMaxListed) lines += "\n- and " + std::to_string(errors - kMaxListed) + " more";
  response.allowed = errors == 0;
  if (!response.allowed) {
    response.message = Describe(request) + " is refused by " + std::to_string(rules.size()) +
                       (rules.size() == 1 ? " rule:" : " rules:") + lines;
  }
  if (!findings.empty()) response.audit_annotations["findings"] = Codes(findings);
  return response;
}

AdmissionResponse AnswerJudgement(const AdmissionRequest& request, policy::Judgement judgement) {
  if (judgement.by_policies.empty()) return AnswerFindings(request, judgement.floor);
  std::vector<Finding> all = judgement.floor;
  Recorded enforced;
  Recorded warned;
  Recorded audited;
  for (PolicyFinding& finding : judgement.by_policies) {
    if (finding.enforcement == api::Enforcement::kAudit) {
      audited.Add(finding);
      continue;
    }
    const bool denies = finding.enforcement == api::Enforcement::kEnforce && !finding.stands;
    (denies ? enforced : warned).Add(finding);
    finding.finding.severity = denies ? Severity::kError : Severity::kWarning;
    all.push_back(std::move(finding.finding));
  }
  AdmissionResponse response = AnswerFindings(request, all);
  // Of the floor alone; the policies' have annotations of their own.
  response.audit_annotations = AnswerFindings(request, judgement.floor).audit_annotations;
  enforced.Annotate(response, kEnforcedAnnotation);
  warned.Annotate(response, kWarnedAnnotation);
  audited.Annotate(response, kAuditedAnnotation);
  return response;
}

}  // namespace stockade::webhook
