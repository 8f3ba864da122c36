#include "api/egress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::Json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Egress Decode(const char* text, std::vector<FieldError>& errors) {
  const codec::JsonDocument document = codec::ParseTrusted(Json::parse(text));
  return DecodeEgress(document.root(), "spec.egress", /*strict=*/true, errors);
}

std::vector<Credential> DecodeAll(const char* text, std::vector<FieldError>& errors) {
  const codec::JsonDocument document = codec::ParseTrusted(Json::parse(text));
  return DecodeCredentials(document.root(), "spec.credentials", /*strict=*/true, errors);
}

constexpr const char* kEverything = R"({
  "model": {"bedrock": {"region": "eu-central-1", "roleARN": "arn:r", "models": ["m"]}},
  "allow": [{"host": "api.example.com", "ports": [443, 8443], "tls": "Terminate",
             "methods": ["GET"], "paths": ["/v1"], "encodedSlash": true, "credential": "c",
             "clientCredentials": "Pass", "webSocket": true, "privateRanges": ["10.1.0.0/16"]},
            {"host": "*.example.org", "tls": "Tunnel"}],
  "deny": [{"host": "api.example.com", "paths": ["/v1/admin"]}],
  "audit": true, "gateway": "Shared"})";

TEST(DecodeEgressTest, ReadsEveryField) {
  std::vector<FieldError> errors;
  const Egress egress = Decode(kEverything, errors);
  EXPECT_THAT(errors, IsEmpty());
  ASSERT_TRUE(egress.model);
  EXPECT_EQ(egress.model->provider, ModelProvider::kBedrock);
  EXPECT_EQ(egress.model->region, "eu-central-1");
  EXPECT_EQ(egress.model->role_arn, "arn:r");
  EXPECT_THAT(egress.model->models, ElementsAre("m"));
  ASSERT_EQ(egress.allow.size(), 2U);
  const EgressEntry& entry = egress.allow[0];
  EXPECT_EQ(entry.host, "api.example.com");
  EXPECT_THAT(entry.ports, ElementsAre(443, 8443));
  EXPECT_EQ(entry.tls, TlsMode::kTerminate);
  EXPECT_THAT(entry.methods, ElementsAre("GET"));
  EXPECT_THAT(entry.paths, ElementsAre("/v1"));
  EXPECT_TRUE(entry.encoded_slash);
  EXPECT_EQ(entry.credential, "c");
  EXPECT_EQ(entry.client_credentials, ClientCredentials::kPass);
  EXPECT_TRUE(entry.web_socket);
  EXPECT_THAT(entry.private_ranges, ElementsAre("10.1.0.0/16"));
  EXPECT_EQ(egress.allow[1].tls, TlsMode::kTunnel);
  ASSERT_EQ(egress.deny.size(), 1U);
  EXPECT_THAT(egress.deny[0].paths, ElementsAre("/v1/admin"));
  EXPECT_TRUE(egress.audit);
  EXPECT_EQ(egress.gateway, GatewayMode::kShared);
}

TEST(DecodeEgressTest, UnsetFieldsAreTheStricterOnes) {
  std::vector<FieldError> errors;
  const Egress egress = Decode(R"({"allow": [{"host": "a.b"}]})", errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(egress.allow[0], EgressEntry{.host = "a.b"});
  EXPECT_EQ(egress.allow[0].client_credentials, ClientCredentials::kStrip);
  EXPECT_FALSE(egress.model);
  EXPECT_FALSE(egress.audit);
  EXPECT_EQ(egress.gateway, GatewayMode::kDedicated);
}

TEST(DecodeEgressTest, ReadsEveryProvider) {
  for (const auto& [text, provider] : std::initializer_list<std::pair<const char*, ModelProvider>>{
           {R"({"model": {"anthropic": {"credential": "c"}}})", ModelProvider::kAnthropic},
           {R"({"model": {"vertex": {"project": "p", "region": "r"}}})", ModelProvider::kVertex},
           {R"({"model": {"foundry": {"resource": "r", "credential": "c"}}})",
            ModelProvider::kFoundry},
           {R"({"model": {"custom": {"host": "h", "credential": "c"}}})",
            ModelProvider::kCustom}}) {
    std::vector<FieldError> errors;
    const Egress egress = Decode(text, errors);
    EXPECT_THAT(errors, IsEmpty()) << text;
    ASSERT_TRUE(egress.model) << text;
    EXPECT_EQ(egress.model->provider, provider);
    // What is read is what is written again.
    EXPECT_EQ(ToJson(egress), Json::parse(text));
  }
}

TEST(DecodeEgressTest, ErrorsNameTheField) {
  for (const auto& [text, path] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"allow": [{}]})", "spec.egress.allow[0].host"},
           {R"({"allow": [{"host": "a", "ports": [0]}]})", "spec.egress.allow[0].ports[0]"},
           {R"({"allow": [{"host": "a", "ports": [65536]}]})", "spec.egress.allow[0].ports[0]"},
           {R"({"allow": [{"host": "a", "ports": ["443"]}]})", "spec.egress.allow[0].ports[0]"},
           {R"({"allow": [{"host": "a", "tls": "Off"}]})", "spec.egress.allow[0].tls"},
           {R"({"deny": [{"host": "a", "path": []}]})", "spec.egress.deny[0].path"},
           {R"({"deny": [{"host": "a", "credential": "c"}]})", "spec.egress.deny[0].credential"},
           {R"({"gateway": "None"})", "spec.egress.gateway"},
           {R"({"audit": "yes"})", "spec.egress.audit"},
           {R"({"model": {}})", "spec.egress.model"},
           {R"({"model": {"anthropic": {"credential": "c"},
                          "custom": {"host": "h", "credential": "c"}}})",
            "spec.egress.model"},
           {R"({"model": {"anthropic": {}}})", "spec.egress.model.anthropic.credential"},
           {R"({"model": {"vertex": {"project": "p"}}})", "spec.egress.model.vertex.region"}}) {
    std::vector<FieldError> errors;
    std::ignore = Decode(text, errors);
    ASSERT_EQ(errors.size(), 1U) << text;
    EXPECT_EQ(errors[0].path, path) << errors[0].message;
  }
}

