// A watcher whose credentials change under way.
#include <gtest/gtest.h>

#include "tests/unit/kube/exec_fixture.h"
#include "tests/unit/kube/watcher_fixture.h"

namespace stockade::kube {
namespace {

using testing::TestIdentity;

class WatcherCredentialsTest : public WatcherTest {
 protected:
  WatcherCredentialsTest() {
    testing::ServerOptions server;
    server.identity = authority_.Issue({.alternative_names = "IP:127.0.0.1"});
    server.client_authority = authority_.certificate();
    server_ = std::make_unique<testing::ScriptedServer>(std::move(server));
    config_.port = server_->port();
    options_.clock = fake_.clock();
  }
  ~WatcherCredentialsTest() override { watcher_.reset(); }
  WatcherCredentialsTest(const WatcherCredentialsTest&) = delete;
  WatcherCredentialsTest& operator=(const WatcherCredentialsTest&) = delete;

  void UseFiles(const TestIdentity& identity) {
    config_.client_certificate_pem = identity.certificate;
    config_.client_key_pem = identity.key;
    config_.client_certificate_file = fake_.directory().Write("client.crt", identity.certificate);
    config_.client_key_file = fake_.directory().Write("client.key", identity.key);
  }
  [[nodiscard]] TestIdentity Issue(const std::string& name) const {
    return authority_.Issue({.common_name = name});
  }
  // Brings an event, and ends the watch well.
  void EndWithEvent(testing::Exchange& watch, const std::string& version) {
    watch.Chunk(Event("ADDED", Object("a" + version, version)));
    EXPECT_EQ(handler_.Take(1), Lines{"added a" + version});
    watch.EndChunks();
  }

  FakePlugin fake_;
};

TEST_F(WatcherCredentialsTest, NewFilesCountFromTheNextWatchOn) {
  UseFiles(Issue("one"));
  Start();
  AnswerEmptyList("7");
  ExchangePtr watch = ExpectWatch("7");
  EXPECT_EQ(watch->request().client_name, "one");
  const int first = watch->request().connection;
  watch->BeginChunks();
  const TestIdentity two = Issue("two");
  fake_.directory().Write("client.crt", two.certificate);
  fake_.directory().Write("client.key", two.key);
  fake_.clock()->Advance(std::chrono::minutes(1));
  EndWithEvent(*watch, "8");
  watch.reset();
  watch = ExpectWatch("8");
  EXPECT_EQ(watch->request().client_name, "two");
  EXPECT_NE(watch->request().connection, first) << "the connection of the old one is not reused";
  const int second = watch->request().connection;
  watch->BeginChunks();
  fake_.clock()->Advance(std::chrono::minutes(1));
  EndWithEvent(*watch, "9");
  watch.reset();
  watch = ExpectWatch("9");
  EXPECT_EQ(watch->request().connection, second) << "nothing has changed";
}

TEST_F(WatcherCredentialsTest, FilesThatCannotBeUsedAreToldOnceAndTheOldOnesGoOn) {
  UseFiles(Issue("one"));
  Start();
  AnswerEmptyList("7");
  ExchangePtr watch = ExpectWatch("7");
  fake_.directory().Write("client.key", "half");
  for (int version = 8; version < 11; ++version) {
    watch->BeginChunks();
    fake_.clock()->Advance(std::chrono::minutes(1));
    EndWithEvent(*watch, std::to_string(version));
    watch.reset();
    watch = ExpectWatch(std::to_string(version));
    EXPECT_EQ(watch->request().client_name, "one");
    if (version == 8) {
      EXPECT_EQ(handler_.Take(1), Lines{"error BadRequest"});
      const std::string message = handler_.last_error().message();
      EXPECT_NE(message.find("the last ones go on"), std::string::npos) << message;
    }
  }
  EXPECT_EQ(handler_.left(), 0U);
}

TEST_F(WatcherCredentialsTest, A401RenewsThePluginsToken) {
  fake_.PrintsToken("one");
  config_.exec_plugin = fake_.Make();
  ASSERT_TRUE(config_.exec_plugin->Prepare().ok());
  fake_.PrintsToken("two");
  Start();
  ExchangePtr list = ExpectList();
  EXPECT_EQ(list->request().Header("authorization"), "Bearer one");
  fake_.clock()->Advance(ExecPlugin::kPause);
  list->Respond(401, Failure(401, "Unauthorized"));
  list.reset();
  EXPECT_EQ(handler_.Take(1), Lines{"error Unauthorized"});
  EXPECT_TRUE(Until([&] {
    list = ExpectList();
    if (list->request().Header("authorization") == "Bearer two") return true;
    list->Respond(401, Failure(401, "Unauthorized"));
    list.reset();
    return false;
  }));
  EXPECT_EQ(fake_.runs(), 2);
}

TEST_F(WatcherCredentialsTest, GoesOnOnceThePluginHasACredential) {
  fake_.Prints("junk");
  config_.exec_plugin = fake_.Make();
  EXPECT_FALSE(config_.exec_plugin->Prepare().ok());
  Start();
  EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  EXPECT_NE(handler_.last_error().message().find("users[u].user.exec"), std::string::npos);
  fake_.PrintsToken("one");
  fake_.clock()->Advance(ExecPlugin::kPause);
  const ExchangePtr list = ExpectList();
  EXPECT_EQ(list->request().Header("authorization"), "Bearer one");
}

}  // namespace
}  // namespace stockade::kube
