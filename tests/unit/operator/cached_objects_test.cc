#include "operator/cached_objects.h"

#include <gtest/gtest.h>

#include "api/label_selector.h"

namespace stockade::sandbox_operator {
namespace {

codec::JsonDocument Parse(const char* text) {
  auto document = codec::JsonDocument::Parse(text);
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  return std::move(document).value();
}

TEST(CachedObjectsTest, ControllerOwnerIsTheOneThatControls) {
  const auto metadata = Parse(R"({"ownerReferences":[
    {"apiVersion":"v1","kind":"ConfigMap","name":"other","uid":"u0"},
    {"apiVersion":"stockade.dev/v1alpha1","kind":"AgentSandbox","name":"a","uid":"u1",
     "controller":true}]})");
  const ControllerOwner owner = DecodeControllerOwner(metadata.root());
  EXPECT_EQ(owner.kind, "AgentSandbox");
  EXPECT_EQ(owner.name, "a");
  EXPECT_EQ(owner.uid, "u1");
  EXPECT_EQ(DecodeControllerOwner(Parse("{}").root()).uid, "");
}

TEST(CachedObjectsTest, PolicyKnowsWhatItLetsThrough) {
  struct {
    const char* spec;
    bool egress;
    bool ingress;
  } const cases[] = {
      {R"({"podSelector":{},"policyTypes":["Egress"],"egress":[{}]})", true, false},
      {R"({"podSelector":{},"policyTypes":["Ingress"],"ingress":[{}]})", false, true},
      {R"({"podSelector":{},"policyTypes":["Ingress","Egress"]})", false, false},
      // Rules of a type that the policy does not have are not in force.
      {R"({"podSelector":{},"policyTypes":["Ingress"],"egress":[{}]})", false, false},
      {R"({"podSelector":{},"policyTypes":["Egress"],"egress":[]})", false, false},
  };
  for (const auto& test : cases) {
    const auto object =
        Parse((std::string(R"({"metadata":{"name":"p","namespace":"n"},"spec":)") + test.spec + "}")
                  .c_str());
    const auto policy = DecodePolicy(object.root());
    ASSERT_TRUE(policy.ok());
    EXPECT_EQ(policy->allows_egress, test.egress) << test.spec;
    EXPECT_EQ(policy->allows_ingress, test.ingress) << test.spec;
  }
}

TEST(CachedObjectsTest, FinalizerIsOursOnlyByItsName) {
  const auto ours = Parse(
      R"({"metadata":{"name":"p","finalizers":["other/x","stockade.dev/pods-gone"]},"spec":{}})");
  EXPECT_TRUE(DecodePolicy(ours.root())->has_finalizer);
  const auto others = Parse(R"({"metadata":{"name":"p","finalizers":["other/x"]},"spec":{}})");
  EXPECT_FALSE(DecodePolicy(others.root())->has_finalizer);
}

TEST(LabelSelectorTest, MatchesAsKubernetesDoes) {
  struct {
    const char* selector;
    bool matches;
  } const cases[] = {
      {"{}", true},
      {R"({"matchLabels":{"app":"web"}})", true},
      {R"({"matchLabels":{"app":"db"}})", false},
      {R"({"matchLabels":{"app":"web","tier":"x"}})", false},
      {R"({"matchExpressions":[{"key":"app","operator":"In","values":["db","web"]}]})", true},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]})", false},
      // As in Kubernetes, NotIn matches where the label is missing.
      {R"({"matchExpressions":[{"key":"tier","operator":"NotIn","values":["x"]}]})", true},
      {R"({"matchExpressions":[{"key":"app","operator":"Exists"}]})", true},
      {R"({"matchExpressions":[{"key":"tier","operator":"Exists"}]})", false},
      {R"({"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]})", true},
      {R"({"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]})", false},
      {R"({"matchLabels":{"app":"web"},
           "matchExpressions":[{"key":"app","operator":"DoesNotExist"}]})",
       false},
      // An operator of a later version: taken to match.
      {R"({"matchExpressions":[{"key":"app","operator":"Resembles"}]})", true},
  };
  const api::StringMap labels = {{"app", "web"}, {"stockade.dev/sandbox", "a"}};
  for (const auto& test : cases) {
    EXPECT_EQ(api::LabelSelector(Parse(test.selector).root()).Matches(labels), test.matches)
        << test.selector;
  }
}

}  // namespace
}  // namespace stockade::sandbox_operator
