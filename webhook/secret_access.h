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

// Asks the API server, by a SubjectAccessReview for each. It writes nothing, so a dry run is judged
// like any other. Gives up after kBudget, before the API server stops waiting for the review.
class SubjectAccessReviews final : public SecretAccess {
 public:
  static constexpr std::chrono::milliseconds kBudget{3000};

  // `client` must outlive this; its deadline bounds each question.
  SubjectAccessReviews(kube::Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  [[nodiscard]] Result<std::set<std::string>> NotReadable(
      codec::JsonView user, std::string_view namespace_name,
      const std::set<std::string>& secrets) const override;

 private:
  kube::Client& client_;
  const Clock& clock_;
};

// The question whether that user may get that Secret.
[[nodiscard]] codec::Json MakeSubjectAccessReview(codec::JsonView user,
                                                  std::string_view namespace_name,
                                                  std::string_view secret);

}  // namespace stockade::webhook
