#include "credentials/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace stockade::credentials {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kToken =
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZWFtIn0.c2lnbmF0dXJl-AccessDenied_";
const system_clock::time_point kNow{seconds(1'790'000'000)};

Derived Aws() {
  return {.kind = DerivedKind::kAws,
          .credential = "cloud",
          .file = "/run/stockade/credentials/cloud/aws",
          .role_arn = "arn:aws:iam::111122223333:role/r+1",
          .region = "eu-west-1",
          .session_name = "team-a.case",
          .token_file = "/token"};
}

Derived Google() {
  return {.kind = DerivedKind::kGoogle,
          .credential = "stockade-model",
          .file = "/run/stockade/credentials/stockade-model/token",
          .audience = "//iam.googleapis.com/projects/1/p",
          .token_file = "/token"};
}

Result<Credential> Read(const Derived& derived, int status, std::string body) {
  return ReadTokenAnswer(derived, kToken,
                         {.status = status, .retry_after = std::nullopt, .body = std::move(body)},
                         kNow);
}

std::string AwsAnswer(const std::string& key, const std::string& secret, const std::string& session,
                      const std::string& expiration) {
  return R"({"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {)"
         R"("Credentials": {"AccessKeyId": ")" +
         key + R"(", "SecretAccessKey": ")" + secret + R"(", "SessionToken": ")" + session +
         R"(", "Expiration": )" + expiration + "}}}}";
}

TEST(ExchangeTest, AsksTheRegionsServiceOfAws) {
  EXPECT_EQ(TokenServiceHost(Aws()), "sts.eu-west-1.amazonaws.com");
  Derived china = Aws();
  china.region = "cn-north-1";
  EXPECT_EQ(TokenServiceHost(china), "sts.cn-north-1.amazonaws.com.cn");
  const kube::HttpRequest request = MakeTokenRequest(Aws(), kToken);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/");
  EXPECT_EQ(request.content_type, "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
            "&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fr%2B1&RoleSessionName=team-a.case"
            "&DurationSeconds=3600&WebIdentityToken=" +
                std::string(kToken));
}

TEST(ExchangeTest, AsksGooglesServiceForAnAccessToken) {
  EXPECT_EQ(TokenServiceHost(Google()), "sts.googleapis.com");
  const kube::HttpRequest request = MakeTokenRequest(Google(), kToken);
  EXPECT_EQ(request.target, "/v1/token");
  EXPECT_THAT(request.body, HasSubstr("&audience=%2F%2Fiam.googleapis.com%2Fprojects%2F1%2Fp&"));
  EXPECT_THAT(request.body, EndsWith("&subject_token=" + std::string(kToken)));
  Derived with_scheme = Google();
  with_scheme.audience = "https:" + with_scheme.audience;
  EXPECT_EQ(MakeTokenRequest(with_scheme, kToken).body, request.body);
}

TEST(ExchangeTest, WritesAwsCredentialsAsItsToolsDo) {
  const auto credential =
      Read(Aws(), 200, AwsAnswer("ASIA1", "se/cr+et=", "ses//ion", "1.7900036E9"));
  ASSERT_TRUE(credential.ok()) << credential.status().ToString();
  EXPECT_EQ(credential->contents,
            "[default]\naws_access_key_id=ASIA1\naws_secret_access_key=se/cr+et=\n"
            "aws_session_token=ses//ion\n");
  EXPECT_EQ(credential->expires, kNow + seconds(3600));
}

TEST(ExchangeTest, WritesGooglesTokenAlone) {
  const auto credential =
      Read(Google(), 200,
           R"({"access_token": "ya29.x_-y", "token_type": "Bearer", "expires_in": 3599})");
  ASSERT_TRUE(credential.ok()) << credential.status().ToString();
  EXPECT_EQ(credential->contents, "ya29.x_-y");
  EXPECT_EQ(credential->expires, kNow + seconds(3599));
}

