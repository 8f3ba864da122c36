#include "kube/client.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace stockade::kube {
namespace {

using codec::Json;

constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
constexpr std::string_view kWrite = "?fieldValidation=Strict&fieldManager=stockade";

// Answers what the test put in, in that order, and keeps the requests. For one thread.
class FakeTransport final : public Transport {
 public:
  Result<HttpResponse> Send(const HttpRequest& request) override {
    requests.push_back(request);
    if (answers.empty()) return Status(StatusCode::kInternal, "the test has no answer left");
    Result<HttpResponse> answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }

  void Answer(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    answers.emplace_back(std::move(response));
  }

  std::deque<Result<HttpResponse>> answers;
  std::vector<HttpRequest> requests;
};

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    auto transport = std::make_unique<FakeTransport>();
    transport_ = transport.get();
    client_ = std::make_unique<Client>(std::move(transport));
  }

  // The one request that was sent.
  [[nodiscard]] const HttpRequest& Sent() const {
    EXPECT_EQ(transport_->requests.size(), 1U);
    return transport_->requests.front();
  }
  [[nodiscard]] Json SentBody() const { return Json::parse(Sent().body); }

  FakeTransport* transport_ = nullptr;  // belongs to client_
  std::unique_ptr<Client> client_;
};

TEST(ResourcePathTest, FollowsGroupNamespaceNameAndSubresource) {
  const struct {
    Resource resource;
    std::string_view namespace_name;
    std::string_view name;
    std::string_view subresource;
    std::string_view path;
  } cases[] = {
      {kPods, "", "", "", "/api/v1/pods"},
      {kPods, "ns", "", "", "/api/v1/namespaces/ns/pods"},
      {kPods, "ns", "a", "", "/api/v1/namespaces/ns/pods/a"},
      {kPods, "ns", "a", "status", "/api/v1/namespaces/ns/pods/a/status"},
      {kNetworkPolicies, "ns", "a", "",
       "/apis/networking.k8s.io/v1/namespaces/ns/networkpolicies/a"},
      {kRuntimeClasses, "", "gvisor", "", "/apis/node.k8s.io/v1/runtimeclasses/gvisor"},
      {kRuntimeClasses, "ignored", "gvisor", "", "/apis/node.k8s.io/v1/runtimeclasses/gvisor"},
      {kPods, "a/b", "../c?d", "x y", "/api/v1/namespaces/a%2Fb/pods/..%2Fc%3Fd/x%20y"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ResourcePath(c.resource, c.namespace_name, c.name, c.subresource), c.path);
  }
}

TEST_F(ClientTest, GetsOneObject) {
  transport_->Answer(200, R"({"metadata":{"name":"a"}})");
  const auto pod = client_->Get(kPods, "ns", "a");
  ASSERT_TRUE(pod.ok()) << pod.status().ToString();
  EXPECT_EQ(pod->root()["metadata"]["name"].StringOrEmpty(), "a");
  EXPECT_EQ(Sent().method, "GET");
  EXPECT_EQ(Sent().target, "/api/v1/namespaces/ns/pods/a");
  EXPECT_EQ(Sent().body, "");
}

TEST_F(ClientTest, GivesEveryRequestItsDeadline) {
  transport_->Answer(200, "{}");
  ASSERT_TRUE(client_->GetRaw("/version").ok());
  EXPECT_EQ(Sent().deadline, std::chrono::seconds(30));

  auto owned = std::make_unique<FakeTransport>();
  FakeTransport* const transport = owned.get();
  Client hurried(std::move(owned), std::chrono::milliseconds(5));
  transport->Answer(201, "{}");
  ASSERT_TRUE(hurried.Create(kPods, "ns", Json::object()).ok());
  EXPECT_EQ(transport->requests.at(0).deadline, std::chrono::milliseconds(5));
}

TEST_F(ClientTest, GetsAnyPath) {
  transport_->Answer(200, R"({"major":"1"})");
  const auto version = client_->GetRaw("/version?timeout=5s");
  ASSERT_TRUE(version.ok());
  EXPECT_EQ(Sent().target, "/version?timeout=5s");
}

