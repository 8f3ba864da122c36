#include "render/resources.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/quantity.h"
#include "render_testing.h"

namespace stockade::render {
namespace {

using codec::Json;

// One resource, so that a case fits in a line.
Profile OneResource(const std::string& request, const std::string& limit) {
  Profile profile;
  profile.default_requests = {{"cpu", request}};
  profile.default_limits = {{"cpu", limit}};
  return profile;
}

struct Case {
  const char* given;
  const char* expected;
};

TEST(RenderResourcesTest, FillsInWhatIsUnset) {
  const std::vector<Case> cases = {
      {"{}", "{requests: {cpu: 100m}, limits: {cpu: '2'}}"},
      // What the user set stays, and the other of the two gives way.
      {"{requests: {cpu: 4}}", "{requests: {cpu: '4'}, limits: {cpu: '4'}}"},
      {"{requests: {cpu: 1}}", "{requests: {cpu: '1'}, limits: {cpu: '2'}}"},
      {"{limits: {cpu: 50m}}", "{requests: {cpu: 50m}, limits: {cpu: 50m}}"},
      {"{limits: {cpu: 8}}", "{requests: {cpu: 100m}, limits: {cpu: '8'}}"},
      {"{requests: {cpu: 1}, limits: {cpu: 1}}", "{requests: {cpu: '1'}, limits: {cpu: '1'}}"},
      {"{requests: {cpu: 0}}", "{requests: {cpu: '0'}, limits: {cpu: '2'}}"},
      // The API server's own default for what the profile does not name.
      {"{limits: {example.com/x: 3}}",
       "{requests: {cpu: 100m, example.com/x: '3'}, limits: {cpu: '2', example.com/x: '3'}}"},
      {"{requests: {example.com/x: 3}}",
       "{requests: {cpu: 100m, example.com/x: '3'}, limits: {cpu: '2'}}"},
      // The rules refuse what is no quantity; nothing is made of it.
      {"{requests: {cpu: lots}}", "{requests: {cpu: lots}, limits: {cpu: '2'}}"},
      {"{limits: {cpu: [1]}}", "{requests: {cpu: 100m}, limits: {cpu: [1]}}"},
      {"{requests: [1], limits: 2}", "{requests: {cpu: 100m}, limits: {cpu: '2'}}"},
  };
  for (const auto& [given, expected] : cases) {
    Json resources = FromYaml(given);
    FillResources(resources, OneResource("100m", "2"), nullptr);
    EXPECT_EQ(resources, FromYaml(expected)) << given;
  }
}

TEST(RenderResourcesTest, QuantitiesHaveTheApiServersForm) {
  const std::vector<Case> cases = {
      {"1000m", "1"},      {"0.5", "500m"},    {"'1.0'", "1"},       {"0.05", "50m"},
      {"1e3", "1k"},       {"'1e3'", "1e3"},   {"2000000000", "2G"}, {"1024Mi", "1Gi"},
      {"1.5Gi", "1536Mi"}, {"0.5Gi", "512Mi"}, {"100u", "1m"},       {"1500500u", "1501m"},
      {"1n", "1m"},        {"0", "0"},         {"00.10", "100m"},    {"+5", "5"},
  };
  for (const auto& [given, expected] : cases) {
    Json resources = FromYaml(std::string("{limits: {cpu: ") + given + "}}");
    FillResources(resources, OneResource("0", "2"), nullptr);
    EXPECT_EQ(resources.at("limits").at("cpu"), expected) << given;
  }
}

TEST(RenderResourcesTest, RequestsNeverExceedLimits) {
  const std::vector<const char*> amounts = {"",      "0", "1m",    "99m", "100m",
                                            "1500m", "2", "2500m", "9"};
  for (const char* request : amounts) {
    for (const char* limit : amounts) {
      Json resources = Json::object();
      if (*request != '\0') resources["requests"]["cpu"] = request;
      if (*limit != '\0') resources["limits"]["cpu"] = limit;
      const bool both = *request != '\0' && *limit != '\0';
      if (both && *api::Quantity::Parse(request) > *api::Quantity::Parse(limit)) continue;
      SCOPED_TRACE(resources.dump());
      FillResources(resources, OneResource("100m", "2"), nullptr);
      const auto requested =
          api::Quantity::Parse(resources.at("requests").at("cpu").get<std::string>());
      const auto limited =
          api::Quantity::Parse(resources.at("limits").at("cpu").get<std::string>());
      ASSERT_TRUE(requested.ok() && limited.ok());
      EXPECT_TRUE(*requested <= *limited) << resources;
    }
  }
}

TEST(RenderResourcesTest, NothingContradictsWhatThePodBounds) {
  for (const char* list : {"requests", "limits"}) {
    Json resources = Json::object();
    const Json pod_resources = {{list, {{"cpu", "500m"}}}};
    FillResources(resources, Profile(), pod_resources);
    EXPECT_EQ(resources, FromYaml("{requests: {memory: 256Mi, ephemeral-storage: 256Mi}, "
                                  "limits: {memory: 2Gi, ephemeral-storage: 4Gi}}"))
        << list;
  }
  // The container's own values stand.
  Json resources = FromYaml("{requests: {cpu: 200m}}");
  FillResources(resources, Profile(), FromYaml("{limits: {cpu: 500m}}"));
  EXPECT_EQ(resources.at("requests").at("cpu"), "200m");
  EXPECT_FALSE(resources.at("limits").contains("cpu"));
}

TEST(RenderResourcesTest, PodsOwnRequestsGetLimits) {
  const std::vector<Case> cases = {
      {"{}", "{}"},
      {"{requests: {memory: 4096Mi}}", "{requests: {memory: 4Gi}, limits: {memory: 4Gi}}"},
      {"{requests: {memory: 1Gi}}", "{requests: {memory: 1Gi}, limits: {memory: 2Gi}}"},
      {"{requests: {cpu: 1}, limits: {cpu: 1500m}}",
       "{requests: {cpu: '1'}, limits: {cpu: 1500m}}"},
      {"{limits: {cpu: 1000m}}", "{limits: {cpu: '1'}}"},
      {"{requests: {hugepages-2Mi: 2Mi}}", "{requests: {hugepages-2Mi: 2Mi}, limits: {}}"},
      {"{requests: [1], limits: x}", "{requests: [1], limits: x}"},
  };
  for (const auto& [given, expected] : cases) {
    Json resources = FromYaml(given);
    FillPodResources(resources, Profile());
    EXPECT_EQ(resources, FromYaml(expected)) << given;
  }
}

TEST(RenderResourcesTest, ProfileDecidesTheDefaults) {
  Profile profile;
  profile.default_requests = {{"memory", "1Gi"}};
  profile.default_limits = {{"cpu", "500m"}};
  Json resources = Json::object();
  FillResources(resources, profile, nullptr);
  EXPECT_EQ(resources, FromYaml("{requests: {memory: 1Gi, cpu: 500m}, limits: {cpu: 500m}}"));
}

}  // namespace
}  // namespace stockade::render
