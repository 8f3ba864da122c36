#include "kube/http_message.h"

#include <gtest/gtest.h>

namespace stockade::kube {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

HttpRequest Get(std::string target) {
  HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  return request;
}

TEST(CheckRequestTest, AcceptsEveryMethodOfTheApi) {
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    HttpRequest request = Get("/api/v1/pods?limit=500&continue=a%2Fb");
    request.method = method;
    request.content_type = "application/json; charset=utf-8";
    EXPECT_TRUE(CheckRequest(request, "eyJ.abc-_~+/=").ok()) << method;
  }
}

TEST(CheckRequestTest, RefusesWhatCouldBeReadAsAnotherRequest) {
  struct Case {
    const char* name;
    std::string method = "GET";
    std::string target = "/api";
    std::string content_type = {};
    std::string token = {};
  };
  const Case cases[] = {
      {.name = "no method", .method = ""},
      {.name = "method in lower case", .method = "get"},
      {.name = "space in the method", .method = "GET /x"},
      {.name = "newline in the method", .method = "GET\r\n"},
      {.name = "no target", .target = ""},
      {.name = "target without a slash", .target = "api"},
      {.name = "a whole URL", .target = "https://elsewhere.example/"},
      {.name = "space in the target", .target = "/api HTTP/1.1"},
      {.name = "newline in the target", .target = "/api\r\nHost: x"},
      {.name = "zero byte in the target", .target = std::string("/a\0b", 4)},
      {.name = "DEL in the target", .target = "/a\x7f"},
      {.name = "byte beyond ASCII in the target", .target = "/\xc3\xa9"},
      {.name = "newline in the content type", .content_type = "a/b\r\nX: y"},
      {.name = "byte beyond ASCII in the content type", .content_type = "a/\xff"},
      {.name = "newline in the token", .token = "abc\n"},
      {.name = "space in the token", .token = "a b"},
      {.name = "zero byte in the token", .token = std::string("a\0", 2)},
  };
  const ConnectionConfig config;
  for (const Case& c : cases) {
    HttpRequest request;
    request.method = c.method;
    request.target = c.target;
    request.content_type = c.content_type;
    EXPECT_EQ(CheckRequest(request, c.token).code(), StatusCode::kBadRequest) << c.name;
    EXPECT_EQ(FormatRequest(config, request, c.token).status().code(), StatusCode::kBadRequest)
        << c.name;
  }
}

TEST(CheckRequestTest, NeverRepeatsTheToken) {
  const Status status = CheckRequest(Get("/api"), "secret value");
  EXPECT_EQ(status.message().find("secret"), std::string::npos) << status.message();
}

TEST(FormatRequestTest, WritesAGetAsItGoesOverTheWire) {
  ConnectionConfig config;
  config.host = "api.example";
  config.port = 6443;
  config.path_prefix = "/clusters/a";
  config.user_agent = "stockade/1";
  const Result<std::string> text = FormatRequest(config, Get("/api/v1/pods?limit=1"), "t0ken");
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_EQ(*text,
            "GET /clusters/a/api/v1/pods?limit=1 HTTP/1.1\r\n"
            "Host: api.example:6443\r\n"
            "Accept: application/json\r\n"
            "User-Agent: stockade/1\r\n"
            "Authorization: Bearer t0ken\r\n"
            "\r\n");
}

TEST(FormatRequestTest, LeavesOutHeadersWithoutAValue) {
  ConnectionConfig config;
  config.host = "api.example";
  const Result<std::string> text = FormatRequest(config, Get("/"), "");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "GET / HTTP/1.1\r\nHost: api.example\r\nAccept: application/json\r\n\r\n");
}

TEST(FormatRequestTest, CountsTheBytesOfTheBody) {
  ConnectionConfig config;
  config.host = "h";
  HttpRequest request = Get("/x");
  request.method = "POST";
  request.content_type = "application/json";
  request.body = "{\"a\":\"é\"}";
  const Result<std::string> text = FormatRequest(config, request, "");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text,
            "POST /x HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n"
            "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"a\":\"é\"}");
}

TEST(FormatRequestTest, SaysThatAWriteHasNoBody) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    HttpRequest request = Get("/x");
    request.method = method;
    const Result<std::string> text = FormatRequest({}, request, "");
    ASSERT_TRUE(text.ok());
    EXPECT_NE(text->find("\r\nContent-Length: 0\r\n"), std::string::npos) << *text;
  }
}

TEST(HostHeaderTest, NamesThePortUnlessItIsTheUsualOne) {
  const struct {
    std::string host;
    std::uint16_t port;
    bool tls;
    std::string_view header;
  } cases[] = {
      {"api.example", 443, true, "api.example"},
      {"api.example", 6443, true, "api.example:6443"},
      {"localhost", 80, false, "localhost"},
      {"localhost", 443, false, "localhost:443"},
      {"localhost", 80, true, "localhost:80"},
      {"127.0.0.1", 8001, false, "127.0.0.1:8001"},
      {"::1", 443, true, "[::1]"},
      {"fd00::1", 6443, true, "[fd00::1]:6443"},
  };
  for (const auto& c : cases) {
    ConnectionConfig config;
    config.host = c.host;
    config.port = c.port;
    config.tls = c.tls;
    EXPECT_EQ(HostHeader(config), c.header);
  }
}

TEST(ParseRetryAfterTest, TakesWholeSecondsUpToADay) {
  EXPECT_EQ(ParseRetryAfter("0"), seconds(0));
  EXPECT_EQ(ParseRetryAfter("1"), seconds(1));
  EXPECT_EQ(ParseRetryAfter(" 30 "), seconds(30));
  EXPECT_EQ(ParseRetryAfter("86400"), hours(24));
  EXPECT_EQ(ParseRetryAfter("86401"), hours(24));
  EXPECT_EQ(ParseRetryAfter("4294967295"), hours(24));
}

TEST(ParseRetryAfterTest, GivesNothingForAnyOtherText) {
  for (const char* text : {"", " ", "-1", "+1", "1.5", "1s", "0x10", "4294967296",
                           "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "1 2"}) {
    EXPECT_EQ(ParseRetryAfter(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace stockade::kube
