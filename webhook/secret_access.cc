#include "webhook/secret_access.h"

#include "policy/quoting.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using codec::JsonView;

constexpr kube::Resource kSubjectAccessReviews{"authorization.k8s.io", "v1", "subjectaccessreviews",
                                               "SubjectAccessReview",
                                               /*namespaced=*/false};
constexpr kube::Resource kLocalSubjectAccessReviews{
    "authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview"};

}  // namespace

Json MakeSubjectAccessReview(std::string_view kind, JsonView user, std::string_view namespace_name,
                             std::string_view secret) {
  Json spec = {{"user", user["username"].StringOrEmpty()},
               {"resourceAttributes",
                {{"group", ""},
                 {"version", "v1"},
                 {"resource", "secrets"},
                 {"verb", "get"},
                 {"namespace", namespace_name},
                 {"name", secret}}}};
  for (const char* const part : {"uid", "groups", "extra"}) {
    if (!user[part].IsUnset()) spec[part] = user[part].ToJson();
  }
  return {{"apiVersion", kSubjectAccessReviews.api_version()},
          {"kind", kind},
          {"spec", std::move(spec)}};
}

Result<std::set<std::string>> SubjectAccessReviews::NotReadable(
    JsonView user, std::string_view namespace_name, const std::set<std::string>& secrets) const {
  std::set<std::string> refused;
  const bool local = scope_ == Scope::kNamespace;
  const kube::Resource& reviews = local ? kLocalSubjectAccessReviews : kSubjectAccessReviews;
  const auto deadline = clock_.SinceBoot() + kBudget;
  for (const std::string& secret : secrets) {
    if (clock_.SinceBoot() >= deadline) {
      return Status(StatusCode::kUnavailable, "the API server did not say in time which Secrets " +
                                                  policy::Quote(user["username"]) +
                                                  " may read; try again in a moment");
    }
    const auto answer =
        client_.Create(reviews, local ? namespace_name : std::string_view(),
                       MakeSubjectAccessReview(reviews.kind, user, namespace_name, secret));
    if (!answer.ok()) {
      return answer.status().WithContext("whether " + policy::Quote(user["username"]) +
                                         " may read the Secret " + policy::Quote(secret));
    }
    if (!answer->root()["status"]["allowed"].IsTrue()) refused.insert(secret);
  }
  return refused;
}

}  // namespace stockade::webhook
