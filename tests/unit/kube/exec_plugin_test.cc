#include "kube/exec_plugin.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "tests/unit/kube/exec_fixture.h"

namespace stockade::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class ExecPluginTest : public ::testing::Test {
 protected:
  static ExecPlugin::TimePoint InAMinute() { return std::chrono::steady_clock::now() + minutes(1); }

  // The token to use now, or the status as text. Waits only when told to.
  static std::string Token(ExecPlugin& plugin, ExecPlugin::TimePoint wait_until = {}) {
    const auto credential = plugin.Current(wait_until);
    return credential.ok() ? (*credential)->token : credential.status().ToString();
  }
  static std::string TokenAfterWaiting(ExecPlugin& plugin) { return Token(plugin, InAMinute()); }

  // What is wrong with a plugin that runs `script`.
  [[nodiscard]] std::string Failure(const std::string& script,
                                    milliseconds timeout = minutes(1)) const {
    return Failure(FakePlugin::Script(script), timeout);
  }
  [[nodiscard]] std::string Failure(const ExecPluginConfig& config,
                                    milliseconds timeout = minutes(1)) const {
    ExecPlugin plugin(config, {.clock = fake_.clock(), .timeout = timeout});
    const Status status = plugin.Prepare();
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_TRUE(status.message().starts_with("users[u].user.exec: the command \""))
        << status.message();
    return status.message();
  }

  void Advance(std::chrono::nanoseconds duration) const { fake_.clock()->Advance(duration); }

  FakePlugin fake_;
};

TEST_F(ExecPluginTest, RunsOnceForATokenThatDoesNotExpire) {
  fake_.PrintsToken("one");
  const auto plugin = fake_.Make();
  EXPECT_EQ(fake_.runs(), 0) << "making it runs nothing";
  ASSERT_TRUE(plugin->Prepare().ok());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Token(*plugin), "one");
    Advance(std::chrono::hours(1000));
  }
  EXPECT_EQ(fake_.runs(), 1);
}

