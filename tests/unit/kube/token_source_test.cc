#include "kube/token_source.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/unit/kube/exec_fixture.h"

namespace stockade::kube {
namespace {

using stockade::testing::TemporaryDirectory;

using std::chrono::milliseconds;

class TokenSourceTest : public ::testing::Test {
 protected:
  // A source for the file "token" in the temporary directory.
  TokenSource FromFile() {
    ConnectionConfig config;
    config.token = "fixed";
    config.token_file = directory_.path() + "/token";
    return {std::make_shared<const ConnectionConfig>(config), clock_};
  }

  static std::string Text(const Result<std::string>& token) {
    return token.ok() ? *token : token.status().ToString();
  }

  TemporaryDirectory directory_;
  std::shared_ptr<testing::FakeClock> clock_ = std::make_shared<testing::FakeClock>();
};

TEST_F(TokenSourceTest, IsEmptyWhenTheConnectionNeedsNone) {
  TokenSource source(std::make_shared<const ConnectionConfig>(), nullptr);
  EXPECT_EQ(Text(source.Token()), "");
}

TEST_F(TokenSourceTest, GivesTheFixedToken) {
  ConnectionConfig config;
  config.token = "fixed";
  TokenSource source(std::make_shared<const ConnectionConfig>(config), nullptr);
  EXPECT_EQ(Text(source.Token()), "fixed");
}

TEST_F(TokenSourceTest, AFileWinsOverTheFixedTokenAndLosesItsWhiteSpace) {
  directory_.Write("token", " one\n");
  TokenSource source = FromFile();
  EXPECT_EQ(Text(source.Token()), "one");
}

TEST_F(TokenSourceTest, ReadsTheFileAgainAfterItsLifetimeAndNotBefore) {
  directory_.Write("token", "one");
  TokenSource source = FromFile();
  EXPECT_EQ(Text(source.Token()), "one");
  directory_.Write("token", "two");
  EXPECT_EQ(Text(source.Token()), "one");
  clock_->Advance(TokenSource::kTokenLifetime - milliseconds(1));
  EXPECT_EQ(Text(source.Token()), "one");
  clock_->Advance(milliseconds(1));
  EXPECT_EQ(Text(source.Token()), "two");
}

TEST_F(TokenSourceTest, KeepsTheLastTokenWhileTheFileCannotBeRead) {
  directory_.Write("token", "one");
  TokenSource source = FromFile();
  EXPECT_EQ(Text(source.Token()), "one");
  directory_.Remove("token");
  clock_->Advance(TokenSource::kTokenLifetime);
  EXPECT_EQ(Text(source.Token()), "one");
  directory_.Write("token", "\n");
  clock_->Advance(TokenSource::kTokenLifetime);
  EXPECT_EQ(Text(source.Token()), "one") << "an empty file is no token";
  directory_.Write("token", "two");
  clock_->Advance(TokenSource::kTokenLifetime);
  EXPECT_EQ(Text(source.Token()), "two");
}

TEST_F(TokenSourceTest, IsUnavailableUntilTheFileCouldBeReadOnce) {
  TokenSource source = FromFile();
  EXPECT_EQ(source.Token().status().code(), StatusCode::kUnavailable);
  directory_.Write("token", "  \n");
  const Status empty = source.Token().status();
  EXPECT_EQ(empty.code(), StatusCode::kUnavailable);
  EXPECT_NE(empty.message().find("is empty"), std::string::npos) << empty.message();
  directory_.Write("token", "one");
  EXPECT_EQ(Text(source.Token()), "one") << "a failure is not remembered";
}

TEST_F(TokenSourceTest, ReadsTheFileAgainSoonerAfterA401) {
  directory_.Write("token", "one");
  TokenSource source = FromFile();
  EXPECT_EQ(Text(source.Token()), "one");
  directory_.Write("token", "two");
  source.OnUnauthorized();
  EXPECT_EQ(Text(source.Token()), "one") << "but not at once each time";
  clock_->Advance(TokenSource::kPause);
  EXPECT_EQ(Text(source.Token()), "two");
  directory_.Write("token", "three");
  clock_->Advance(TokenSource::kPause);
  EXPECT_EQ(Text(source.Token()), "two") << "each 401 counts once";
}

TEST_F(TokenSourceTest, APluginsTokenIsWaitedForAsLongAsTheCallerCan) {
  FakePlugin fake;
  fake.PrintsToken("one");
  ConnectionConfig config;
  config.exec_plugin = fake.Make();
  TokenSource source(std::make_shared<const ConnectionConfig>(config), fake.clock());
  EXPECT_EQ(source.Token().status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Text(source.Token(std::chrono::steady_clock::now() + std::chrono::minutes(1))), "one");
  EXPECT_EQ(Text(source.Token()), "one");
}

}  // namespace
}  // namespace stockade::kube
