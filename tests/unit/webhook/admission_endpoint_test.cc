#include "webhook/admission_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "reviews.h"
#include "tests/fakes/fake_cluster_view.h"
#include "tests/fakes/fake_secret_access.h"
#include "webhook/agent_sandbox_handler.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using http_server::Request;
using http_server::Response;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class AdmissionEndpointTest : public ::testing::Test {
 protected:
  Response Post(const std::string& body, std::string_view content_type = "application/json") {
    return endpoint_({.method = "POST",
                      .path = kAgentSandboxPath,
                      .query = {},
                      .content_type = content_type,
                      .body = body});
  }

  static Json PrivilegedReview() {
    Json sandbox = GoodSandbox();
    Json& container = sandbox["spec"]["podTemplate"]["spec"]["containers"][0];
    container["securityContext"]["privileged"] = true;
    container["env"] = {{{"name", "PASSWORD"}, {"value", "a secret value"}}};
    return ReviewOf("CREATE", sandbox);
  }

  SystemClock clock_;
  std::vector<std::string> lines_;
  Logger logger_{clock_, LogLevel::kInfo,
                 [this](std::string_view line) { lines_.emplace_back(line); }};
  prometheus::Registry registry_;
  ReviewMetrics metrics_{registry_};
  http_server::Handler endpoint_ = MakeAdmissionEndpoint(
      {{std::string(kAgentSandboxPath),
        [](const AdmissionRequest& request) {
          const testing::FakeClusterView cluster;
          const testing::FakeSecretAccess secrets;
          return AgentSandboxHandler(policy::Facts(), cluster, secrets).Review(request);
        }},
       {"/validate/other",
        [](const AdmissionRequest& request) { return Refuse(request, "another handler"); }}},
      metrics_, logger_);
};

TEST_F(AdmissionEndpointTest, AnswersAReviewWithItsUid) {
  const Response response = Post(ReviewOf("CREATE", GoodSandbox()).dump());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  const Json answer = Json::parse(response.body);
  EXPECT_EQ(answer["kind"], "AdmissionReview");
  EXPECT_EQ(answer["response"]["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
  EXPECT_EQ(answer["response"]["allowed"], true);
  EXPECT_THAT(lines_, IsEmpty()) << "what is allowed is no news";
}

TEST_F(AdmissionEndpointTest, DenialIs200AndALineWithoutContents) {
  const Response response = Post(PrivilegedReview().dump());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Json::parse(response.body)["response"]["allowed"], false);
  ASSERT_THAT(lines_, ElementsAre(AllOf(HasSubstr("request denied"), HasSubstr("\"alice\""),
                                        HasSubstr("\"team\""), HasSubstr("\"agent\""),
                                        HasSubstr("705ab4f5-6393-11e8-b7cc-42010a800002"),
                                        HasSubstr("\"PrivilegedContainer\""))));
  EXPECT_THAT(lines_[0], Not(HasSubstr("secret value")));
  EXPECT_THAT(lines_[0], Not(HasSubstr("PASSWORD")));
}

TEST_F(AdmissionEndpointTest, EachPathHasItsHandler) {
  const Response response = endpoint_({.method = "POST",
                                       .path = "/validate/other",
                                       .query = {},
                                       .content_type = "application/json",
                                       .body = ReviewOf("CREATE", GoodSandbox()).dump()});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Json::parse(response.body)["response"]["status"]["message"], "another handler");
  const std::string text = prometheus::TextSerializer().Serialize(registry_.Collect());
  EXPECT_THAT(text, HasSubstr("verdict=\"denied\",webhook=\"/validate/other\"} 1"));
}

TEST_F(AdmissionEndpointTest, TakesJsonWithParameters) {
  const std::string review = ReviewOf("CREATE", GoodSandbox()).dump();
  for (const char* const type : {"application/json", "application/json; charset=utf-8",
                                 "Application/JSON", "application/json ;charset=UTF-8"}) {
    EXPECT_EQ(Post(review, type).status, 200) << type;
  }
}

TEST_F(AdmissionEndpointTest, OtherContentTypesAre415) {
  const std::string review = ReviewOf("CREATE", GoodSandbox()).dump();
  for (const char* const type :
       {"", "text/plain", "application/yaml", "application/vnd.kubernetes.protobuf",
        "application/jsonx", "application/json-patch+json", "text/plain; application/json"}) {
    const Response response = Post(review, type);
    EXPECT_EQ(response.status, 415) << type;
    EXPECT_EQ(response.body, "the Content-Type must be application/json\n");
  }
}

