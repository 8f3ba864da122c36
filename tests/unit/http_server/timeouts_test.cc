#include <gtest/gtest.h>

#include <string>

#include "server_test_base.h"

namespace stockade::http_server {
namespace {

using std::chrono::milliseconds;

// Only the timeout under test is short, so that it alone can be what ends a connection.
constexpr milliseconds kShort{100};
// Many times within kShort: a deadline that each byte pushed back would never pass.
constexpr milliseconds kPause{5};

using TimeoutsTest = ServerTest;

TEST_F(TimeoutsTest, SlowHandshakeIsClosed) {
  options_.limits.handshake_timeout = kShort;
  StartTls();
  Client silent = Connect();
  Client slow = Connect();
  // The beginning of a record that announces a ClientHello as large as a record can be.
  slow.Send(std::string_view("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", 11));
  EXPECT_TRUE(slow.TrickleUntilClosed("x", kPause));
  EXPECT_TRUE(silent.IsEnded());
}

TEST_F(TimeoutsTest, SilentConnectionIsClosed) {
  options_.limits.header_timeout = kShort;
  StartTls();
  EXPECT_TRUE(ConnectTls().IsEnded());
}

TEST_F(TimeoutsTest, SlowHeaderIsClosed) {
  options_.limits.header_timeout = kShort;
  options_.limits.header_bytes = 1024 * 1024;
  Start();
  Client client = Connect();
  client.Send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(client.TrickleUntilClosed("X: y\r\n", kPause));
}

TEST_F(TimeoutsTest, SlowBodyIsClosed) {
  options_.limits.body_timeout = kShort;
  Start();
  Client client = Connect();
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"));
  EXPECT_TRUE(client.TrickleUntilClosed("x", kPause));
}

TEST_F(TimeoutsTest, SlowChunksAreClosed) {
  options_.limits.body_timeout = kShort;
  StartTls();
  Client client = ConnectTls();
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(client.TrickleUntilClosed("1\r\nx\r\n", kPause));
}

TEST_F(TimeoutsTest, ClientThatTakesNoAnswerIsClosed) {
  options_.limits.body_timeout = kShort;
  // More than the sockets' buffers hold.
  Start([](const Request&) -> Response { return {.body = std::string(64 << 20, 'x')}; });
  Client client = Connect();
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
  EXPECT_EQ(client.Receive(false).status, 200);
  EXPECT_TRUE(Eventually([this] { return server_->open_connections() == 0; }));
}

TEST_F(TimeoutsTest, IdleConnectionIsClosedAfterItsRequests) {
  options_.limits.idle_timeout = kShort;
  Start();
  Client client = Connect();
  EXPECT_EQ(client.Get("/").status, 200);
  EXPECT_TRUE(client.IsEnded());
  EXPECT_EQ(Connect().Get("/").status, 200);
}

TEST_F(TimeoutsTest, SlowClientsKeepNobodyWaiting) {
  StartTls();
  Client handshaking = Connect();
  Client sending = ConnectTls();
  ASSERT_TRUE(handshaking.Send("\x16"));
  ASSERT_TRUE(sending.Send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhalf"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ConnectTls().Get("/").status, 200);
  ASSERT_TRUE(sending.Send("!"));
  EXPECT_EQ(sending.Receive().body, "POST /?  [half!]");
}

}  // namespace
}  // namespace stockade::http_server
