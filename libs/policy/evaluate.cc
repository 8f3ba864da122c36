#include "policy/evaluate.h"

#include <algorithm>

#include "policy/report.h"
#include "policy/subject.h"

namespace stockade::policy {
namespace {

std::vector<Finding> Judge(const Subject& subject) {
  const JudgedObject judged =
      subject.rendered() ? JudgedObject::kRenderedPod : JudgedObject::kSandbox;
  Report report;
  for (const Rule* rule : Rules()) {
    if (rule->judges != judged && rule->judges != JudgedObject::kBoth) continue;
    report.BeginRule(*rule);
    rule->check(subject, report);
  }
  return report.Take();
}

}  // namespace

std::vector<Finding> EvaluateSandbox(const api::AgentSandbox& sandbox, api::PodView pod_template,
                                     const Facts& facts) {
  return Judge(MakeSubject(&sandbox, pod_template, {}, facts));
}

std::vector<Finding> EvaluateRenderedPod(api::PodView pod, std::string_view runtime_class,
                                         const Facts& facts) {
  return Judge(MakeSubject(nullptr, pod, runtime_class, facts));
}

bool HasErrors(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::kError; });
}

}  // namespace stockade::policy