// A line break in a value would be another line of the file, or another header.
TEST(ExchangeTest, RefusesAnswersThatAreNoCredentials) {
  for (const std::string& body :
       {std::string("<xml/>"), std::string("{}"), AwsAnswer("", "s", "t", "1790003600"),
        AwsAnswer("ASIA1", "s\\ncredential_process=evil", "t", "1790003600"),
        AwsAnswer("ASIA1\\n", "s", "t", "1790003600"), AwsAnswer("ASIA1", "s", "", "1790003600"),
        AwsAnswer("ASIA1", "s", "t t", "1790003600"), AwsAnswer("ASIA1", "s", "t", "\"soon\"")}) {
    const auto credential = Read(Aws(), 200, body);
    ASSERT_FALSE(credential.ok()) << body;
    EXPECT_EQ(credential.status().code(), StatusCode::kUnavailable);
  }
  for (const std::string& body :
       {std::string(R"({"access_token": "a\r\nb", "token_type": "Bearer", "expires_in": 1})"),
        std::string(R"({"access_token": "a", "token_type": "MAC", "expires_in": 1})"),
        std::string(R"({"access_token": "a", "token_type": "Bearer"})")}) {
    EXPECT_FALSE(Read(Google(), 200, body).ok()) << body;
  }
}

TEST(ExchangeTest, RefusesWhatHasExpiredAndBoundsWhatNeverDoes) {
  const auto past = Read(Aws(), 200, AwsAnswer("ASIA1", "s", "t", "1790000000"));
  ASSERT_FALSE(past.ok());
  EXPECT_THAT(past.status().message(), HasSubstr("has expired"));
  const auto endless = Read(Aws(), 200, AwsAnswer("ASIA1", "s", "t", "1e300"));
  ASSERT_TRUE(endless.ok());
  EXPECT_EQ(endless->expires, kNow + std::chrono::hours(12));
}

TEST(ExchangeTest, TellsTheServicesCodeAndNothingElseOfItsAnswer) {
  const auto refused = Read(
      Aws(), 403, R"({"Error": {"Code": "InvalidIdentityToken", "Message": "the token eyJhbGc"}})");
  EXPECT_EQ(refused.status().code(), StatusCode::kForbidden);
  EXPECT_EQ(refused.status().message(),
            "sts.eu-west-1.amazonaws.com answered 403 InvalidIdentityToken");
  EXPECT_EQ(Read(Google(), 400, R"({"error": "invalid_grant", "error_description": "eyJ"})")
                .status()
                .message(),
            "sts.googleapis.com answered 400 invalid_grant");
  // Parts of the token, sentences and what is no JSON.
  for (const char* body : {R"({"Error": {"Code": "AccessDenied"}})",
                           R"({"Error": {"Code": "eyJ"}})", R"({"Error": {"Code": "a b"}})",
                           R"({"Error": {"Code": "a\nb"}})", "<ErrorResponse/>", ""}) {
    EXPECT_EQ(Read(Aws(), 403, body).status().message(), "sts.eu-west-1.amazonaws.com answered 403")
        << body;
  }
}

TEST(ExchangeTest, FollowsNoRedirectAndTakesNoOtherStatus) {
  const std::string good = AwsAnswer("ASIA1", "s", "t", "1790003600");
  for (const int status : {201, 204, 301, 307, 500, 503}) {
    const auto answer = Read(Aws(), status, good);
    ASSERT_FALSE(answer.ok()) << status;
    EXPECT_EQ(answer.status().code(), StatusCode::kUnavailable);
  }
  EXPECT_THAT(Read(Aws(), 307, good).status().message(), HasSubstr("redirects are not followed"));
}

TEST(ExchangeTest, KeepsHowLongItIsAskedToWait) {
  const auto answer =
      ReadTokenAnswer(Aws(), kToken, {.status = 503, .retry_after = seconds(7), .body = ""}, kNow);
  EXPECT_EQ(answer.status().retry_after(), milliseconds(7000));
}

TEST(ExchangeTest, RenewsAtAboutHalfOfTheLife) {
  EXPECT_EQ(RenewAfter(seconds(3600), 0), seconds(1800));
  EXPECT_EQ(RenewAfter(seconds(3600), 1), seconds(2160));
  EXPECT_EQ(RenewAfter(seconds(3600), 0.5), seconds(1980));
  // No busy loop, whatever the service says.
  EXPECT_EQ(RenewAfter(milliseconds(1), 0), seconds(1));
}

TEST(ExchangeTest, MessagesHoldNothingOfTheAnswer) {
  const auto answer = Read(Aws(), 200, AwsAnswer("ASIA1", "hidden", "", "1790003600"));
  EXPECT_THAT(answer.status().message(), Not(HasSubstr("hidden")));
  EXPECT_THAT(answer.status().message(), HasSubstr("sts.eu-west-1.amazonaws.com"));
}

}  // namespace
}  // namespace stockade::credentials
