#include "operator/widening.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/fakes/fake_clock.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

constexpr const char* kShared = "asg--0123";

class GatewayWideningTest : public ::testing::Test {
 protected:
  GatewayWideningTest() {
    sandbox_.metadata.name = "box";
    sandbox_.metadata.namespace_name = "team";
    sandbox_.metadata.uid = "uid-1";
  }

  // A policy that lets everything out of what its selector matches.
  void Record(const std::string& name, const Json& selector, Json metadata = Json::object()) {
    metadata["name"] = name;
    metadata["namespace"] = metadata.value("namespace", "team");
    metadata["uid"] = name;
    metadata["resourceVersion"] = std::to_string(++version_);
    const Json policy = {{"metadata", metadata},
                         {"spec",
                          {{"podSelector", selector},
                           {"policyTypes", Json::array({"Egress"})},
                           {"egress", Json::array({Json::object()})}}}};
    caches_.policies.store().RecordWrite(*DecodePolicy(codec::ParseTrusted(policy).root()));
  }

  void RecordPod(const std::string& gateway, const api::StringMap& labels) {
    CachedPod pod;
    pod.key = {"team", gateway + "-5d4f-x2x2x"};
    pod.uid = gateway;
    pod.resource_version = ++version_;
    pod.labels = labels;
    pod.labels["stockade.dev/gateway"] = gateway;
    caches_.gateway_pods.store().RecordWrite(std::move(pod));
  }

  [[nodiscard]] std::string Find(const std::string& gateway) const {
    return FindPolicyWideningGateway(caches_, sandbox_, gateway);
  }

  static Json Selects(const std::string& key, const std::string& value) {
    return {{"matchLabels", {{key, value}}}};
  }

  testing::FakeClock clock_;
  Logger logger_{clock_, LogLevel::kError, [](std::string_view) {}};
  Caches caches_{logger_};
  api::AgentSandbox sandbox_;
  std::uint64_t version_ = 0;
};

TEST_F(GatewayWideningTest, NothingWidensWhereNoPolicySelectsItsPods) {
  EXPECT_EQ(Find("asg-box"), "");
  Record("others", Selects("app", "web"));
  Record("sandboxes", Selects("stockade.dev/sandbox", "box"));
  Record("elsewhere", Json::object(), {{"namespace", "other"}});
  Record("another-gateway", Selects("stockade.dev/gateway", "asg-other"));
  EXPECT_EQ(Find("asg-box"), "");
  EXPECT_EQ(Find(kShared), "");
}

TEST_F(GatewayWideningTest, PolicyThatExcludesSandboxesAloneSelectsGateways) {
  Record("all-but-sandboxes",
         {{"matchExpressions",
           Json::array({{{"key", "stockade.dev/sandbox"}, {"operator", "DoesNotExist"}}})}});
  EXPECT_EQ(Find("asg-box"), "all-but-sandboxes");
  EXPECT_EQ(Find(kShared), "all-but-sandboxes");
}

TEST_F(GatewayWideningTest, PolicyOfOneGatewayWidensThatOneAlone) {
  Record("mine", Selects("stockade.dev/gateway", "asg-box"));
  EXPECT_EQ(Find("asg-box"), "mine");
  EXPECT_EQ(Find(kShared), "");
  Record("ours", Selects("stockade.dev/gateway", kShared));
  EXPECT_EQ(Find(kShared), "ours");
}

TEST_F(GatewayWideningTest, LabelsOfNodesCountSinceAPodMayComeToAny) {
  Record("zone", Selects("topology.kubernetes.io/zone", "a"));
  EXPECT_EQ(Find("asg-box"), "zone");
}

TEST_F(GatewayWideningTest, LabelsThatControllersAddCountWhileAPodHasThem) {
  Record("by-hash", {{"matchExpressions",
                      Json::array({{{"key", "pod-template-hash"}, {"operator", "Exists"}}})}});
  EXPECT_EQ(Find("asg-box"), "");
  RecordPod("asg-other", {{"pod-template-hash", "5d4f"}});
  EXPECT_EQ(Find("asg-box"), "");
  RecordPod("asg-box", {{"pod-template-hash", "5d4f"}});
  EXPECT_EQ(Find("asg-box"), "by-hash");
}

TEST_F(GatewayWideningTest, TheOperatorsOwnPoliciesWidenNothing) {
  const Json owned = {{"ownerReferences", Json::array({{{"apiVersion", "stockade.dev/v1alpha1"},
                                                        {"kind", "AgentSandbox"},
                                                        {"name", "box"},
                                                        {"uid", "uid-1"},
                                                        {"controller", true}}})}};
  Record("asg-box-gateway", Selects("stockade.dev/gateway", "asg-box"), owned);
  Record("stockade-gateway-deny-all", Json::object());
  const Json labelled = {
      {"labels",
       {{"app.kubernetes.io/managed-by", "stockade"}, {"stockade.dev/gateway", kShared}}}};
  Record("asg--0123-gateway", Selects("stockade.dev/gateway", kShared), labelled);
  EXPECT_EQ(Find("asg-box"), "");
  EXPECT_EQ(Find(kShared), "");
  // Of that name, and not the operator's.
  Record("asg-box-gateway", Selects("stockade.dev/gateway", "asg-box"));
  EXPECT_EQ(Find("asg-box"), "asg-box-gateway");
}

}  // namespace
}  // namespace stockade::sandbox_operator
