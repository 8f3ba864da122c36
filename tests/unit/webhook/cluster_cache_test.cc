#include "webhook/cluster_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "codec/yaml.h"

namespace stockade::webhook {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

codec::JsonDocument Yaml(const std::string& text) {
  auto parsed = codec::ParseYaml(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  return std::move(parsed).value();
}

// What the caches answer once they are synced is the integration tests' matter.
TEST(ClusterCacheTest, AnswersNothingBeforeEverythingIsRead) {
  const SystemClock clock;
  Logger logger(clock, LogLevel::kInfo, [](std::string_view) {});
  const ClusterCache cache({"", "gvisor", "kata"}, logger);
  const Status status = cache.CheckSynced();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("namespaces"), HasSubstr("agentsandboxpolicies"),
                                      HasSubstr("agentsandboxes"), HasSubstr("try again")));
  EXPECT_EQ(cache.PoliciesOf("team").status().message(), status.message());
  EXPECT_EQ(cache.AccessOf("team", "agent").status().message(), status.message());
  EXPECT_EQ(cache.SandboxSelectedBy("team", {}).status().message(), status.message());
  EXPECT_EQ(cache.GatewaySelectedBy("team", {}).status().message(), status.message());
  EXPECT_EQ(cache.RuntimeClassInUse("gvisor").status().message(), status.message());
}

TEST(ClusterCacheTest, DecodesTheAccessOfASandbox) {
  const auto document = Yaml(R"(
metadata: {name: a, namespace: team, uid: u, resourceVersion: "7"}
spec:
  isolation: MicroVM
  access: {exec: Deny, portForward: Allow}
  podTemplate: {metadata: {labels: {app: x}}})");
  const auto sandbox = DecodeSandboxAccess(document.root());
  ASSERT_TRUE(sandbox.ok());
  EXPECT_EQ(sandbox->key, (runtime::ObjectKey{"team", "a"}));
  EXPECT_EQ(sandbox->access.exec, api::Permission::kDeny);
  EXPECT_EQ(sandbox->access.attach, api::Permission::kAllow);
  EXPECT_EQ(sandbox->access.port_forward, api::Permission::kAllow);
  EXPECT_EQ(sandbox->isolation, api::Isolation::kMicroVM);
  EXPECT_EQ(*sandbox->pod_labels, (api::StringMap{{"app", "x"}}));
  EXPECT_FALSE(sandbox->has_gateway);
}

TEST(ClusterCacheTest, KnowsWhichSandboxesMayNotBeIdle) {
  for (const auto& [text, expected] :
       {std::pair("{metadata: {name: a}, spec: {lifecycle: {idle: {suspendAfterSeconds: 60}}}}",
                  true),
        std::pair("{metadata: {name: a}, spec: {lifecycle: {maxLifetimeSeconds: 60}}}", false)}) {
    const auto document = Yaml(text);
    const auto sandbox = DecodeSandboxAccess(document.root());
    ASSERT_TRUE(sandbox.ok());
    EXPECT_EQ(sandbox->may_be_idle, expected) << text;
  }
}

TEST(ClusterCacheTest, KnowsWhichSandboxesHaveAGateway) {
  const auto document = Yaml("{metadata: {name: a}, spec: {egress: {allow: [{host: 7}]}}}");
  const auto sandbox = DecodeSandboxAccess(document.root());
  ASSERT_TRUE(sandbox.ok());
  EXPECT_TRUE(sandbox->has_gateway);
}

TEST(ClusterCacheTest, WhatLabelsOfGatewaysAreNotKnownIsTakenToMatch) {
  const auto may_select = [](const char* selector) {
    const auto document = Yaml(selector);
    return MaySelectGateways(api::LabelSelector(document.root()));
  };
  for (const char* const selector :
       {"{}", "{matchLabels: {stockade.dev/gateway: any}}",
        "{matchLabels: {app.kubernetes.io/managed-by: stockade}}",
        "{matchLabels: {pod-template-hash: abc}}",
        "{matchLabels: {topology.kubernetes.io/zone: z1}}",
        "{matchExpressions: [{key: stockade.dev/gateway, operator: Exists}]}",
        "{matchExpressions: [{key: stockade.dev/gateway, operator: NotIn, values: [asg-a]}]}",
        "{matchExpressions: [{key: stockade.dev/sandbox, operator: DoesNotExist}]}"}) {
    EXPECT_TRUE(may_select(selector)) << selector;
  }
  for (const char* const selector :
       {"{matchExpressions: [{key: stockade.dev/gateway, operator: DoesNotExist}]}",
        "{matchLabels: {app: web}}", "{matchLabels: {app.kubernetes.io/managed-by: Helm}}",
        "{matchLabels: {stockade.dev/gateway: any, app: web}}"}) {
    EXPECT_FALSE(may_select(selector)) << selector;
  }
}

TEST(ClusterCacheTest, AnAccessThatCannotBeReadIsDeny) {
  const auto document = Yaml("{metadata: {name: a}, spec: {access: {exec: 7, attach: allow}}}");
  const auto sandbox = DecodeSandboxAccess(document.root());
  ASSERT_TRUE(sandbox.ok());
  EXPECT_EQ(sandbox->access.exec, api::Permission::kDeny);
  EXPECT_EQ(sandbox->access.attach, api::Permission::kDeny);
  EXPECT_EQ(sandbox->access.port_forward, api::Permission::kDeny);
}

TEST(ClusterCacheTest, APolicyThatCannotBeReadIsKept) {
  const auto document = Yaml("{metadata: {name: p}, spec: {enforcement: 7}}");
  const auto policy = DecodePolicyObject(document.root());
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->key.name, "p");
  EXPECT_THAT(policy->policy->problem(), HasSubstr("spec.enforcement"));
}

}  // namespace
}  // namespace stockade::webhook