TEST_F(ExecPluginTest, AnEventLoopIsNotKeptWaitingForTheFirstRun) {
  const std::string fifo = fake_.directory().PathOf("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ExecPlugin plugin(FakePlugin::Script("cat " + fifo), {.clock = fake_.clock()});
  EXPECT_EQ(Token(plugin),
            "Unavailable: users[u].user.exec: the command \"/bin/sh\" is still being run");
  std::ofstream(fifo) << FakePlugin::Answer({{"token", "one"}});
  EXPECT_EQ(TokenAfterWaiting(plugin), "one");
}

TEST_F(ExecPluginTest, WaitingForARunEndsWithAStop) {
  ExecPlugin plugin(FakePlugin::Script("sleep 1000"), {.clock = fake_.clock()});
  std::stop_source stop;
  std::jthread stopper([&] {
    Until([&] { return Token(plugin).ends_with("is still being run"); });
    stop.request_stop();
  });
  const auto credential =
      plugin.Current(std::chrono::steady_clock::now() + std::chrono::hours(1), stop.get_token());
  EXPECT_EQ(credential.status().code(), StatusCode::kCancelled);
}

TEST_F(ExecPluginTest, RenewsItAMinuteBeforeItExpiresWhileTheOldOneGoesOn) {
  fake_.PrintsToken("one", minutes(10));
  const auto plugin = fake_.Make();
  ASSERT_TRUE(plugin->Prepare().ok());
  fake_.PrintsToken("two", minutes(30));
  Advance(minutes(9) - seconds(1));
  EXPECT_EQ(Token(*plugin), "one");
  EXPECT_EQ(fake_.runs(), 1) << "it is not due yet";
  Advance(seconds(1));
  EXPECT_EQ(Token(*plugin), "one") << "the run has only begun";
  Advance(minutes(1));
  EXPECT_EQ(TokenAfterWaiting(*plugin), "two");
  EXPECT_EQ(fake_.runs(), 2);
}

TEST_F(ExecPluginTest, RenewsAShortLifeInItsLastQuarter) {
  fake_.PrintsToken("one", seconds(40));
  const auto plugin = fake_.Make();
  ASSERT_TRUE(plugin->Prepare().ok());
  fake_.PrintsToken("two", minutes(30));
  Advance(seconds(29));
  EXPECT_EQ(Token(*plugin), "one");
  EXPECT_EQ(fake_.runs(), 1);
  Advance(seconds(1));
  EXPECT_EQ(Token(*plugin), "one");
  EXPECT_TRUE(Until([&] { return Token(*plugin) == "two"; }));
}

TEST_F(ExecPluginTest, TheOldOneGoesOnUntilItExpiresWhileRunsFail) {
  fake_.PrintsToken("one", minutes(10));
  const auto plugin = fake_.Make();
  ASSERT_TRUE(plugin->Prepare().ok());
  EXPECT_FALSE(plugin->TakeFailure().has_value());
  fake_.Prints("junk");
  Advance(minutes(9));
  std::optional<Status> failure;
  EXPECT_TRUE(Until([&] {
    EXPECT_EQ(Token(*plugin), "one");
    failure = plugin->TakeFailure();
    return failure.has_value();
  }));
  EXPECT_EQ(failure->message(), "users[u].user.exec: the command \"/bin/sh\" printed no JSON");
  EXPECT_FALSE(plugin->TakeFailure().has_value()) << "it is told once";
  EXPECT_EQ(fake_.runs(), 2);
  EXPECT_EQ(Token(*plugin), "one");
  EXPECT_EQ(fake_.runs(), 2) << "and not tried again at once";
  Advance(minutes(1));
  EXPECT_EQ(TokenAfterWaiting(*plugin), "Unavailable: " + failure->message());
  EXPECT_EQ(fake_.runs(), 3);
  EXPECT_FALSE(plugin->TakeFailure().has_value()) << "the same is no news";
  fake_.PrintsToken("two");
  EXPECT_EQ(TokenAfterWaiting(*plugin), "Unavailable: " + failure->message());
  Advance(ExecPlugin::kPause);
  EXPECT_EQ(TokenAfterWaiting(*plugin), "two");
}

TEST_F(ExecPluginTest, A401RenewsItButNotMoreOftenThanEveryFewSeconds) {
  fake_.PrintsToken("one");
  const auto plugin = fake_.Make();
  ASSERT_TRUE(plugin->Prepare().ok());
  fake_.PrintsToken("two");
  plugin->OnUnauthorized();
  Advance(ExecPlugin::kPause - milliseconds(1));
  plugin->OnUnauthorized();
  EXPECT_EQ(Token(*plugin), "one");
  EXPECT_EQ(fake_.runs(), 1) << "the credential is too young";
  Advance(milliseconds(1));
  plugin->OnUnauthorized();
  plugin->OnUnauthorized();
  EXPECT_TRUE(Until([&] { return Token(*plugin) == "two"; }));
  plugin->OnUnauthorized();
  EXPECT_EQ(Token(*plugin), "two");
  EXPECT_EQ(fake_.runs(), 2);
}

TEST_F(ExecPluginTest, ManyThreadsShareOneRun) {
  fake_.PrintsToken("one");
  const auto plugin = fake_.Make();
  std::vector<std::string> tokens(8);
  std::vector<std::thread> threads;
  threads.reserve(tokens.size());
  for (std::string& token : tokens) {
    threads.emplace_back([&] { token = TokenAfterWaiting(*plugin); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tokens, std::vector<std::string>(8, "one"));
  EXPECT_EQ(fake_.runs(), 1);
}

TEST_F(ExecPluginTest, SaysWhatIsWrongWithThePlugin) {
  EXPECT_NE(Failure("echo no >&2; exit 3").find("failed with exit code 3"), std::string::npos);
  EXPECT_NE(Failure("kill -9 $$").find("exit code 137"), std::string::npos);
  EXPECT_NE(Failure("echo junk").find("printed no JSON"), std::string::npos);
  EXPECT_NE(Failure("true").find("printed no JSON"), std::string::npos);
  EXPECT_NE(Failure("head -c 2000000 /dev/zero").find("printed more than 1048576 bytes"),
            std::string::npos);
  EXPECT_NE(
      Failure("exec sleep 1000", milliseconds(500)).find("did not end in time and was killed"),
      std::string::npos);
  fake_.PrintsToken("one", seconds(0));
  EXPECT_NE(Failure(fake_.config()).find("expired already"), std::string::npos);
}

TEST_F(ExecPluginTest, AMissingCommandComesWithItsInstallHint) {
  ExecPluginConfig config;
  config.where = "users[u].user.exec";
  config.command = "stockade-test-no-such-plugin";
  EXPECT_EQ(Failure(config),
            "users[u].user.exec: the command \"stockade-test-no-such-plugin\" cannot be run: no "
            "directory of PATH has an executable \"stockade-test-no-such-plugin\"; install it, or "
            "give its path");
  config.install_hint = "Get it from the shop.";
  const std::string hinted = Failure(config);
  EXPECT_TRUE(hinted.ends_with("\nGet it from the shop.")) << hinted;
  config.command = fake_.directory().Write("plugin", "#!/bin/sh\n");
  EXPECT_NE(Failure(config).find("is no file that can be executed"), std::string::npos);
}

TEST_F(ExecPluginTest, TellsThePluginWhatItMayKnow) {
  ::setenv("STOCKADE_TEST_INHERITED", "kept", 1);
  ::setenv("STOCKADE_TEST_REPLACED", "old", 1);
  const std::string seen = fake_.directory().PathOf("seen");
  ExecPluginConfig config = fake_.config();
  config.arguments.back() +=
      "; printf '%s|%s|%s|%s' \"$STOCKADE_TEST_INHERITED\" \"$STOCKADE_TEST_REPLACED\" \"$1\" "
      "\"$KUBERNETES_EXEC_INFO\" >" +
      seen;
  config.arguments.insert(config.arguments.end(), {"name", "an argument"});
  config.environment = {{"STOCKADE_TEST_REPLACED", "first"}, {"STOCKADE_TEST_REPLACED", "last"}};
  config.cluster_json = R"({"server":"https://api.example"})";
  fake_.PrintsToken("one");
  ExecPlugin plugin(config, {.clock = fake_.clock()});
  ASSERT_TRUE(plugin.Prepare().ok());
  std::ifstream stream(seen);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_EQ(text, "kept|last|an argument|" + ExecInfo(config));
  ::unsetenv("STOCKADE_TEST_INHERITED");
  ::unsetenv("STOCKADE_TEST_REPLACED");
}

TEST_F(ExecPluginTest, StoppingKillsARunUnderWay) {
  const std::string fifo = fake_.directory().PathOf("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  auto plugin = std::make_unique<ExecPlugin>(
      FakePlugin::Script("echo $$ >" + fifo + "; exec sleep 1000"), ExecPluginOptions{});
  EXPECT_FALSE(plugin->Current().ok());
  pid_t pid = 0;
  std::ifstream(fifo) >> pid;
  ASSERT_GT(pid, 0);
  plugin.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

// By the name of each of this process's threads, whether it takes SIGTERM. A sanitizer has one of
// its own.
std::multimap<std::string, bool> ThreadsThatTakeSigterm() {
  std::multimap<std::string, bool> threads;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    std::string name;
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Name:")) name = line.substr(6);
      if (!line.starts_with("SigBlk:")) continue;
      const auto mask = std::stoull(line.substr(8), nullptr, 16);
      threads.emplace(name, (mask & (1ULL << (SIGTERM - 1U))) == 0);
    }
  }
  return threads;
}

TEST_F(ExecPluginTest, ItsThreadLeavesSignalsToOthers) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  fake_.PrintsToken("one");
  const auto plugin = fake_.Make();
  ASSERT_TRUE(plugin->Prepare().ok());
  const auto threads = ThreadsThatTakeSigterm();
  ASSERT_EQ(threads.count(ExecPlugin::kThreadName), 1U);
  EXPECT_FALSE(threads.find(ExecPlugin::kThreadName)->second);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM)) << "the caller's own";
}

}  // namespace
}  // namespace stockade::kube
