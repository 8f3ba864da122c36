#include "webhook/admission_review.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "reviews.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using codec::JsonDocument;
using ::testing::HasSubstr;

// The message of the error, or "" when the review is taken.
std::string Refusal(std::string_view text) {
  const auto document = JsonDocument::Parse(text);
  if (!document.ok()) return "no JSON: " + document.status().message();
  const auto request = DecodeAdmissionReview(document->root());
  if (request.ok()) return {};
  EXPECT_EQ(request.status().code(), StatusCode::kBadRequest);
  return request.status().message();
}

TEST(AdmissionReviewTest, ReadsWhatAKubeApiserverSends) {
  Json review = ReviewOf("UPDATE", GoodSandbox(), GoodSandbox());
  review["request"]["dryRun"] = true;
  review["request"]["subResource"] = "status";
  const JsonDocument document = codec::ParseTrusted(review);
  const auto request = DecodeAdmissionReview(document.root());
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->uid, "705ab4f5-6393-11e8-b7cc-42010a800002");
  EXPECT_EQ(request->operation, Operation::kUpdate);
  EXPECT_EQ(request->group, "stockade.dev");
  EXPECT_EQ(request->version, "v1alpha1");
  EXPECT_EQ(request->kind, "AgentSandbox");
  EXPECT_EQ(request->resource_group, "stockade.dev");
  EXPECT_EQ(request->resource, "agentsandboxes");
  EXPECT_EQ(request->sub_resource, "status");
  EXPECT_EQ(request->name, "agent");
  EXPECT_EQ(request->namespace_name, "team");
  EXPECT_EQ(request->user_name, "alice");
  EXPECT_THAT(request->groups, ::testing::ElementsAre("system:authenticated"));
  EXPECT_TRUE(request->InGroup("system:authenticated"));
  EXPECT_FALSE(request->InGroup("system:masters"));
  EXPECT_TRUE(request->dry_run);
  EXPECT_EQ(request->options["kind"].StringOrEmpty(), "CreateOptions");
  EXPECT_EQ(request->object["kind"].StringOrEmpty(), "AgentSandbox");
  EXPECT_TRUE(request->old_object.IsObject());
}

TEST(AdmissionReviewTest, ReadsEveryOperation) {
  for (const Operation operation :
       {Operation::kCreate, Operation::kUpdate, Operation::kDelete, Operation::kConnect}) {
    const JsonDocument document = codec::ParseTrusted(
        ReviewOf(std::string(OperationName(operation)), GoodSandbox(), GoodSandbox()));
    const auto request = DecodeAdmissionReview(document.root());
    ASSERT_TRUE(request.ok()) << request.status().ToString();
    EXPECT_EQ(request->operation, operation);
  }
}

TEST(AdmissionReviewTest, LeavesFieldsOfANewerServerAlone) {
  Json review = ReviewOf("CREATE", GoodSandbox());
  review["new"] = 1;
  review["request"]["requestSubResource"] = "";
  review["request"]["somethingNew"] = {{"a", 1}};
  EXPECT_EQ(Refusal(review.dump()), "");
}

TEST(AdmissionReviewTest, DeleteCarriesNoObject) {
  EXPECT_EQ(Refusal(ReviewOf("DELETE", nullptr, GoodSandbox()).dump()), "");
}