TEST(EgressToJsonTest, IsWhatWasRead) {
  std::vector<FieldError> errors;
  const Egress egress = Decode(kEverything, errors);
  Json expected = Json::parse(kEverything);
  expected["allow"][0].erase("tls");  // the default
  EXPECT_EQ(ToJson(egress), expected);
  const codec::JsonDocument again = codec::ParseTrusted(ToJson(egress));
  EXPECT_EQ(DecodeEgress(again.root(), "", true, errors), egress);
  EXPECT_EQ(ToJson(Egress{}), Json::object());
}

TEST(DecodeCredentialsTest, ReadsEveryKind) {
  constexpr const char* kText = R"([
    {"name": "h", "header": {"name": "authorization", "prefix": "Bearer ",
                             "secretKeyRef": {"name": "s", "key": "k"}}},
    {"name": "b", "basicAuth": {"username": "u", "secretKeyRef": {"name": "s", "key": "k"}}},
    {"name": "a", "aws": {"roleARN": "arn:r", "region": "eu-west-1", "service": "execute-api"}}])";
  std::vector<FieldError> errors;
  const auto credentials = DecodeAll(kText, errors);
  EXPECT_THAT(errors, IsEmpty());
  ASSERT_EQ(credentials.size(), 3U);
  EXPECT_EQ(credentials[0].kind, CredentialKind::kHeader);
  EXPECT_EQ(credentials[0].header, "authorization");
  EXPECT_EQ(credentials[0].prefix, "Bearer ");
  EXPECT_EQ(credentials[0].secret, (SecretKeyRef{"s", "k"}));
  EXPECT_EQ(credentials[1].kind, CredentialKind::kBasicAuth);
  EXPECT_EQ(credentials[1].username, "u");
  EXPECT_EQ(credentials[2].kind, CredentialKind::kAws);
  EXPECT_EQ(credentials[2].service, "execute-api");
  Json written = Json::array();
  for (const Credential& credential : credentials) written.push_back(ToJson(credential));
  EXPECT_EQ(written, Json::parse(kText));
}

TEST(DecodeCredentialsTest, ErrorsNameTheField) {
  for (const auto& [text, path] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"([{"name": "x"}])", "spec.credentials[0]"},
           {R"([{"name": "x", "aws": {"roleARN": "a", "region": "r", "service": "s"},
                 "basicAuth": {"username": "u", "secretKeyRef": {"name": "s", "key": "k"}}}])",
            "spec.credentials[0]"},
           {R"([{"aws": {"roleARN": "a", "region": "r", "service": "s"}}])",
            "spec.credentials[0].name"},
           {R"([{"name": "x", "header": {"name": "n"}}])",
            "spec.credentials[0].header.secretKeyRef"},
           {R"([{"name": "x", "header": {"name": "n", "secretKeyRef": {"name": "s"}}}])",
            "spec.credentials[0].header.secretKeyRef.key"},
           {R"([{"name": "x", "header": {"name": "n", "value": "v",
                                         "secretKeyRef": {"name": "s", "key": "k"}}}])",
            "spec.credentials[0].header.value"}}) {
    std::vector<FieldError> errors;
    std::ignore = DecodeAll(text, errors);
    ASSERT_EQ(errors.size(), 1U) << text;
    EXPECT_EQ(errors[0].path, path) << errors[0].message;
  }
}

TEST(CoversHostTest, AWildcardIsOneLabel) {
  EXPECT_TRUE(CoversHost("a.example.com", "a.example.com"));
  EXPECT_TRUE(CoversHost("*.example.com", "a.example.com"));
  EXPECT_TRUE(CoversHost("*.example.com", "*.example.com"));
  EXPECT_FALSE(CoversHost("*.example.com", "example.com"));
  EXPECT_FALSE(CoversHost("*.example.com", ".example.com"));
  EXPECT_FALSE(CoversHost("*.example.com", "a.b.example.com"));
  EXPECT_FALSE(CoversHost("*.example.com", "*.b.example.com"));
  EXPECT_FALSE(CoversHost("*.example.com", "evil-example.com"));
  EXPECT_FALSE(CoversHost("*.example.com", "a.example.com.evil"));
  EXPECT_FALSE(CoversHost("a.example.com", "*.example.com"));
}

}  // namespace
}  // namespace stockade::api
