#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stockade::policy {

enum class Severity {
  kError,    // denied by the webhook, Stalled in the operator
  kWarning,  // legal but unwise: shown as an admission warning
};

// One thing wrong with an object.
struct Finding {
  std::string_view code;  // of the rule, stable: "PrivilegedContainer"
  Severity severity = Severity::kError;
  std::string field;    // "spec.podTemplate.spec.containers[0].securityContext.privileged"
  std::string message;  // what is wrong and what to write instead, one or two sentences

  bool operator==(const Finding&) const = default;
};

}  // namespace stockade::policy
