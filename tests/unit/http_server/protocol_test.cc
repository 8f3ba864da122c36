#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "server_test_base.h"

namespace stockade::http_server {
namespace {

using ProtocolTest = ServerTest;

constexpr const char* kHost = "Host: test\r\n";

std::string Post(std::string_view body, const std::string& fields = {}) {
  return "POST /echo HTTP/1.1\r\nHost: test\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string Chunked(const std::string& chunks) {
  return "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks;
}

TEST_F(ProtocolTest, HandlesARequest) {
  StartTls();
  Client client = ConnectTls();
  const Reply reply = client.Ask(Post("{}", "Content-Type: application/json\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "POST /echo? application/json [{}]");
  EXPECT_EQ(reply.Header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(reply.Header("connection"), "");
}

TEST_F(ProtocolTest, SplitsTheQueryFromThePathAndDecodesNeither) {
  Start();
  Client client = Connect();
  EXPECT_EQ(client.Get("/a%2Fb?x=%20&y?z").body, "GET /a%2Fb?x=%20&y?z  []");
  EXPECT_EQ(client.Get("/?").body, "GET /?  []");
}

TEST_F(ProtocolTest, TakesTheAbsoluteFormOfATarget) {
  Start();
  Client client = Connect();
  EXPECT_EQ(client.Get("https://test:8443/path?q").body, "GET /path?q  []");
  EXPECT_EQ(client.Get("http://test").body, "GET /?  []");
}

TEST_F(ProtocolTest, KeepsAConnectionForMoreRequests) {
  StartTls();
  Client client = ConnectTls();
  for (int i = 0; i < 50; ++i) {
    const std::string body = std::to_string(i);
    ASSERT_EQ(client.Ask(Post(body)).body, "POST /echo?  [" + body + "]");
  }
  EXPECT_EQ(server_->open_connections(), 1U);
}

TEST_F(ProtocolTest, AnswersPipelinedRequestsInTheirOrder) {
  StartTls();
  Client client = ConnectTls();
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += Post("body " + std::to_string(i));
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(client.Receive().body, "POST /echo?  [body " + std::to_string(i) + "]");
  }
}

TEST_F(ProtocolTest, JoinsARequestThatComesByteByByte) {
  StartTls();
  Client client = ConnectTls();
  for (const char byte : Post("slow")) ASSERT_TRUE(client.Send({&byte, 1}));
  EXPECT_EQ(client.Receive().body, "POST /echo?  [slow]");
}

TEST_F(ProtocolTest, JoinsChunksAndSkipsExtensionsAndTrailers) {
  Start();
  Client client = Connect();
  const Reply reply =
      client.Ask(Chunked("4\r\nfour\r\n1;name=value\r\n!\r\n0\r\nTrailer: x\r\n\r\n"));
  EXPECT_EQ(reply.body, "POST /echo?  [four!]");
  EXPECT_EQ(client.Get("/next").status, 200);
}

TEST_F(ProtocolTest, SaysContinueToAClientThatAsks) {
  StartTls();
  Client client = ConnectTls();
  ASSERT_TRUE(
      client.Send("POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
                  "Content-Length: 4\r\n\r\n"));
  EXPECT_EQ(client.Receive().status, 100);
  ASSERT_TRUE(client.Send("body"));
  EXPECT_EQ(client.Receive().body, "POST /echo?  [body]");
}

TEST_F(ProtocolTest, LeavesTheBodyOutOfTheAnswerToHead) {
  Start();
  Client client = Connect();
  ASSERT_TRUE(client.Send("HEAD /head HTTP/1.1\r\nHost: test\r\n\r\n"));
  const Reply reply = client.Receive(false);
  EXPECT_EQ(reply.status, 200);
  // The handler saw a GET, and its answer's length is announced.
  EXPECT_EQ(reply.Header("content-length"), std::to_string(std::string("GET /head?  []").size()));
  EXPECT_EQ(client.Get("/next").body, "GET /next?  []");
}

TEST_F(ProtocolTest, ClosesWhenTheClientAsksForIt) {
  Start();
  for (const char* const request :
       {"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    Client client = Connect();
    const Reply reply = client.Ask(request);
    EXPECT_EQ(reply.status, 200) << request;
    EXPECT_EQ(reply.Header("connection"), "close") << request;
    EXPECT_TRUE(client.IsEnded()) << request;
  }
}

TEST_F(ProtocolTest, SendsTheHandlersFields) {
  Start([](const Request&) -> Response {
    return {.status = 405, .body = "no\n", .headers = {{"Allow", "POST"}, {"X-Other", "1"}}};
  });
  const Reply reply = Connect().Get("/");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.Header("allow"), "POST");
  EXPECT_EQ(reply.Header("x-other"), "1");
}

TEST_F(ProtocolTest, AnswersAnExceptionOfTheHandlerWith500AndGoesOn) {
  Start([](const Request& request) -> Response {
    if (request.path == "/throw") throw std::runtime_error("a secret detail");
    if (request.path == "/throw-int") throw 1;  // NOLINT: of no standard type
    return {.body = "fine"};
  });
  Client client = Connect();
  for (const char* const path : {"/throw", "/throw-int"}) {
    const Reply reply = client.Get(path);
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ(reply.body, "internal error\n");
  }
  EXPECT_EQ(client.Get("/").body, "fine");
  EXPECT_EQ(log_.Count("handler failed"), 2U);
  EXPECT_EQ(log_.Count("a secret detail"), 1U);
}

TEST_F(ProtocolTest, GoesWithAClientThatGoes) {
  StartTls();
  {
    Client polite = ConnectTls();
    Client rude = ConnectTls();
    Client halfway = ConnectTls();
    EXPECT_EQ(polite.Get("/").status, 200);
    ASSERT_TRUE(halfway.Send("POST / HTTP/1.1\r\nContent-"));
    polite.FinishSending();
    EXPECT_TRUE(polite.IsEnded());
  }
  EXPECT_TRUE(Eventually([this] { return server_->open_connections() == 0; }));
}

// What is no request gets an answer that says so, and the connection ends: nobody knows where the
// next request would begin.
struct Malformed {
  const char* name;
  std::string request;
  int status;
};

void PrintTo(const Malformed& test, std::ostream* out) { *out << test.name; }

class MalformedTest : public ServerTest, public ::testing::WithParamInterface<Malformed> {};

TEST_P(MalformedTest, IsAnsweredWithAStatusAndTheServerGoesOn) {
  bool handled = false;
  StartTls([&handled](const Request& request) -> Response {
    if (request.path != "/good") handled = true;
    return Echo(request);
  });
  Client client = ConnectTls();
  const Reply reply = client.Ask(GetParam().request);
  EXPECT_EQ(reply.status, GetParam().status) << reply.body;
  EXPECT_EQ(reply.Header("connection"), "close");
  EXPECT_GT(reply.body.size(), 1U);
  EXPECT_TRUE(client.IsEnded());
  EXPECT_EQ(ConnectTls().Get("/good").status, 200);
  server_->Stop(std::chrono::milliseconds(0));
  EXPECT_FALSE(handled);
}

std::string Header(const std::string& fields) { return "POST /bad HTTP/1.1\r\n" + fields + "\r\n"; }

const Malformed kMalformed[] = {
    {"Words", "this is not HTTP\r\n\r\n", 400},
    {"Zeroes", std::string(64, '\0') + "\r\n\r\n", 400},
    {"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"UnknownVersion", "GET / HTTP/1.2\r\nHost: test\r\n\r\n", 400},
    {"NoVersion", "GET /bad\r\nHost: test\r\n\r\n", 400},
    {"NoHost", "GET /bad HTTP/1.1\r\n\r\n", 400},
    {"TwoHosts", Header("Host: a\r\nHost: b\r\n"), 400},
    {"SpaceBeforeColon", Header("Host : test\r\n"), 400},
    {"FieldWithoutColon", Header("Host: test\r\nnonsense\r\n"), 400},
    {"ZeroInField", Header(std::string("Host: te\0st\r\n", 13)), 400},
    {"TargetIsNoPath", "GET path HTTP/1.1\r\nHost: test\r\n\r\n", 400},
    {"TargetIsAStar", "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", 400},
    {"TargetIsAnAuthority", "CONNECT test:443 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
    {"NegativeLength", Header(std::string(kHost) + "Content-Length: -1\r\n"), 400},
    {"LengthWithUnit", Header(std::string(kHost) + "Content-Length: 1k\r\n"), 400},
    {"LengthBeyond64Bits", Header(std::string(kHost) + "Content-Length: 99999999999999999999\r\n"),
     400},
    {"TwoLengths", Header(std::string(kHost) + "Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
    {"LengthAndChunks",
     Header(std::string(kHost) + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
    {"ChunksAndLength",
     Header(std::string(kHost) + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400},
    {"ChunksInHttp10", "POST /bad HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"UnknownEncoding", Header(std::string(kHost) + "Transfer-Encoding: gzip\r\n"), 501},
    {"EncodingBeforeChunks", Header(std::string(kHost) + "Transfer-Encoding: gzip, chunked\r\n"),
     501},
    {"EncodingAfterChunks", Header(std::string(kHost) + "Transfer-Encoding: chunked, gzip\r\n"),
     501},
    {"AlmostChunked", Header(std::string(kHost) + "Transfer-Encoding: xchunked\r\n"), 501},
    {"UnknownExpectation", Header(std::string(kHost) + "Expect: tea\r\nContent-Length: 1\r\n"),
     417},
    {"ChunkSizeMinusTwo", Chunked("-2\r\nab\r\n0\r\n\r\n"), 400},
    {"ChunkSizePlusTwo", Chunked("+2\r\nab\r\n0\r\n\r\n"), 400},
    {"ChunkSizeWithPrefix", Chunked("0x2\r\nab\r\n0\r\n\r\n"), 400},
    {"ChunkSizeOfLetters", Chunked("zz\r\nab\r\n0\r\n\r\n"), 400},
    {"ChunkSizeEmpty", Chunked("\r\nab\r\n0\r\n\r\n"), 400},
    {"ChunkSizeBeyond64Bits", Chunked("10000000000000002\r\nab\r\n0\r\n\r\n"), 400},
    {"ChunkLongerThanItsSize", Chunked("2\r\nabcdef\r\n0\r\n\r\n"), 400},
    {"ChunkSizeOf64Bits", Chunked("ffffffffffffffff\r\nab\r\n0\r\n\r\n"), 413},
};

INSTANTIATE_TEST_SUITE_P(Requests, MalformedTest, ::testing::ValuesIn(kMalformed),
                         [](const auto& test) { return std::string(test.param.name); });

class TruncatedTest : public ServerTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(TruncatedTest, IsAnsweredWith400) {
  StartTls();
  Client client = ConnectTls();
  ASSERT_TRUE(client.Send(GetParam()));
  client.FinishSending();
  const Reply reply = client.Receive();
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body, "the request ends before it is complete\n");
  EXPECT_TRUE(client.IsEnded());
}

INSTANTIATE_TEST_SUITE_P(
    Requests, TruncatedTest,
    ::testing::Values("GET", "GET / HTTP/1.1\r\nHost: test\r\n",
                      "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nfour",
                      "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfo",
                      "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "4\r\nfour\r\n"));

}  // namespace
}  // namespace stockade::http_server
