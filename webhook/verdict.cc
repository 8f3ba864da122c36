#include "webhook/verdict.h"

#include <set>
#include <string_view>
#include <utility>

#include "base/strings.h"

namespace stockade::webhook {
namespace {

using policy::Finding;
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

}  // namespace stockade::webhook
