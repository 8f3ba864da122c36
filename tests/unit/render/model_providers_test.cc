#include "render/model_providers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/unit/render/egress_testing.h"

namespace stockade::render {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;

ModelEndpoint Resolve(const std::string& model) {
  const EgressSections sections =
      SectionsIn("spec: {egress: {model: " + model +
                 "}, credentials: [{name: key, header: {name: x-api-key, secretKeyRef: {name: s, "
                 "key: k}}}]}");
  return ResolveModel(*sections.egress.model, sections.credentials);
}

std::map<std::string, std::string> Variables(const std::string& model) {
  const EgressSections sections = SectionsIn("spec: {egress: {model: " + model + "}}");
  const auto variables = ModelVariables(*sections.egress.model);
  const std::map<std::string, std::string> map(variables.begin(), variables.end());
  EXPECT_EQ(map.size(), variables.size()) << "a variable stands twice";
  return map;
}

constexpr const char* kAnthropic = "{anthropic: {credential: key}}";
constexpr const char* kBedrock = "{bedrock: {region: eu-central-1, roleARN: r}}";
constexpr const char* kVertex = "{vertex: {project: p-1, region: europe-west1}}";
constexpr const char* kFoundry = "{foundry: {resource: acme, credential: key}}";
constexpr const char* kCustom = "{custom: {host: models.example.com, credential: key}}";

TEST(ModelProvidersTest, EachHasItsHost) {
  EXPECT_EQ(Resolve(kAnthropic).host, "api.anthropic.com");
  EXPECT_EQ(Resolve(kBedrock).host, "bedrock-runtime.eu-central-1.amazonaws.com");
  EXPECT_EQ(Resolve(kVertex).host, "europe-west1-aiplatform.googleapis.com");
  EXPECT_EQ(Resolve("{vertex: {project: p, region: global}}").host, "aiplatform.googleapis.com");
  EXPECT_EQ(Resolve(kFoundry).host, "acme.services.ai.azure.com");
  EXPECT_EQ(Resolve(kCustom).host, "models.example.com");
}

// A provider's files, batches and tools are ways out: none of them is open without being declared.
TEST(ModelProvidersTest, OnlyPromptsAndTheirTokensAreOpen) {
  EXPECT_THAT(Resolve(kAnthropic).paths,
              ElementsAre(PathMatch{PathMatch::Kind::kExact, "/v1/messages"},
                          PathMatch{PathMatch::Kind::kExact, "/v1/messages/count_tokens"}));
  EXPECT_EQ(Resolve(kCustom).paths, Resolve(kAnthropic).paths);
  EXPECT_THAT(Resolve(kFoundry).paths,
              Contains(PathMatch{PathMatch::Kind::kExact, "/anthropic/v1/messages"}));
}

// The expressions are RE2's; what they use is the same here.
bool Matches(const ModelEndpoint& endpoint, const std::string& path) {
  EXPECT_EQ(endpoint.paths.size(), 1U);
  EXPECT_EQ(endpoint.paths[0].kind, PathMatch::Kind::kRegex);
  return std::regex_match(path, std::regex(endpoint.paths[0].value));
}

TEST(ModelProvidersTest, BedrockInvokesTheModelsOfTheListAlone) {
  const ModelEndpoint any = Resolve(kBedrock);
  EXPECT_TRUE(Matches(any, "/model/eu.anthropic.claude-1-v1:0/invoke"));
  EXPECT_TRUE(Matches(any, "/model/eu.anthropic.claude-1-v1%3A0/invoke-with-response-stream"));
  EXPECT_FALSE(Matches(any, "/model/x/converse"));
  EXPECT_FALSE(Matches(any, "/model/a/b/invoke"));
  EXPECT_FALSE(Matches(any, "/model//invoke"));
  EXPECT_FALSE(Matches(any, "/model/x/invoke/async"));
  const ModelEndpoint listed = Resolve(
      "{bedrock: {region: r, roleARN: r, models: ['a.b-v1:0', 'arn:aws:bedrock:r:1:x/y']}}");
  EXPECT_TRUE(Matches(listed, "/model/a.b-v1:0/invoke"));
  EXPECT_TRUE(Matches(listed, "/model/a.b-v1%3A0/invoke"));
  EXPECT_TRUE(Matches(listed, "/model/arn%3Aaws%3Abedrock%3Ar%3A1%3Ax%2Fy/invoke"));
  EXPECT_FALSE(Matches(listed, "/model/axb-v1:0/invoke"));
  EXPECT_FALSE(Matches(listed, "/model/other/invoke"));
}

TEST(ModelProvidersTest, VertexReachesItsProjectAlone) {
  const ModelEndpoint vertex = Resolve(kVertex);
  const std::string models = "/v1/projects/p-1/locations/europe-west1/publishers/anthropic/models/";
  EXPECT_TRUE(Matches(vertex, models + "claude-1@20250929:streamRawPredict"));
  EXPECT_TRUE(Matches(vertex, models + "count-tokens:rawPredict"));
  EXPECT_FALSE(Matches(vertex, models + "claude-1:generateContent"));
  EXPECT_FALSE(Matches(vertex,
                       "/v1/projects/other/locations/europe-west1/publishers/anthropic/"
                       "models/claude-1:rawPredict"));
}

TEST(ModelProvidersTest, CredentialsComeFromSecretsOrFromTheExchange) {
  EXPECT_EQ(Resolve(kAnthropic).injection->source, Injection::Source::kSecret);
  EXPECT_EQ(Resolve(kFoundry).injection->name, "key");
  const auto bedrock = Resolve(kBedrock).injection;
  EXPECT_EQ(bedrock->kind, Injection::Kind::kAws);
  EXPECT_EQ(bedrock->source, Injection::Source::kDerived);
  EXPECT_EQ(bedrock->service, "bedrock");
  const auto vertex = Resolve(kVertex).injection;
  EXPECT_EQ(vertex->header, "authorization");
  EXPECT_EQ(vertex->prefix, "Bearer ");
}

TEST(ModelProvidersTest, VariablesLeadTheAgentThere) {
  EXPECT_THAT(Variables(kAnthropic),
              Contains(Pair("ANTHROPIC_BASE_URL", "https://api.anthropic.com")));
  EXPECT_THAT(Variables(kAnthropic), Contains(Pair("DISABLE_UPDATES", "1")));
  EXPECT_THAT(Variables(kCustom), Contains(Pair("ENABLE_TOOL_SEARCH", "true")));
  EXPECT_THAT(Variables(kBedrock), Contains(Pair("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1")));
  EXPECT_THAT(Variables(kBedrock), Contains(Pair("AWS_REGION", "eu-central-1")));
  EXPECT_THAT(Variables(kVertex), Contains(Pair("ANTHROPIC_VERTEX_PROJECT_ID", "p-1")));
  EXPECT_THAT(Variables(kFoundry), Contains(Pair("CLAUDE_CODE_USE_FOUNDRY", "1")));
  EXPECT_THAT(Variables(kFoundry),
              Contains(Pair("ANTHROPIC_FOUNDRY_API_KEY", "stockade-placeholder")));
}

}  // namespace
}  // namespace stockade::render
