#include "webhook/guards/runtime_class_guard.h"

#include <string>
#include <string_view>
#include <vector>

#include "policy/guard_rules.h"
#include "policy/quoting.h"
#include "webhook/guards/object_changes.h"

namespace stockade::webhook {

GuardFindings JudgeRuntimeClass(const GuardRequest& request) {
  const AdmissionRequest& admission = request.admission;
  std::vector<std::string> changed;
  if (admission.operation == Operation::kDelete) {
    changed.emplace_back("metadata.name");
  } else {
    ForEachChange(admission.old_object, admission.object,
                  [&changed](std::string_view key, codec::JsonView, codec::JsonView) {
                    if (key != "metadata") changed.emplace_back(key);
                  });
  }
  if (changed.empty()) return GuardJudgement();
  // The deletion of a whole collection has no other name.
  const std::string_view name = admission.old_object["metadata"]["name"].StringOrEmpty();
  const auto in_use = request.view.RuntimeClassInUse(name);
  if (!in_use.ok()) return in_use.status();
  GuardReport report;
  if (*in_use) {
    for (std::string& field : changed) {
      report.Add(policy::kRuntimeClassInUse, std::move(field),
                 "sandboxes run by the RuntimeClass " + policy::Quote(name));
    }
  }
  return report.Take();
}

}  // namespace stockade::webhook