TEST(AdmissionReviewTest, RefusesWhatCannotBeAnsweredRightly) {
  const struct {
    const char* name;
    std::function<void(Json&)> damage;
    const char* message;
  } kCases[] = {
      {"no kind", [](Json& r) { r.erase("kind"); }, "expected admission.k8s.io/v1 AdmissionReview"},
      {"another kind", [](Json& r) { r["kind"] = "Pod"; }, "kind \"Pod\""},
      {"kind in another case", [](Json& r) { r["kind"] = "admissionreview"; }, "expected"},
      {"kind is no string", [](Json& r) { r["kind"] = 1; }, "expected"},
      {"no version", [](Json& r) { r.erase("apiVersion"); }, "apiVersion \"\""},
      {"old version", [](Json& r) { r["apiVersion"] = "admission.k8s.io/v1beta1"; },
       "admissionReviewVersions must be [v1]"},
      {"no request", [](Json& r) { r.erase("request"); }, "request must be an object"},
      {"request is null", [](Json& r) { r["request"] = nullptr; }, "request must be an object"},
      {"request is a list", [](Json& r) { r["request"] = Json::array(); },
       "request must be an object"},
      {"request in another case",
       [](Json& r) {
         r["Request"] = r["request"];
         r.erase("request");
       },
       "request must be an object"},
      {"no uid", [](Json& r) { r["request"].erase("uid"); }, "request.uid is required"},
      {"empty uid", [](Json& r) { r["request"]["uid"] = ""; }, "request.uid is required"},
      {"uid is a number", [](Json& r) { r["request"]["uid"] = 1; }, "request.uid must be a string"},
      {"uid in another case",
       [](Json& r) {
         r["request"].erase("uid");
         r["request"]["UID"] = "x";
       },
       "request.uid is required"},
      {"no operation", [](Json& r) { r["request"].erase("operation"); },
       "request.operation is required"},
      {"unknown operation", [](Json& r) { r["request"]["operation"] = "PATCH"; },
       "request.operation must be CREATE, UPDATE, DELETE or CONNECT"},
      {"operation in another case", [](Json& r) { r["request"]["operation"] = "Create"; },
       "request.operation must be"},
      {"no kind of the object", [](Json& r) { r["request"].erase("kind"); },
       "request.kind must be an object"},
      {"empty kind of the object", [](Json& r) { r["request"]["kind"]["kind"] = ""; },
       "request.kind.kind is required"},
      {"no version of the object", [](Json& r) { r["request"]["kind"].erase("version"); },
       "request.kind.version is required"},
      {"group is a list", [](Json& r) { r["request"]["kind"]["group"] = Json::array(); },
       "request.kind.group must be a string"},
      {"no resource", [](Json& r) { r["request"].erase("resource"); },
       "request.resource must be an object"},
      {"no name of the resource", [](Json& r) { r["request"]["resource"].erase("resource"); },
       "request.resource.resource is required"},
      {"subresource is a flag", [](Json& r) { r["request"]["subResource"] = false; },
       "request.subResource must be a string"},
      {"name is a number", [](Json& r) { r["request"]["name"] = 7; },
       "request.name must be a string"},
      {"namespace is a number", [](Json& r) { r["request"]["namespace"] = 7; },
       "request.namespace must be a string"},
      {"user is a string", [](Json& r) { r["request"]["userInfo"] = "alice"; },
       "request.userInfo must be an object"},
      {"groups are numbers", [](Json& r) { r["request"]["userInfo"]["groups"] = {1}; },
       "request.userInfo.groups must be a list of strings"},
      {"groups are a string",
       [](Json& r) { r["request"]["userInfo"]["groups"] = "system:masters"; },
       "request.userInfo.groups must be a list of strings"},
      {"options are a list", [](Json& r) { r["request"]["options"] = Json::array(); },
       "request.options must be an object"},
      {"no object", [](Json& r) { r["request"].erase("object"); },
       "request.object is required for CREATE and UPDATE"},
      {"object is null", [](Json& r) { r["request"]["object"] = nullptr; },
       "request.object is required for CREATE and UPDATE"},
      {"object is a string", [](Json& r) { r["request"]["object"] = "{}"; },
       "request.object must be an object"},
      {"old object is a list", [](Json& r) { r["request"]["oldObject"] = Json::array(); },
       "request.oldObject must be an object"},
  };
  for (const auto& test : kCases) {
    Json review = ReviewOf("CREATE", GoodSandbox());
    test.damage(review);
    EXPECT_THAT(Refusal(review.dump()), HasSubstr(test.message)) << test.name;
  }
}

TEST(AdmissionReviewTest, RefusesRootsOfAnotherType) {
  for (const char* const text : {"null", "[]", "\"AdmissionReview\"", "1", "{}"}) {
    EXPECT_THAT(Refusal(text), HasSubstr("expected admission.k8s.io/v1")) << text;
  }
}

