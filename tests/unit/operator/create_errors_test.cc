#include "operator/create_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stockade::sandbox_operator {
namespace {

// The messages are a real API server's.
TEST(CreateErrorsTest, ExplainsWhatTheApiServerRefuses) {
  struct {
    StatusCode code;
    const char* message;
    const char* reason;  // null: no blocker
    bool stalled;
  } const cases[] = {
      {StatusCode::kForbidden,
       "pods \"asb-a\" is forbidden: exceeded quota: small, requested: limits.memory=2Gi, used: "
       "limits.memory=0, limited: limits.memory=1Gi",
       "QuotaExceeded", false},
      {StatusCode::kForbidden,
       "pods \"asb-a\" is forbidden: failed quota: q: must specify limits.nvidia.com/gpu",
       "QuotaExceeded", false},
      {StatusCode::kForbidden,
       "pods \"asb-a\" is forbidden: violates PodSecurity \"restricted:latest\": ...",
       "PodSecurityViolation", false},
      {StatusCode::kForbidden,
       "pods \"asb-a\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found",
       "RuntimeClassMissing", false},
      {StatusCode::kForbidden,
       "pods \"asb-a\" is forbidden: unable to create new content in namespace x because it is "
       "being terminated",
       "NamespaceTerminating", false},
      {StatusCode::kForbidden, "admission webhook \"w\" denied the request: no",
       "CreationForbidden", false},
      {StatusCode::kInvalid, "Pod \"asb-a\" is invalid: spec.containers[0].image: Required value",
       "PodRejected", true},
      {StatusCode::kBadRequest, "strict decoding error: unknown field \"spec.x\"", "PodRejected",
       true},
      {StatusCode::kUnavailable, "connection refused", nullptr, false},
      {StatusCode::kThrottled, "too many requests", nullptr, false},
      {StatusCode::kConflict, "the object has been modified", nullptr, false},
      {StatusCode::kNotFound, "namespaces \"x\" not found", nullptr, false},
  };
  for (const auto& test : cases) {
    const auto blocker = ExplainCreateError(Status(test.code, test.message), "the pod");
    ASSERT_EQ(blocker.has_value(), test.reason != nullptr) << test.message;
    if (!blocker) continue;
    EXPECT_EQ(blocker->reason, test.reason);
    EXPECT_EQ(blocker->stalled, test.stalled) << test.message;
    EXPECT_FALSE(blocker->message.empty());
  }
}

}  // namespace
}  // namespace stockade::sandbox_operator
