#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "server_test_base.h"

namespace stockade::http_server {
namespace {

class LimitsTest : public ServerTest {
 protected:
  LimitsTest() {
    options_.limits.header_bytes = 1024;
    options_.limits.body_bytes = 4096;
  }

  static std::string Post(std::size_t size) {
    return "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'x');
  }
};

TEST_F(LimitsTest, HeaderUpToTheLimitIsServed) {
  Start();
  Client client = Connect();
  const std::string head = "GET / HTTP/1.1\r\nHost: test\r\nX: ";
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Ask(head + std::string(900, 'x') + "\r\n\r\n").status, 200);
  }
}

TEST_F(LimitsTest, HeaderAboveTheLimitIs431) {
  StartTls();
  const std::string long_line(1100, 'x');
  std::string many_fields;
  for (int i = 0; i < 200; ++i) many_fields += "X-" + std::to_string(i) + ": y\r\n";
  for (const std::string& request :
       {"GET /" + long_line + " HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nX: " + long_line + "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\n" + long_line + ": x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\n" + many_fields + "\r\n", std::string(20'000, 'A')}) {
    Client client = ConnectTls();
    const Reply reply = client.Ask(request);
    EXPECT_EQ(reply.status, 431) << request.substr(0, 60);
    EXPECT_EQ(reply.body, "the header is larger than 1024 bytes\n");
    EXPECT_TRUE(client.IsEnded());
  }
}

TEST_F(LimitsTest, EndlessHeadersEndIn431) {
  StartTls();
  for (const char* const piece : {"X-Header: value\r\n", "x", "A: \t "}) {
    Client client = ConnectTls();
    ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: test\r\nX-First: "));
    ASSERT_TRUE(client.SendUntilAnswered(piece));
    EXPECT_EQ(client.Receive().status, 431) << piece;
  }
  EXPECT_EQ(ConnectTls().Get("/").status, 200);
}

TEST_F(LimitsTest, BodyUpToTheLimitIsServed) {
  StartTls();
  Client client = ConnectTls();
  EXPECT_EQ(client.Ask(Post(4096)).status, 200);
  EXPECT_EQ(client.Get("/").status, 200);
}

TEST_F(LimitsTest, BodyAboveTheLimitIs413) {
  StartTls();
  Client client = ConnectTls();
  const Reply reply = client.Ask(Post(4097));
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.body, "the body is larger than 4096 bytes\n");
  EXPECT_EQ(reply.Header("connection"), "close");
  EXPECT_TRUE(client.IsEnded());
}

TEST_F(LimitsTest, AnnouncedBodyAboveTheLimitIs413BeforeItComes) {
  StartTls();
  Client client = ConnectTls();
  const Reply reply = client.Ask(
      "POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 8388608\r\n\r\n");
  EXPECT_EQ(reply.status, 413);
}

TEST_F(LimitsTest, EndlessChunksEndIn413) {
  StartTls();
  Client client = ConnectTls();
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
  ASSERT_TRUE(client.SendUntilAnswered("4\r\nfour\r\n"));
  EXPECT_EQ(client.Receive().status, 413);
}

TEST_F(LimitsTest, EndlessChunkExtensionsAndTrailersEndIn400) {
  StartTls();
  for (const char* const start : {"4;", "0\r\nX: "}) {
    Client client = ConnectTls();
    ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
    ASSERT_TRUE(client.Send(start));
    ASSERT_TRUE(client.SendUntilAnswered("extension"));
    EXPECT_EQ(client.Receive().status, 400) << start;
  }
}

TEST_F(LimitsTest, ConnectionsAboveTheCapAreClosedAtOnce) {
  options_.limits.connections = 2;
  options_.threads = 2;
  Start();
  std::vector<Client> open;
  for (int i = 0; i < 2; ++i) {
    open.push_back(Connect());
    ASSERT_EQ(open.back().Get("/").status, 200);
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Connect().IsEnded());
  EXPECT_EQ(server_->refused_connections(), 20U);
  EXPECT_EQ(server_->open_connections(), 2U);
  EXPECT_GE(log_.Count("too many connections"), 1U);
  EXPECT_LT(log_.Count("too many connections"), 20U) << "whoever connects must not fill the log";
  for (Client& client : open) EXPECT_EQ(client.Get("/").status, 200);

  open.pop_back();
  ASSERT_TRUE(Eventually([this] { return server_->open_connections() == 1; }));
  EXPECT_EQ(Connect().Get("/").status, 200);
}

TEST_F(LimitsTest, ServesAgainAfterFileDescriptorsRanOut) {
  Start();
  Client waiting;
  // UBSan needs a descriptor the first time that it looks at the type of an object: those of the
  // server's threads, which may not have begun yet, and those of logging. This connection stays
  // open: the server closes its end at a time of its own, and would have room again.
  Client served = Connect();
  ASSERT_EQ(served.Get("/").status, 200);
  log_.logger().Info("everything that logging touches was touched");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  // With every descriptor below the lowest free one in use, there is no room for one more.
  const int lowest_free = dup(STDERR_FILENO);
  ASSERT_GT(lowest_free, 0);
  close(lowest_free);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
  const bool connected = waiting.Connect(server_->port());
  const bool reported = log_.WaitFor("cannot accept connections");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(connected);
  EXPECT_TRUE(reported);
  EXPECT_EQ(waiting.Get("/").status, 200) << "who waited in the backlog is served";
  EXPECT_EQ(Connect().Get("/").status, 200);
}

}  // namespace
}  // namespace stockade::http_server
