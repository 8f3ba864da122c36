#include "api/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/agent_sandbox.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::Json;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kSecond = 1767225600;  // 2026-01-01T00:00:00Z

TimePoint At(std::int64_t since) { return std::chrono::system_clock::from_time_t(kSecond + since); }

Lifecycle Decode(const Json& value, std::vector<FieldError>& errors, bool strict = false) {
  const codec::JsonDocument document = codec::ParseTrusted(value);
  return DecodeLifecycle(document.root(), "spec.lifecycle", strict, errors);
}

std::vector<std::string> PathsOf(const Json& value, bool strict = false) {
  std::vector<FieldError> errors;
  static_cast<void>(Decode(value, errors, strict));
  std::vector<std::string> paths;
  for (const FieldError& error : errors) paths.push_back(error.path);
  return paths;
}

TEST(LifecycleTest, UnsetMeansNoEndAndNoRestart) {
  for (const char* text : {"null", "{}"}) {
    std::vector<FieldError> errors;
    EXPECT_EQ(Decode(Json::parse(text), errors), Lifecycle{}) << text;
    EXPECT_THAT(errors, IsEmpty());
  }
  EXPECT_EQ(EndOf({}, At(0)), std::nullopt);
}

TEST(LifecycleTest, ReadsEveryField) {
  std::vector<FieldError> errors;
  const Lifecycle lifecycle = Decode(Json::parse(R"({
      "shutdownTime": "2026-01-01T02:00:00+01:00", "maxLifetimeSeconds": 60,
      "shutdownPolicy": "Delete", "volumePolicy": "Retain",
      "restart": {"maxAttempts": 5, "backoff": {"initialSeconds": 2, "maxSeconds": 9}}})"),
                                     errors, /*strict=*/true);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(lifecycle.shutdown_time, At(3600));
  EXPECT_EQ(lifecycle.max_lifetime, seconds(60));
  EXPECT_EQ(lifecycle.shutdown_policy, ShutdownPolicy::kDelete);
  EXPECT_EQ(lifecycle.volume_policy, VolumePolicy::kRetain);
  EXPECT_EQ(lifecycle.restart, (Restart{5, seconds(2), seconds(9)}));
}

TEST(LifecycleTest, ARestartThatSaysNothingHasTheDefaultsOfTheCrd) {
  std::vector<FieldError> errors;
  EXPECT_EQ(Decode({{"restart", Json::object()}}, errors).restart,
            (Restart{3, seconds(10), seconds(300)}));
  EXPECT_EQ(Decode({{"restart", {{"backoff", Json::object()}}}}, errors).restart,
            (Restart{3, seconds(10), seconds(300)}));
  EXPECT_THAT(errors, IsEmpty());
}

TEST(LifecycleTest, IdleHasOneTimeOrBoth) {
  std::vector<FieldError> errors;
  const auto idle = [&errors](const char* text) {
    return Decode({{"idle", Json::parse(text)}}, errors, /*strict=*/true).idle;
  };
  EXPECT_EQ(idle(R"({"suspendAfterSeconds": 60})"),
            (Idle{.suspend_after = seconds(60), .delete_after = {}}));
  EXPECT_EQ(idle(R"({"suspendAfterSeconds": 60, "deleteAfterSeconds": 61})"),
            (Idle{seconds(60), seconds(61)}));
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_THAT(PathsOf(Json::parse(R"({"idle": {}})")), ElementsAre("spec.lifecycle.idle"));
  EXPECT_THAT(PathsOf(Json::parse(R"({"idle": {"suspendAfterSeconds": 59}})")),
              ElementsAre("spec.lifecycle.idle.suspendAfterSeconds"));
  EXPECT_THAT(PathsOf(Json::parse(R"({"idle": {"suspendAfterSeconds": 60,
                                               "deleteAfterSeconds": 60}})")),
              ElementsAre("spec.lifecycle.idle.deleteAfterSeconds"));
}

TEST(LifecycleTest, WhatIsDeletedAloneIsSuspendedForTheLastTenthAndAtMostAnHour) {
  const auto after = [](Idle idle) { return idle.SuspendAfter().count(); };
  EXPECT_EQ(after({.suspend_after = seconds(60), .delete_after = seconds(6000)}), 60);
  EXPECT_EQ(after({.suspend_after = {}, .delete_after = seconds(60)}), 54);
  EXPECT_EQ(after({.suspend_after = {}, .delete_after = seconds(86400)}), 86400 - 3600);
}

