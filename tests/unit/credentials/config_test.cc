#include "credentials/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace stockade::credentials {
namespace {

using ::testing::HasSubstr;

constexpr const char* kWhole = R"({
  "secrets": [
    {"credential": "index", "secret": "registry", "key": "password",
     "file": "/etc/stockade/credentials/index/password"}],
  "derived": [
    {"credential": "index", "file": "/run/stockade/credentials/index/basic", "kind": "basic",
     "username": "robot", "passwordFile": "/etc/stockade/credentials/index/password"},
    {"credential": "cloud", "file": "/run/stockade/credentials/cloud/aws", "kind": "aws",
     "roleARN": "arn:aws:iam::111122223333:role/r", "region": "eu-west-1",
     "sessionName": "team-a.case", "tokenFile": "/var/run/secrets/stockade/aws"},
    {"credential": "stockade-model", "file": "/run/stockade/credentials/stockade-model/token",
     "kind": "google", "audience": "//iam.googleapis.com/p",
     "tokenFile": "/var/run/secrets/stockade/google"}]})";

std::string Replaced(std::string from, const std::string& to) {
  std::string text = kWhole;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ConfigTest, ReadsWhatTheOperatorRenders) {
  const auto config = ParseConfig(kWhole);
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  ASSERT_EQ(config->secrets.size(), 1U);
  EXPECT_EQ(config->secrets[0].secret, "registry");
  EXPECT_EQ(config->secrets[0].key, "password");
  ASSERT_EQ(config->derived.size(), 3U);
  EXPECT_EQ(config->derived[0].kind, DerivedKind::kBasic);
  EXPECT_EQ(config->derived[0].username, "robot");
  EXPECT_EQ(config->derived[0].password_file, config->secrets[0].file);
  EXPECT_EQ(config->derived[1].kind, DerivedKind::kAws);
  EXPECT_EQ(config->derived[1].role_arn, "arn:aws:iam::111122223333:role/r");
  EXPECT_EQ(config->derived[1].region, "eu-west-1");
  EXPECT_EQ(config->derived[1].session_name, "team-a.case");
  EXPECT_EQ(config->derived[1].token_file, "/var/run/secrets/stockade/aws");
  EXPECT_EQ(config->derived[2].kind, DerivedKind::kGoogle);
  EXPECT_EQ(config->derived[2].audience, "//iam.googleapis.com/p");
  EXPECT_TRUE(ParseConfig(R"({"secrets": [], "derived": []})").ok());
}

struct Refused {
  const char* from;
  const char* to;
  const char* says;
};

class ConfigRefusalTest : public ::testing::TestWithParam<Refused> {};

TEST_P(ConfigRefusalTest, NamesTheField) {
  const auto config = ParseConfig(Replaced(GetParam().from, GetParam().to));
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().code(), StatusCode::kBadRequest);
  EXPECT_THAT(config.status().message(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, ConfigRefusalTest,
    ::testing::Values(
        Refused{R"("kind": "aws")", R"("kind": "azure")", "derived[1].kind: must be one of"},
        Refused{R"("kind": "basic",)", "", "derived[0].kind: is required"},
        Refused{R"("region": "eu-west-1")", R"("region": "evil.example/?")",
                "derived[1].region: must be a region"},
        Refused{R"("team-a.case")", R"("team a")", "derived[1].sessionName: must be from 2 to 64"},
        Refused{R"("team-a.case")",
                R"("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345")",
                "derived[1].sessionName: must be from 2 to 64"},
        Refused{R"("robot")", R"("ro:bot")", "derived[0].username: must hold no colon"},
        Refused{R"("robot")", R"("ro\nbot")", "derived[0].username: must hold no colon"},
        Refused{R"("/run/stockade/credentials/cloud/aws")", R"("cloud/aws")",
                "derived[1].file: must be an absolute path"},
        Refused{R"("/run/stockade/credentials/cloud/aws")",
                R"("/run/stockade/credentials/index/basic")",
                "derived[1].file: another entry writes this file"},
        Refused{R"("tokenFile": "/var/run/secrets/stockade/google")",
                R"("tokensFile": "/var/run/secrets/stockade/google")",
                "derived[2].tokenFile: is required"},
        Refused{R"("secret": "registry", )", "", "secrets[0].secret: is required"},
        Refused{R"("username": "robot",)", R"("username": "robot", "password": "p",)",
                "derived[0].password: is not a known field"}));

TEST(ConfigTest, RefusesWhatIsNoObject) {
  EXPECT_FALSE(ParseConfig("[]").ok());
  EXPECT_FALSE(ParseConfig("").ok());
  EXPECT_FALSE(ParseConfig(R"({"secrets": {}})").ok());
  EXPECT_FALSE(ParseConfig(R"({"derived": [7]})").ok());
}

}  // namespace
}  // namespace stockade::credentials
