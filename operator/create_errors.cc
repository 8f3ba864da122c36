#include "operator/create_errors.h"

#include <string>

#include "base/strings.h"

namespace stockade::sandbox_operator {
namespace {

constexpr std::size_t kMaxMessage = 2048;

bool Mentions(const Status& error, std::string_view text) {
  return error.message().find(text) != std::string::npos;
}

}  // namespace

std::optional<Blocker> ExplainCreateError(const Status& error, std::string_view what) {
  const std::string subject(what);
  const std::string said = Truncate(error.message(), kMaxMessage);
  switch (error.code()) {
    case StatusCode::kForbidden:
      // Admission plugins refuse with 403 and say who they are only in the message.
      if (Mentions(error, "exceeded quota")) {
        return Blocker{"QuotaExceeded",
                       subject + " does not fit the namespace's ResourceQuota: " + said +
                           "; lower the resources in spec.podTemplate, free some, or have the "
                           "quota raised",
                       false};
      }
      if (Mentions(error, "failed quota")) {
        return Blocker{"QuotaExceeded", subject + " lacks what the ResourceQuota asks for: " + said,
                       false};
      }
      if (Mentions(error, "violates PodSecurity")) {
        return Blocker{"PodSecurityViolation",
                       subject + " is refused by Pod Security admission: " + said, false};
      }
      if (Mentions(error, "RuntimeClass") && Mentions(error, "not found")) {
        return Blocker{"RuntimeClassMissing", said, false};
      }
      if (Mentions(error, "because it is being terminated")) {
        return Blocker{"NamespaceTerminating", "the namespace is being deleted", false};
      }
      return Blocker{"CreationForbidden",
                     "the API server does not let the operator create " + subject + ": " + said +
                         "; an admission webhook or LimitRange may refuse it, or the operator's "
                         "role may lack a permission",
                     false};
    case StatusCode::kInvalid:
    case StatusCode::kBadRequest:
      return Blocker{"PodRejected",
                     "the API server refuses " + subject + " as invalid: " + said +
                         "; correct spec.podTemplate",
                     true};
    default:
      return std::nullopt;
  }
}

}  // namespace stockade::sandbox_operator
