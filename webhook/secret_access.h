#pragma once

#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "codec/json.h"
#include "kube/client.h"

namespace stockade::webhook {

// Which Secrets a user may read. Any thread may call.
class SecretAccess {
 public:
  virtual ~SecretAccess() = default;

  // Of `secrets` in that namespace, those that the user may not `get`. `user` is a UserInfo as an
  // AdmissionReview has it. An error when it cannot be told of one of them.
  [[nodiscard]] virtual Result<std::set<std::string>> NotReadable(
      codec::JsonView user, std::string_view namespace_name,
      const std::set<std::string>& secrets) const = 0;
};

// Asks the API server, by a SubjectAccessReview for each, or a LocalSubjectAccessReview. It writes
// nothing, so a dry run is judged like any other. Gives up after kBudget, before the API server
// stops waiting for the review.
class SubjectAccessReviews final : public SecretAccess {
 public:
  static constexpr std::chrono::milliseconds kBudget{3000};

  // Which right it takes to ask: for the cluster, or in each namespace that is asked about.
  enum class Scope { kCluster, kNamespace };

  // `client` must outlive this; its deadline bounds each question.
  SubjectAccessReviews(kube::Client& client, const Clock& clock, Scope scope = Scope::kCluster)
      : client_(client), clock_(clock), scope_(scope) {}

  [[nodiscard]] Result<std::set<std::string>> NotReadable(
      codec::JsonView user, std::string_view namespace_name,
      const std::set<std::string>& secrets) const override;

 private:
  kube::Client& client_;
  const Clock& clock_;
  const Scope scope_;
};

// The question whether that user may get that Secret; `kind` is SubjectAccessReview, or
// LocalSubjectAccessReview, which differs in nothing else.
[[nodiscard]] codec::Json MakeSubjectAccessReview(std::string_view kind, codec::JsonView user,
                                                  std::string_view namespace_name,
                                                  std::string_view secret);

}  // namespace stockade::webhook