TEST_F(AdmissionEndpointTest, OtherPathsAre404) {
  for (const char* const path : {"/", "/validate", "/validate/agentsandboxes/", "/validate/pods",
                                 "/Validate/AgentSandboxes", "/healthz", "/readyz", ""}) {
    const Response response = endpoint_({.method = "POST",
                                         .path = path,
                                         .query = {},
                                         .content_type = "application/json",
                                         .body = "{}"});
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body, "not found; there is /validate/agentsandboxes, /validate/other\n");
  }
}

TEST_F(AdmissionEndpointTest, QueryOfTheApiServerIsNoMatter) {
  // It adds ?timeout=5s.
  const std::string review = ReviewOf("CREATE", GoodSandbox()).dump();
  EXPECT_EQ(endpoint_({.method = "POST",
                       .path = kAgentSandboxPath,
                       .query = "timeout=5s",
                       .content_type = "application/json",
                       .body = review})
                .status,
            200);
}

TEST_F(AdmissionEndpointTest, OtherMethodsAre405) {
  for (const char* const method : {"GET", "PUT", "DELETE", "PATCH", "post"}) {
    const Response response = endpoint_({.method = method,
                                         .path = kAgentSandboxPath,
                                         .query = {},
                                         .content_type = "application/json",
                                         .body = "{}"});
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_THAT(response.headers,
                ElementsAre(std::pair<std::string, std::string>("Allow", "POST")));
  }
}

TEST_F(AdmissionEndpointTest, JunkIs400WithAReason) {
  Json no_uid = ReviewOf("CREATE", GoodSandbox());
  no_uid["request"].erase("uid");
  Json pod = GoodSandbox();
  pod["kind"] = "Pod";
  const struct {
    const char* name;
    std::string body;
    const char* reason;
  } kCases[] = {
      {"empty", "", "the text is empty"},
      {"blank", "  \n", "no"},
      {"words", "this is no JSON", "not valid JSON"},
      {"half", R"({"apiVersion": "admission.k8s.io/v1", "kind")", "not valid JSON"},
      {"two documents", "{} {}", "not valid JSON"},
      {"not UTF-8", "{\"kind\": \"\xff\"}", "not valid JSON"},
      {"a million brackets", std::string(1'000'000, '['), "the body is"},
      {"deep", std::string(1'000, '[') + std::string(1'000, ']'), "nested deeper than 128 levels"},
      {"deep objects",
       [] {
         std::string text;
         for (int i = 0; i < 1'000; ++i) text += "{\"a\":";
         return text + "1" + std::string(1'000, '}');
       }(),
       "nested deeper than 128 levels"},
      {"an object instead of its review", GoodSandbox().dump(), "no usable AdmissionReview"},
      {"another kind", pod.dump(), "no usable AdmissionReview"},
      {"no uid", no_uid.dump(), "request.uid is required"},
  };
  for (const auto& test : kCases) {
    const Response response = Post(test.body);
    EXPECT_EQ(response.status, 400) << test.name;
    EXPECT_THAT(response.body, HasSubstr(test.reason)) << test.name;
    EXPECT_LT(response.body.size(), 1000U) << test.name;
  }
  // The parser's memory is the thread's, and none the worse for it.
  EXPECT_EQ(Post(ReviewOf("CREATE", GoodSandbox()).dump()).status, 200);
}

TEST_F(AdmissionEndpointTest, NameFromTheNetworkForgesNoLogLine) {
  Json review = PrivilegedReview();
  review["request"]["userInfo"]["username"] = "eve\"}\n{\"event\":\"forged";
  EXPECT_EQ(Post(review.dump()).status, 200);
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].find('\n'), std::string::npos);
  EXPECT_EQ(Json::parse(lines_[0])["event"], "request denied");
}

TEST_F(AdmissionEndpointTest, CountsReviewsFindingsAndRequests) {
  Post(ReviewOf("CREATE", GoodSandbox()).dump());
  Post(PrivilegedReview().dump());
  Post(PrivilegedReview().dump());
  Post("no JSON");
  const std::string text = prometheus::TextSerializer().Serialize(registry_.Collect());
  for (const char* line : {
           "stockade_reviews_total{operation=\"CREATE\",verdict=\"allowed\","
           "webhook=\"/validate/agentsandboxes\"} 1",
           "stockade_reviews_total{operation=\"CREATE\",verdict=\"denied\","
           "webhook=\"/validate/agentsandboxes\"} 2",
           "stockade_findings_total{code=\"PrivilegedContainer\",enforcement=\"Floor\",verdict="
           "\"denied\"} 2",
           "controller_runtime_webhook_requests_in_flight{webhook=\"/validate/agentsandboxes\"} 0",
           "controller_runtime_webhook_latency_seconds_count{webhook=\"/validate/agentsandboxes\"} "
           "4",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, HasSubstr("code=\"200\""));
  EXPECT_THAT(text, HasSubstr("code=\"400\""));
}

}  // namespace
}  // namespace stockade::webhook