TEST(LifecycleTest, NamesEachMistake) {
  EXPECT_THAT(PathsOf(Json::parse(R"({"shutdownTime": "tomorrow", "maxLifetimeSeconds": 0,
      "shutdownPolicy": "Keep", "volumePolicy": "retain",
      "restart": {"maxAttempts": 0, "backoff": {"initialSeconds": 0, "maxSeconds": 86401}}})")),
              ElementsAre("spec.lifecycle.shutdownTime", "spec.lifecycle.maxLifetimeSeconds",
                          "spec.lifecycle.shutdownPolicy", "spec.lifecycle.volumePolicy",
                          "spec.lifecycle.restart.maxAttempts",
                          "spec.lifecycle.restart.backoff.initialSeconds",
                          "spec.lifecycle.restart.backoff.maxSeconds"));
  EXPECT_THAT(PathsOf({{"shutdownTime", 5}}), ElementsAre("spec.lifecycle.shutdownTime"));
  EXPECT_THAT(PathsOf({{"maxLifetimeSeconds", kLongestLifetimeSeconds + 1}}),
              ElementsAre("spec.lifecycle.maxLifetimeSeconds"));
  EXPECT_THAT(PathsOf({{"restart", {{"backoff", {{"initialSeconds", 301}}}}}}),
              ElementsAre("spec.lifecycle.restart.backoff.maxSeconds"))
      << "the default of maxSeconds is less";
}

TEST(LifecycleTest, UnknownFieldsAreNamedWhereTheyCount) {
  const Json value =
      Json::parse(R"({"ttl": 5, "restart": {"limit": 2, "backoff": {"seconds": 1}}})");
  EXPECT_THAT(PathsOf(value), IsEmpty());
  EXPECT_THAT(PathsOf(value, /*strict=*/true),
              ElementsAre("spec.lifecycle.restart.backoff.seconds", "spec.lifecycle.restart.limit",
                          "spec.lifecycle.ttl"));
}

TEST(LifecycleTest, TheEarlierEndCounts) {
  Lifecycle lifecycle;
  lifecycle.max_lifetime = seconds(60);
  EXPECT_EQ(EndOf(lifecycle, At(0)), At(60));
  EXPECT_EQ(EndOf(lifecycle, std::nullopt), std::nullopt)
      << "of a file nobody knows when it begins";
  lifecycle.shutdown_time = At(59);
  EXPECT_EQ(EndOf(lifecycle, At(0)), At(59));
  lifecycle.shutdown_time = At(61);
  EXPECT_EQ(EndOf(lifecycle, At(0)), At(60));
  EXPECT_EQ(EndOf(lifecycle, std::nullopt), At(61));
}

TEST(LifecycleTest, WaitsDoubleUpToTheLongest) {
  const Restart restart{10, seconds(10), seconds(60)};
  for (const auto& [attempt, wait] :
       {std::pair{1, 10}, {2, 20}, {3, 40}, {4, 60}, {5, 60}, {1000, 60}}) {
    EXPECT_EQ(restart.WaitBefore(attempt), seconds(wait)) << attempt;
  }
}

TEST(LifecycleTest, IsAPartOfTheSandbox) {
  Json object = Json::parse(R"({
      "apiVersion": "stockade.dev/v1alpha1", "kind": "AgentSandbox",
      "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"},
      "spec": {"podTemplate": {"spec": {"containers": []}},
               "lifecycle": {"maxLifetimeSeconds": 60}}})");
  const auto sandbox = DecodeAgentSandbox(codec::ParseTrusted(object).root());
  ASSERT_TRUE(sandbox.ok()) << sandbox.status().ToString();
  EXPECT_EQ(EndOf(sandbox->spec.lifecycle, sandbox->metadata.created), At(60));
  object["spec"]["lifecycle"]["maxLifeTimeSeconds"] = 1;
  const auto errors = CheckAgentSandboxFields(codec::ParseTrusted(object).root());
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].path, "spec.lifecycle.maxLifeTimeSeconds");
}

}  // namespace
}  // namespace stockade::api