TEST_F(ClientTest, RefusesNamesThatWouldNameAnotherPath) {
  for (const char* name : {"", ".", ".."}) {
    EXPECT_EQ(client_->Get(kPods, "ns", name).status().code(), StatusCode::kBadRequest);
    EXPECT_EQ(client_->Update(kPods, "ns", name, Json::object()).status().code(),
              StatusCode::kBadRequest);
    EXPECT_EQ(client_->Patch(kPods, "ns", name, PatchType::kMerge, Json::object()).status().code(),
              StatusCode::kBadRequest);
    EXPECT_EQ(client_->Delete(kPods, "ns", name, {}).status().code(), StatusCode::kBadRequest);
  }
  EXPECT_TRUE(transport_->requests.empty());
}

TEST_F(ClientTest, ListsPageByPageWithTheContinueToken) {
  transport_->Answer(
      200, R"({"metadata":{"resourceVersion":"7","continue":"t/1+="},"items":[{"n":1},{"n":2}]})");
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"7"},"items":[{"n":3}]})");
  std::vector<std::int64_t> seen;
  ListOptions options;
  options.namespace_name = "ns";
  options.limit = 2;
  const auto version = client_->List(
      kPods, options, [&](codec::JsonView item) { seen.push_back(item["n"].AsInt().value_or(0)); });
  ASSERT_TRUE(version.ok()) << version.status().ToString();
  EXPECT_EQ(*version, "7");
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3}));
  ASSERT_EQ(transport_->requests.size(), 2U);
  EXPECT_EQ(transport_->requests[0].target, "/api/v1/namespaces/ns/pods?limit=2");
  EXPECT_EQ(transport_->requests[1].target,
            "/api/v1/namespaces/ns/pods?limit=2&continue=t%2F1%2B%3D");
}

TEST_F(ClientTest, ListsWithSelectorsInAllNamespaces) {
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"1"},"items":null})");
  ListOptions options;
  options.label_selector = "a=b";
  options.field_selector = "spec.nodeName=n";
  const auto version =
      client_->List(kPods, options, [](codec::JsonView) { ADD_FAILURE() << "there are no items"; });
  ASSERT_TRUE(version.ok()) << version.status().ToString();
  EXPECT_EQ(Sent().target,
            "/api/v1/pods?limit=500&labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn");
}

TEST_F(ClientTest, EndsAListInGoneWhenItsContinueTokenExpired) {
  transport_->Answer(200, R"({"metadata":{"resourceVersion":"7","continue":"t"},"items":[]})");
  transport_->Answer(410, R"({"kind":"Status","reason":"Expired","message":"too old"})");
  const auto version = client_->List(kPods, {}, [](codec::JsonView) {});
  EXPECT_EQ(version.status().code(), StatusCode::kGone);
  EXPECT_EQ(transport_->requests.size(), 2U) << "the caller starts again, not the client";
}

TEST_F(ClientTest, RefusesAListWithoutItems) {
  for (const char* body : {"{}", R"({"items":{}})", "[]", R"({"kind":"Status"})"}) {
    transport_->Answer(200, body);
    const auto version = client_->List(kPods, {}, [](codec::JsonView) {});
    EXPECT_EQ(version.status().code(), StatusCode::kUnavailable) << body;
  }
}

TEST_F(ClientTest, CreatesWithStrictValidation) {
  transport_->Answer(201, R"({"metadata":{"uid":"u"}})");
  const auto created = client_->Create(kConfigMaps, "ns", {{"data", {{"k", "v"}}}});
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(created->root()["metadata"]["uid"].StringOrEmpty(), "u");
  EXPECT_EQ(Sent().method, "POST");
  EXPECT_EQ(Sent().target, "/api/v1/namespaces/ns/configmaps" + std::string(kWrite));
  EXPECT_EQ(Sent().content_type, "application/json");
  EXPECT_EQ(SentBody(), (Json{{"data", {{"k", "v"}}}}));
}

TEST_F(ClientTest, UpdatesAnObjectOrItsSubresource) {
  transport_->Answer(200, "{}");
  transport_->Answer(200, "{}");
  ASSERT_TRUE(client_->Update(kPods, "ns", "a", {{"x", 1}}).ok());
  ASSERT_TRUE(client_->Update(kPods, "ns", "a", {{"x", 2}}, "status").ok());
  ASSERT_EQ(transport_->requests.size(), 2U);
  EXPECT_EQ(transport_->requests[0].method, "PUT");
  EXPECT_EQ(transport_->requests[0].target, "/api/v1/namespaces/ns/pods/a" + std::string(kWrite));
  EXPECT_EQ(transport_->requests[0].body, R"({"x":1})");
  EXPECT_EQ(transport_->requests[1].target,
            "/api/v1/namespaces/ns/pods/a/status" + std::string(kWrite));
}

