#include <gtest/gtest.h>

#include "kube/client.h"

namespace stockade::kube {
namespace {

using std::chrono::seconds;

HttpResponse Answer(int status, std::string body = {}) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Status FromObject(const std::string& json) {
  const auto document = codec::JsonDocument::Parse(json);
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  return StatusFromObject(document->root());
}

TEST(StatusFromResponseTest, TakesTheCodeFromStatusAndReason) {
  const struct {
    int http_status;
    const char* reason;
    StatusCode code;
  } cases[] = {
      {400, "BadRequest", StatusCode::kBadRequest},
      {401, "Unauthorized", StatusCode::kUnauthorized},
      {403, "Forbidden", StatusCode::kForbidden},
      {404, "NotFound", StatusCode::kNotFound},
      {405, "MethodNotAllowed", StatusCode::kBadRequest},
      {406, "NotAcceptable", StatusCode::kBadRequest},
      {409, "AlreadyExists", StatusCode::kAlreadyExists},
      {409, "Conflict", StatusCode::kConflict},
      {409, "", StatusCode::kConflict},
      {410, "Expired", StatusCode::kGone},
      {413, "RequestEntityTooLarge", StatusCode::kBadRequest},
      {415, "UnsupportedMediaType", StatusCode::kBadRequest},
      {422, "Invalid", StatusCode::kInvalid},
      {429, "TooManyRequests", StatusCode::kThrottled},
      {500, "InternalError", StatusCode::kUnavailable},
      {503, "ServiceUnavailable", StatusCode::kUnavailable},
      {504, "Timeout", StatusCode::kDeadlineExceeded},
  };
  for (const auto& c : cases) {
    const Status status = StatusFromResponse(
        Answer(c.http_status,
               std::string(R"({"kind":"Status","message":"why","reason":")") + c.reason + R"("})"));
    EXPECT_EQ(status.code(), c.code) << c.http_status << " " << c.reason;
    EXPECT_EQ(status.message(), "why");
    EXPECT_EQ(status.reason(), c.reason);
  }
}

TEST(StatusFromResponseTest, TellsWhatStandsInTheServersPlace) {
  const Status status = StatusFromResponse(Answer(502, "<html>\n<h1>Bad\tGateway</h1>\n</html>\n"));
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "the server answered 502: <html> <h1>Bad Gateway</h1> </html>");
}

TEST(StatusFromResponseTest, DoesWithoutABody) {
  const Status status = StatusFromResponse(Answer(404));
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "the server answered 404");
}

TEST(StatusFromResponseTest, IgnoresAnObjectThatIsNoStatus) {
  const Status status =
      StatusFromResponse(Answer(409, R"({"kind":"Pod","reason":"AlreadyExists","message":"no"})"));
  EXPECT_EQ(status.code(), StatusCode::kConflict);
  EXPECT_EQ(status.reason(), "");
}

TEST(StatusFromResponseTest, CutsLongTexts) {
  EXPECT_LE(StatusFromResponse(Answer(500, std::string(100000, 'x'))).message().size(), 300U);
  const Status status =
      StatusFromResponse(Answer(422, R"({"kind":"Status","message":")" + std::string(100000, 'm') +
                                         R"(","reason":")" + std::string(100000, 'r') + "\"}"));
  EXPECT_EQ(status.message().size(), 8192U);
  EXPECT_EQ(status.reason().size(), 128U);
}

TEST(StatusFromResponseTest, ARedirectIsUnavailable) {
  const Status status = StatusFromResponse(Answer(302, "elsewhere"));
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("redirects are not followed"), std::string::npos);
}

TEST(StatusFromResponseTest, TakesRetryAfterFromTheStatusAndElseFromTheHeader) {
  HttpResponse response = Answer(429, "slow down");
  response.retry_after = seconds(7);
  EXPECT_EQ(StatusFromResponse(response).retry_after(), seconds(7));
  response.body = R"({"kind":"Status","details":{"retryAfterSeconds":3}})";
  EXPECT_EQ(StatusFromResponse(response).retry_after(), seconds(3));
  response.body = R"({"kind":"Status","details":{"retryAfterSeconds":0}})";
  EXPECT_EQ(StatusFromResponse(response).retry_after(), seconds(7));
  EXPECT_EQ(StatusFromResponse(Answer(429)).retry_after(), std::nullopt);
}

TEST(StatusFromObjectTest, TakesCodeReasonAndMessage) {
  const Status status = FromObject(
      R"({"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"})");
  EXPECT_EQ(status.code(), StatusCode::kGone);
  EXPECT_EQ(status.reason(), "Expired");
  EXPECT_EQ(status.message(), "too old resource version");
}

TEST(StatusFromObjectTest, KnowsAnExpiredVersionWithoutACode) {
  EXPECT_EQ(FromObject(R"({"reason":"Expired"})").code(), StatusCode::kGone);
  EXPECT_EQ(FromObject(R"({"reason":"Gone"})").code(), StatusCode::kGone);
  EXPECT_EQ(FromObject(R"({"reason":"Other"})").code(), StatusCode::kUnavailable);
  EXPECT_EQ(FromObject("{}").code(), StatusCode::kUnavailable);
}

TEST(StatusFromObjectTest, WaitsNoLongerThanADay) {
  EXPECT_EQ(
      FromObject(R"({"code":429,"details":{"retryAfterSeconds":9000000000000}})").retry_after(),
      std::chrono::hours(24));
  EXPECT_EQ(FromObject(R"({"code":429,"details":{"retryAfterSeconds":-5}})").retry_after(),
            std::nullopt);
}

TEST(StatusFromObjectTest, IsNeverOk) {
  for (const char* json : {"{}", "[]", "null", R"({"code":200,"status":"Success"})",
                           R"({"code":0})", R"({"code":"410"})"}) {
    EXPECT_FALSE(FromObject(json).ok()) << json;
  }
}

}  // namespace
}  // namespace stockade::kube