// Wherever a key stands twice, another parser could have judged the other value.
TEST(AdmissionReviewTest, RefusesAKeyThatStandsTwice) {
  const std::string good = ReviewOf("CREATE", GoodSandbox()).dump();
  const struct {
    const char* before;  // the first occurrence of this text...
    const char* insert;  // ...gets this one before it
    const char* path;
  } kCases[] = {
      {"\"apiVersion\":\"admission", "\"kind\":\"AdmissionReview\",", "kind stands twice"},
      {"\"uid\":", "\"uid\":\"other\",", "request.uid stands twice"},
      {"\"uid\":", "\"object\":{},", "request.object stands twice"},
      {"\"containers\":", "\"containers\":[],",
       "request.object.spec.podTemplate.spec.containers stands twice"},
      {"\"image\":", "\"\\u0069mage\":\"x\",",
       "request.object.spec.podTemplate.spec.containers[0].image stands twice"},
  };
  for (const auto& test : kCases) {
    std::string text = good;
    const std::size_t position = text.find(test.before);
    ASSERT_NE(position, std::string::npos) << test.before;
    text.insert(position, test.insert);
    EXPECT_EQ(Refusal(text), test.path);
  }
}

TEST(AdmissionReviewTest, KeysAreCaseSensitive) {
  // A second spelling is another key: never read, and never in the way of the right one.
  Json review = ReviewOf("CREATE", GoodSandbox());
  review["request"]["Object"] = {{"kind", "Pod"}};
  review["request"]["UID"] = "other";
  const JsonDocument document = codec::ParseTrusted(review);
  const auto request = DecodeAdmissionReview(document.root());
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->object["kind"].StringOrEmpty(), "AgentSandbox");
  EXPECT_NE(request->uid, "other");
}

TEST(AdmissionReviewTest, AllowedAnswerIsShort) {
  AdmissionResponse response;
  response.allowed = true;
  EXPECT_EQ(Json::parse(EncodeAdmissionReview("u", response)), Json::parse(R"({
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "response": {"uid": "u", "allowed": true}
  })"));
}

TEST(AdmissionReviewTest, DenialNamesTheObjectAndTheCauses) {
  AdmissionResponse response;
  response.message = "refused";
  response.group = "stockade.dev";
  response.kind = "AgentSandbox";
  response.name = "agent";
  response.causes = {{"HostPort", "spec.x", "no"}, {"RootUser", "spec.y", "neither"}};
  response.warnings = {"careful"};
  response.audit_annotations = {{"findings", "HostPort,RootUser"}};
  EXPECT_EQ(Json::parse(EncodeAdmissionReview("u", response)), Json::parse(R"({
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "response": {
      "uid": "u",
      "allowed": false,
      "status": {
        "status": "Failure", "code": 403, "reason": "Forbidden", "message": "refused",
        "details": {
          "group": "stockade.dev", "kind": "AgentSandbox", "name": "agent",
          "causes": [
            {"reason": "HostPort", "field": "spec.x", "message": "no"},
            {"reason": "RootUser", "field": "spec.y", "message": "neither"}
          ]
        }
      },
      "warnings": ["careful"],
      "auditAnnotations": {"findings": "HostPort,RootUser"}
    }
  })"));
}

TEST(AdmissionReviewTest, WarningsFitIntoAHeader) {
  AdmissionResponse response;
  response.allowed = true;
  response.warnings = {"one\r\nTwo: three\t\x7f\x01 \"f\xc3\xbcnf\""};
  const Json answer = Json::parse(EncodeAdmissionReview("u", response));
  EXPECT_EQ(answer["response"]["warnings"][0], "one  Two: three    \"f\xc3\xbcnf\"");
}

TEST(AdmissionReviewTest, AnswerIsJsonWhateverBytesItQuotes) {
  AdmissionResponse response;
  response.message = "bad \xff\xfe \" \\ \n end";
  const Json answer = Json::parse(EncodeAdmissionReview("u\"u", response));
  EXPECT_EQ(answer["response"]["uid"], "u\"u");
  EXPECT_THAT(std::string(answer["response"]["status"]["message"]), HasSubstr("end"));
}

}  // namespace
}  // namespace stockade::webhook