TEST_F(ClientTest, PatchesWithTheContentTypeOfTheKind) {
  const struct {
    PatchType type;
    std::string_view content_type;
  } cases[] = {
      {PatchType::kMerge, "application/merge-patch+json"},
      {PatchType::kJson, "application/json-patch+json"},
      {PatchType::kStrategicMerge, "application/strategic-merge-patch+json"},
      {PatchType::kApply, "application/apply-patch+yaml"},
  };
  for (const auto& c : cases) {
    transport_->Answer(200, "{}");
    ASSERT_TRUE(client_->Patch(kPods, "ns", "a", c.type, {{"x", 1}}, "status").ok());
    const HttpRequest& request = transport_->requests.back();
    EXPECT_EQ(request.method, "PATCH");
    EXPECT_EQ(request.content_type, c.content_type);
    EXPECT_EQ(request.target, "/api/v1/namespaces/ns/pods/a/status" + std::string(kWrite));
    EXPECT_EQ(request.body, R"({"x":1})");
  }
}

TEST_F(ClientTest, DeletesWithoutConditions) {
  transport_->Answer(200, R"({"kind":"Status","status":"Success"})");
  ASSERT_TRUE(client_->Delete(kPods, "ns", "a", {}).ok());
  EXPECT_EQ(Sent().method, "DELETE");
  EXPECT_EQ(Sent().target, "/api/v1/namespaces/ns/pods/a");
  EXPECT_EQ(SentBody(), (Json{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}}));
}

TEST_F(ClientTest, DeletesWithEveryOption) {
  transport_->Answer(202, "{}");
  ASSERT_TRUE(client_
                  ->Delete(kPods, "ns", "a",
                           {.uid = "u",
                            .resource_version = "12",
                            .grace_period_seconds = 0,
                            .propagation_policy = "Foreground"})
                  .ok());
  EXPECT_EQ(SentBody(), (Json{{"apiVersion", "v1"},
                              {"kind", "DeleteOptions"},
                              {"preconditions", {{"uid", "u"}, {"resourceVersion", "12"}}},
                              {"gracePeriodSeconds", 0},
                              {"propagationPolicy", "Foreground"}}));
}

TEST_F(ClientTest, DeletesWithOnePreconditionOnly) {
  transport_->Answer(200, "{}");
  DeleteOptions options;
  options.uid = "u";
  ASSERT_TRUE(client_->Delete(kPods, "ns", "a", options).ok());
  EXPECT_EQ(SentBody()["preconditions"], (Json{{"uid", "u"}}));
}

TEST_F(ClientTest, NeverSendsWhatIsNoUtf8) {
  const Json broken = {{"data", "\xff"}};
  EXPECT_EQ(client_->Create(kPods, "ns", broken).status().code(), StatusCode::kBadRequest);
  EXPECT_EQ(client_->Update(kPods, "ns", "a", broken).status().code(), StatusCode::kBadRequest);
  EXPECT_EQ(client_->Patch(kPods, "ns", "a", PatchType::kMerge, broken).status().code(),
            StatusCode::kBadRequest);
  EXPECT_TRUE(transport_->requests.empty());
}

TEST_F(ClientTest, TurnsEveryRefusalIntoItsStatus) {
  transport_->Answer(
      409, R"({"kind":"Status","reason":"AlreadyExists","message":"pods \"a\" already exists"})");
  const Status status = client_->Create(kPods, "ns", Json::object()).status();
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(status.reason(), "AlreadyExists");
  EXPECT_EQ(status.message(), "pods \"a\" already exists");

  transport_->Answer(301, "");
  EXPECT_EQ(client_->Get(kPods, "ns", "a").status().code(), StatusCode::kUnavailable);
}

TEST_F(ClientTest, PassesOnWhatTheTransportSays) {
  transport_->answers.emplace_back(Status(StatusCode::kDeadlineExceeded, "no answer in time"));
  const Status status = client_->Get(kPods, "ns", "a").status();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message(), "no answer in time");
}

TEST_F(ClientTest, ASuccessThatIsNoJsonIsUnavailable) {
  for (const char* body : {"", "ok", "<html>", "{", "{} {}"}) {
    transport_->Answer(200, body);
    EXPECT_EQ(client_->Get(kPods, "ns", "a").status().code(), StatusCode::kUnavailable) << body;
  }
}

}  // namespace
}  // namespace stockade::kube
