#include "policy/rule_names.h"

namespace stockade::policy {

std::string_view SeverityName(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

std::string_view PrincipleName(Principle principle) {
  switch (principle) {
    case Principle::kIsolation:
      return "isolation";
    case Principle::kLeastPrivilege:
      return "least privilege";
    case Principle::kDefenceInDepth:
      return "defence in depth";
  }
  return "";
}

}  // namespace stockade::policy
