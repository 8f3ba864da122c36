#include "http_server/health.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <string_view>

#include "server_test_base.h"

namespace stockade::http_server {
namespace {

Status NotReady(const char* why) { return {StatusCode::kUnavailable, why}; }

Response Get(const Handler& handler, std::string_view path, std::string_view query = {},
             std::string_view method = "GET") {
  return handler({.method = method, .path = path, .query = query, .content_type = {}, .body = {}});
}

TEST(HealthTest, IsOkWithoutChecks) {
  const Handler handler = HealthEndpoints().MakeHandler();
  for (const char* const path : {"/healthz", "/readyz"}) {
    const Response response = Get(handler, path);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "ok\n");
  }
}

TEST(HealthTest, FailingReadinessLeavesLivenessAlone) {
  HealthEndpoints health;
  health.AddLivenessCheck("alive", [] { return Status::Ok(); });
  health.AddReadinessCheck("caches", [] { return NotReady("pods are not synced"); });
  health.AddReadinessCheck("certificate", [] { return Status::Ok(); });
  health.AddReadinessCheck("leader", [] { return NotReady("no lease\nyet"); });
  const Handler handler = health.MakeHandler();
  EXPECT_EQ(Get(handler, "/healthz").status, 200);
  const Response ready = Get(handler, "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "[-]caches: pods are not synced\n[-]leader: no lease yet\n");
}

TEST(HealthTest, FailingLivenessIs503) {
  HealthEndpoints health;
  health.AddLivenessCheck("workers", [] { return NotReady("stuck"); });
  const Handler handler = health.MakeHandler();
  EXPECT_EQ(Get(handler, "/healthz").status, 503);
  EXPECT_EQ(Get(handler, "/healthz").body, "[-]workers: stuck\n");
  EXPECT_EQ(Get(handler, "/readyz").status, 200);
}

TEST(HealthTest, VerboseNamesEveryCheck) {
  HealthEndpoints health;
  health.AddReadinessCheck("a", [] { return Status::Ok(); });
  health.AddReadinessCheck("b", [] { return Status::Ok(); });
  const Handler handler = health.MakeHandler();
  EXPECT_EQ(Get(handler, "/readyz", "verbose").body, "[+]a: ok\n[+]b: ok\nok\n");
  EXPECT_EQ(Get(handler, "/readyz", "x=1&verbose=true").body, "[+]a: ok\n[+]b: ok\nok\n");
  EXPECT_EQ(Get(handler, "/readyz", "verbosely").body, "ok\n");
}

TEST(HealthTest, KnowsTwoPathsAndOneMethod) {
  const Handler handler = HealthEndpoints().MakeHandler();
  for (const char* const path : {"/", "/healthz/", "/Healthz", "/metrics", ""}) {
    EXPECT_EQ(Get(handler, path).status, 404) << path;
  }
  for (const char* const method : {"POST", "DELETE", "get"}) {
    EXPECT_EQ(Get(handler, "/readyz", {}, method).status, 405) << method;
  }
}

TEST(HealthTest, LaterChecksAreOfLaterHandlers) {
  HealthEndpoints health;
  const Handler before = health.MakeHandler();
  health.AddReadinessCheck("never", [] { return NotReady("no"); });
  EXPECT_EQ(Get(before, "/readyz").status, 200);
  EXPECT_EQ(Get(health.MakeHandler(), "/readyz").status, 503);
}

using HealthServerTest = ServerTest;

TEST_F(HealthServerTest, TellsTheTruthOfTheMoment) {
  std::atomic<bool> ready = false;
  HealthEndpoints health;
  health.AddReadinessCheck("ready",
                           [&ready] { return ready ? Status::Ok() : NotReady("starting"); });
  Start(health.MakeHandler());
  Client client = Connect();
  EXPECT_EQ(client.Get("/readyz").status, 503);
  ready = true;
  const Reply reply = client.Get("/readyz");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Header("cache-control"), "no-store");
  ready = false;
  EXPECT_EQ(client.Get("/readyz").body, "[-]ready: starting\n");
  EXPECT_EQ(client.Get("/healthz").status, 200);
}

TEST_F(HealthServerTest, FollowsTheCertificateOfAnotherServer) {
  directory_.WriteIdentity(ca_.Issue("expired", std::chrono::hours(-1)));
  StartTls(directory_.Files());
  HealthEndpoints health;
  health.AddReadinessCheck("certificate", [this] { return server_->CheckCertificate(); });
  ServerOptions options;
  options.address = "127.0.0.1";
  auto health_server = Server::Start(options, health.MakeHandler(), log_.logger());
  ASSERT_TRUE(health_server.ok());
  const auto status = [&] { return Client((*health_server)->port()).Get("/readyz").status; };
  EXPECT_EQ(status(), 503);
  directory_.WriteIdentity(ca_.Issue("second"));
  EXPECT_TRUE(Eventually([&] { return status() == 200; }));
}

}  // namespace
}  // namespace stockade::http_server
