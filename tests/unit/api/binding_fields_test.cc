#include <gtest/gtest.h>

#include <set>

#include "api/agent_sandbox_claim.h"
#include "api/agent_sandbox_pool.h"
#include "api/agent_sandbox_template.h"
#include "base/rfc3339.h"
#include "crd_schema.h"

// The decoders of templates, pools and claims, and the CRDs' sources, describe the same fields.
namespace stockade::api {
namespace {

using codec::FieldError;
using codec::Json;
using codec::JsonView;
using ::testing::TestWithParam;

struct Kind {
  const char* source;
  std::vector<FieldError> (*check)(JsonView object);
};

const Kind kKinds[] = {
    {"stockade.dev_agentsandboxtemplates.yaml", CheckAgentSandboxTemplateFields},
    {"stockade.dev_agentsandboxpools.yaml", CheckAgentSandboxPoolFields},
    {"stockade.dev_agentsandboxclaims.yaml", CheckAgentSandboxClaimFields},
};

class BindingFieldsTest : public TestWithParam<Kind> {
 protected:
  static std::vector<FieldError> Check(const Json& spec) {
    return GetParam().check(codec::ParseTrusted(Json{{"spec", spec}}).root());
  }
};

TEST_P(BindingFieldsTest, TheDecoderKnowsEveryField) {
  const Json schema = SpecSchemaOf(GetParam().source);
  for (const FieldError& error : Check(Example(schema))) {
    EXPECT_EQ(error.message, "must have exactly one of templateRef and poolRef") << error.path;
  }
}

TEST_P(BindingFieldsTest, TheDecoderKnowsNoOtherField) {
  const Json schema = SpecSchemaOf(GetParam().source);
  const Json example = Example(schema);
  std::vector<std::string> pointers;
  FindObjects(schema, example, "", pointers);
  EXPECT_GE(pointers.size(), 3U);
  for (const std::string& pointer : pointers) {
    if (pointer.ends_with("/labels") || pointer.ends_with("/annotations")) continue;
    Json spec = example;
    spec[Json::json_pointer(pointer + "/notAField")] = 1;
    std::set<std::string> unknown;
    for (const FieldError& error : Check(spec)) {
      if (error.message.starts_with("is not a known field")) unknown.insert(error.path);
    }
    EXPECT_EQ(unknown.size(), 1U) << pointer;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, BindingFieldsTest, ::testing::ValuesIn(kKinds),
                         [](const auto& kind) {
                           const std::string source = kind.param.source;
                           const std::size_t begin = source.find('_') + 1;
                           return source.substr(begin, source.find(".yaml") - begin);
                         });

TEST(AgentSandboxPoolTest, DefaultsAreThoseOfTheCrd) {
  const Json properties = SpecSchemaOf("stockade.dev_agentsandboxpools.yaml")["properties"];
  const AgentSandboxPoolSpec defaults;
  EXPECT_EQ(properties["replicas"]["default"], defaults.replicas);
  const Json& refill = properties["refill"]["properties"];
  EXPECT_EQ(refill["maxStarting"]["default"], defaults.max_starting);
  EXPECT_EQ(refill["startupTimeoutSeconds"]["default"], defaults.startup_timeout_seconds);
  EXPECT_EQ(Enum(properties["updateStrategy"]["properties"]["type"]),
            std::pair(Names(kPoolUpdateNames),
                      std::string(kPoolUpdateNames[static_cast<std::size_t>(defaults.update)])));
}

TEST(AgentSandboxPoolTest, WhatIsSetIsDecoded) {
  const Json object = {{"metadata", {{"name", "p"}}},
                       {"spec",
                        {{"templateRef", {{"name", "t"}}},
                         {"replicas", 7},
                         {"updateStrategy", {{"type", "Recreate"}}},
                         {"refill", {{"maxStarting", 3}, {"startupTimeoutSeconds", 60}}}}}};
  const auto pool = DecodeAgentSandboxPool(codec::ParseTrusted(object).root());
  ASSERT_TRUE(pool.ok()) << pool.status().ToString();
  EXPECT_EQ(pool->spec.template_name, "t");
  EXPECT_EQ(pool->spec.replicas, 7);
  EXPECT_EQ(pool->spec.update, PoolUpdate::kRecreate);
  EXPECT_EQ(pool->spec.max_starting, 3);
  EXPECT_EQ(pool->spec.startup_timeout_seconds, 60);
}

TEST(AgentSandboxClaimTest, WhatIsSetIsDecoded) {
  const Json object = {{"metadata", {{"name", "c"}, {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
                       {"spec",
                        {{"poolRef", {{"name", "p"}}},
                         {"env", Json::array({{{"name", "A"}, {"value", "1"}}, {{"name", "B"}}})},
                         {"podMetadata", {{"labels", {{"a", "b"}}}, {"annotations", {{"c", "d"}}}}},
                         {"lifecycle",
                          {{"shutdownTime", "2026-01-02T00:00:00Z"},
                           {"maxLifetimeSeconds", 5},
                           {"ttlSecondsAfterFinished", 0}}},
                         {"timeoutSeconds", 9}}}};
  const auto claim = DecodeAgentSandboxClaim(codec::ParseTrusted(object).root());
  ASSERT_TRUE(claim.ok()) << claim.status().ToString();
  EXPECT_EQ(claim->metadata.created, ParseRfc3339("2026-01-01T00:00:00Z"));
  EXPECT_EQ(claim->spec.pool_name, "p");
  EXPECT_EQ(claim->spec.template_name, "");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(claim->spec.env, (Pairs{{"A", "1"}, {"B", ""}}));
  EXPECT_EQ(claim->spec.pod_labels, (StringMap{{"a", "b"}}));
  EXPECT_EQ(claim->spec.pod_annotations, (StringMap{{"c", "d"}}));
  EXPECT_EQ(claim->spec.shutdown_time, ParseRfc3339("2026-01-02T00:00:00Z"));
  EXPECT_EQ(claim->spec.max_lifetime_seconds, 5);
  EXPECT_EQ(claim->spec.ttl_seconds_after_finished, 0);
  EXPECT_EQ(claim->spec.timeout_seconds, 9);
}

TEST(AgentSandboxClaimTest, NeitherOrBothReferencesAreRefused) {
  const Json reference = {{"name", "x"}};
  for (const Json& spec :
       {Json::object(), Json{{"templateRef", reference}, {"poolRef", reference}}}) {
    const auto claim = DecodeAgentSandboxClaim(codec::ParseTrusted(Json{{"spec", spec}}).root());
    EXPECT_EQ(claim.status().code(), StatusCode::kBadRequest);
    EXPECT_EQ(claim.status().message(), "spec: must have exactly one of templateRef and poolRef");
  }
}

TEST(AgentSandboxClaimTest, AnEndThatIsNoTimeIsTold) {
  const Json spec = {{"poolRef", {{"name", "x"}}}, {"lifecycle", {{"shutdownTime", "tomorrow"}}}};
  const auto claim = DecodeAgentSandboxClaim(codec::ParseTrusted(Json{{"spec", spec}}).root());
  EXPECT_EQ(claim.status().message(),
            "spec.lifecycle.shutdownTime: must be a time such as 2026-11-24T04:15:20Z");
}

TEST(AgentSandboxTemplateTest, KeepsTheSpecAsItIs) {
  const Json spec = {{"podTemplate", {{"spec", {{"containers", Json::array()}}}}}};
  const Json object = {
      {"spec", {{"template", {{"spec", spec}}}, {"claims", {{"env", {"B", "A"}}}}}}};
  const auto made_from = DecodeAgentSandboxTemplate(codec::ParseTrusted(object).root());
  ASSERT_TRUE(made_from.ok()) << made_from.status().ToString();
  EXPECT_EQ(made_from->sandbox_spec.ToJson(), spec);
  EXPECT_EQ(made_from->claim_env, (std::vector<std::string>{"A", "B"}));
}

}  // namespace
}  // namespace stockade::api
