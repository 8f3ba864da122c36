#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "server_test_base.h"

namespace stockade::http_server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

using LifecycleTest = ServerTest;

TEST_F(LifecycleTest, StartFailsOnAnAddressInUse) {
  Start();
  options_.port = server_->port();
  const auto second = Server::Start(options_, &Echo, log_.logger());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kBadRequest);
  EXPECT_EQ(second.status().message(),
            "cannot bind 127.0.0.1:" + std::to_string(options_.port) + ": Address already in use");
}

TEST_F(LifecycleTest, StartFailsOnWhatIsNoAddress) {
  options_.address = "localhost";
  const auto server = Server::Start(options_, &Echo, log_.logger());
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.status().message(), "\"localhost\" is no IP address to listen on");
}

TEST_F(LifecycleTest, StartFailsOnAnUnusableCertificate) {
  const TlsFiles files = directory_.Files();
  options_.tls = &files;
  const auto server = Server::Start(options_, &Echo, log_.logger());
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.status().message().find("cannot read the certificate file"), std::string::npos);
}

// An address that no other process takes ports of.
std::string OwnAddress() {
  const auto pid = static_cast<unsigned>(getpid());
  return "127." + std::to_string(1 + (pid >> 16U) % 254) + "." + std::to_string((pid >> 8U) % 256) +
         "." + std::to_string(pid % 256);
}

TEST_F(LifecycleTest, StoppedServerTakesNoConnectionAndGivesItsPortBack) {
  options_.address = OwnAddress();
  Start();
  options_.port = server_->port();
  Client client;
  ASSERT_TRUE(client.Connect(options_.port, options_.address));
  EXPECT_EQ(client.Get("/").status, 200);
  server_->Stop(milliseconds(0));
  EXPECT_FALSE(Client().Connect(options_.port, options_.address));
  Start();
  Client next;
  ASSERT_TRUE(next.Connect(options_.port, options_.address));
  EXPECT_EQ(next.Get("/").status, 200);
}

TEST_F(LifecycleTest, StopAnswersWhatIsUnderWayAndClosesTheRest) {
  options_.threads = 2;
  Event entered;
  Event release;
  StartTls([&](const Request& request) -> Response {
    if (request.path == "/slow") {
      entered.Set();
      if (!release.Wait()) return {.status = 500};
    }
    return Echo(request);
  });
  // The server gives each thread one of the two.
  Client busy = ConnectTls();
  Client idle = ConnectTls();
  ASSERT_EQ(idle.Get("/").status, 200);
  ASSERT_TRUE(busy.Send("GET /slow HTTP/1.1\r\nHost: test\r\n\r\n"));
  ASSERT_TRUE(entered.Wait());
  // That the idle connection ends is the sign that the server stops.
  bool idle_ended = false;
  std::thread releaser([&] {
    idle_ended = idle.IsEnded();
    idle = Client();
    release.Set();
  });
  // The client must go before the last connection can.
  Reply reply;
  bool busy_ended = false;
  std::thread reader([&] {
    reply = busy.Receive();
    busy_ended = busy.IsEnded();
    busy.FinishSending();
    busy = Client();
  });
  server_->Stop(hours(1));
  EXPECT_EQ(server_->open_connections(), 0U);
  releaser.join();
  reader.join();
  EXPECT_TRUE(idle_ended);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Header("connection"), "close");
  EXPECT_TRUE(busy_ended);
}

TEST_F(LifecycleTest, StopLetsARequestThatHasBegunBeFinished) {
  Start();
  Client idle = Connect();
  Client client = Connect();
  ASSERT_EQ(client.Get("/").status, 200);
  ASSERT_EQ(idle.Get("/").status, 200);
  ASSERT_TRUE(
      client.Send("POST /begun HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n"));
  ASSERT_EQ(client.Receive().status, 100);
  Reply reply;
  std::thread finisher([&] {
    if (!idle.IsEnded()) return;
    client.Send("done");
    reply = client.Receive();
    client = Client();
    idle = Client();
  });
  server_->Stop(hours(1));
  finisher.join();
  EXPECT_EQ(reply.body, "POST /begun?  [done]");
  EXPECT_EQ(reply.Header("connection"), "close");
}

TEST_F(LifecycleTest, StopWaitsForNoClientBeyondItsGrace) {
  StartTls();
  Client silent = Connect();
  Client halfway = ConnectTls();
  ASSERT_TRUE(halfway.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhalf"));
  ASSERT_TRUE(Eventually([this] { return server_->open_connections() == 2; }));
  server_->Stop(milliseconds(20));
  EXPECT_EQ(server_->open_connections(), 0U);
  EXPECT_TRUE(silent.IsEnded());
  EXPECT_TRUE(halfway.IsEnded());
}

TEST_F(LifecycleTest, StopTwiceAndDestructionAreHarmless) {
  StartTls();
  Client client = ConnectTls();
  ASSERT_EQ(client.Get("/").status, 200);
  server_->Stop(milliseconds(0));
  server_->Stop(milliseconds(0));
  server_.reset();
  EXPECT_TRUE(client.IsEnded());
}

TEST_F(LifecycleTest, DestructionUnderLoadLosesNothingButTheConnections) {
  options_.threads = 4;
  StartTls();
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      for (;;) {
        Client client = ConnectTls();
        if (client.Get("/").status != 200) return;
        ++answered;
      }
    });
  }
  ASSERT_TRUE(Eventually([&] { return answered > 20; }));
  server_->Stop(milliseconds(0));
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(server_->open_connections(), 0U);
}

TEST_F(LifecycleTest, ManyClientsAreServedAtOnceWhileTheCertificateChanges) {
  options_.threads = 4;
  StartTls();
  constexpr int kClients = 8;
  constexpr int kRequests = 25;
  std::atomic<int> failures = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      Client kept = ConnectTls();
      for (int j = 0; j < kRequests; ++j) {
        const std::string path = "/" + std::to_string(i) + "/" + std::to_string(j);
        if (kept.Get(path).body != "GET " + path + "?  []") ++failures;
        if (ConnectTls().Get(path).body != "GET " + path + "?  []") ++failures;
      }
    });
  }
  for (int i = 0; i < 10; ++i) directory_.WriteIdentity(ca_.Issue("next"));
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace stockade::http_server
