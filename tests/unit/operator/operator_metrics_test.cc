#include "operator/operator_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <string>
#include <vector>

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using ::testing::HasSubstr;
using ::testing::Not;

Json StatusWith(const std::vector<std::pair<std::string, std::string>>& conditions) {
  Json status = {{"conditions", Json::array()}};
  for (const auto& [type, value] : conditions) {
    status["conditions"].push_back({{"type", type}, {"status", value}});
  }
  return status;
}

TEST(SandboxStateTest, FollowsTheConditions) {
  const struct {
    Json status;
    std::string_view state;
  } kCases[] = {
      {nullptr, "Pending"},
      {StatusWith({{"Ready", "Unknown"}}), "Pending"},
      {StatusWith({{"Ready", "True"}, {"Stalled", "False"}}), "Ready"},
      {StatusWith({{"Ready", "False"}}), "NotReady"},
      {StatusWith({{"Ready", "False"}, {"Suspended", "True"}}), "Suspended"},
      {StatusWith({{"Ready", "False"}, {"Finished", "True"}}), "Finished"},
      {StatusWith({{"Suspended", "True"}, {"Stalled", "True"}}), "Stalled"},
  };
  for (const auto& test : kCases) {
    const codec::JsonDocument document = codec::ParseTrusted(test.status);
    EXPECT_EQ(SandboxState(document.root()), test.state) << test.status;
  }
}

std::shared_ptr<const CachedSandbox> Sandbox(api::Isolation isolation, const Json& status) {
  CachedSandbox cached;
  cached.sandbox.spec.isolation = isolation;
  const codec::JsonDocument document = codec::ParseTrusted(status);
  cached.status = CompactStatus(document.root());
  return std::make_shared<const CachedSandbox>(std::move(cached));
}

TEST(OperatorMetricsTest, CountsSandboxesAnewEachTime) {
  prometheus::Registry registry;
  OperatorMetrics metrics(registry);
  const auto ready = Sandbox(api::Isolation::kGVisor, StatusWith({{"Ready", "True"}}));
  const auto weak = Sandbox(api::Isolation::kContainer, StatusWith({{"Ready", "False"}}));
  metrics.CountSandboxes({ready, ready, weak});
  std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  EXPECT_THAT(text, HasSubstr("stockade_sandboxes{isolation=\"GVisor\",state=\"Ready\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("stockade_sandboxes{isolation=\"Container\",state=\"NotReady\"} 1\n"));
  metrics.CountSandboxes({});
  text = prometheus::TextSerializer().Serialize(registry.Collect());
  EXPECT_THAT(text, HasSubstr("stockade_sandboxes{isolation=\"GVisor\",state=\"Ready\"} 0\n"));
}

TEST(OperatorMetricsTest, CountsTheConditionsOfIsolation) {
  prometheus::Registry registry;
  OperatorMetrics metrics(registry);
  const auto shut = Sandbox(api::Isolation::kGVisor,
                            StatusWith({{"EgressIsolated", "True"}, {"RuntimeHardened", "True"}}));
  const auto open = Sandbox(
      api::Isolation::kGVisor,
      StatusWith({{"EgressIsolated", "False"}, {"RuntimeHardened", "Unknown"}, {"Other", "True"}}));
  metrics.CountSandboxes({shut, shut, open});
  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  const auto has = [&text](const std::string& labels, const std::string& value) {
    return text.find("stockade_sandbox_conditions{" + labels + "} " + value + "\n") !=
           std::string::npos;
  };
  EXPECT_TRUE(has(R"(condition="EgressIsolated",status="True")", "2")) << text;
  EXPECT_TRUE(has(R"(condition="EgressIsolated",status="False")", "1")) << text;
  EXPECT_TRUE(has(R"(condition="RuntimeHardened",status="Unknown")", "1")) << text;
  EXPECT_TRUE(has(R"(condition="PolicyCompliant",status="False")", "0")) << text;
  EXPECT_THAT(text, Not(HasSubstr("Other")));
}

TEST(OperatorMetricsTest, CountsWhatIsNotFoundShutAnyMore) {
  prometheus::Registry registry;
  OperatorMetrics metrics(registry);
  Json fails = StatusWith({{"EgressIsolated", "Unknown"}});
  fails["conditions"][0]["reason"] = "ProbeFails";
  Json starts = StatusWith({{"EgressIsolated", "Unknown"}});
  starts["conditions"][0]["reason"] = "CanaryPending";
  metrics.CountSandboxes(
      {Sandbox(api::Isolation::kGVisor, fails), Sandbox(api::Isolation::kGVisor, starts)});
  EXPECT_THAT(prometheus::TextSerializer().Serialize(registry.Collect()),
              HasSubstr("stockade_sandbox_probes_failing 1\n"));
  metrics.CountSandboxes({Sandbox(api::Isolation::kGVisor, starts)});
  EXPECT_THAT(prometheus::TextSerializer().Serialize(registry.Collect()),
              HasSubstr("stockade_sandbox_probes_failing 0\n"));
}

TEST(OperatorMetricsTest, ObservesOnlyAgesThatAreKnown) {
  prometheus::Registry registry;
  OperatorMetrics metrics(registry);
  metrics.ObserveReady(api::Isolation::kGVisor, std::chrono::milliseconds(500));
  metrics.ObserveReady(api::Isolation::kGVisor, std::chrono::nanoseconds::max());
  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  EXPECT_THAT(text, HasSubstr("stockade_sandbox_ready_seconds_count{isolation=\"GVisor\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("stockade_sandbox_ready_seconds_sum{isolation=\"GVisor\"} 0.5\n"));
}

TEST(OperatorMetricsTest, SaysWhetherItLeads) {
  prometheus::Registry registry;
  OperatorMetrics metrics(registry);
  metrics.SetLeading(true);
  EXPECT_THAT(prometheus::TextSerializer().Serialize(registry.Collect()),
              HasSubstr("leader_election_master_status{name=\"stockade-operator\"} 1\n"));
}

}  // namespace
}  // namespace stockade::sandbox_operator
