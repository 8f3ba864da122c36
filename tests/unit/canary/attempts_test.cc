#include "canary/attempts.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "sockets.h"

namespace stockade::canary {
namespace {

using std::chrono::milliseconds;

Attempt TryOne(const Target& target, milliseconds timeout = milliseconds(200)) {
  return Try({&target, 1}, timeout).front();
}

TEST(AttemptsTest, AConnectionIsOpen) {
  for (const char* host : {"127.0.0.1", "127.9.8.7", "::1"}) {
    const Listener listener(host);
    EXPECT_EQ(TryOne(listener.target()).outcome, Outcome::kOpen) << host;
  }
}

TEST(AttemptsTest, ARefusedConnectionIsShut) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    const ClosedPort port(SOCK_STREAM, host);
    const Attempt attempt = TryOne(port.target());
    EXPECT_EQ(attempt.outcome, Outcome::kRefused) << host;
    EXPECT_EQ(attempt.error, ECONNREFUSED) << host;
  }
}

TEST(AttemptsTest, AConnectionThatNobodyTakesIsShutWhenItsTimeIsOver) {
  const SilentListener listener;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(TryOne(listener.target()).outcome, Outcome::kSilent);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(200));
}

TEST(AttemptsTest, AnAnsweredQueryIsOpen) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    const UdpServer server(0, host);
    EXPECT_EQ(TryOne(server.target(), std::chrono::seconds(20)).outcome, Outcome::kOpen) << host;
  }
}

TEST(AttemptsTest, TheQueryIsForTheNameServersOfTheRoot) {
  const UdpServer server;
  ASSERT_EQ(TryOne(server.target(), std::chrono::seconds(20)).outcome, Outcome::kOpen);
  ASSERT_EQ(server.query().size(), 17U);
  EXPECT_EQ(server.query().substr(2), std::string("\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                                  "\x00\x00\x02\x00\x01",
                                                  15));
}

TEST(AttemptsTest, AQueryThatIsLostIsAskedAgain) {
  const UdpServer server(1);
  EXPECT_EQ(TryOne(server.target(), std::chrono::seconds(4)).outcome, Outcome::kOpen);
  EXPECT_EQ(server.queries(), 2);
}

TEST(AttemptsTest, AQueryWithoutAnAnswerIsShut) {
  const UdpServer silent(1000);
  EXPECT_EQ(TryOne(silent.target()).outcome, Outcome::kSilent);
  // Bound and not connected to: the kernel keeps what arrives.
  const ClosedPort unread(SOCK_DGRAM);
  EXPECT_EQ(TryOne(unread.target()).outcome, Outcome::kSilent);
}

TEST(AttemptsTest, AQueryToNobodyIsRefused) {
  Target nobody;
  {
    const ClosedPort port(SOCK_DGRAM);
    nobody = port.target();
  }
  EXPECT_EQ(TryOne(nobody).outcome, Outcome::kRefused);
}

TEST(AttemptsTest, AllAreTriedAtOnceAndKeepTheirOrder) {
  const SilentListener silent;
  const ClosedPort closed;
  const Listener open;
  const UdpServer udp;
  std::vector<Target> targets;
  for (int i = 0; i < 10; ++i) {
    targets.push_back(silent.target());
    targets.push_back(closed.target());
    targets.push_back(open.target());
    targets.push_back(udp.target());
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto attempts = Try(targets, std::chrono::seconds(3));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25)) << "not 30 s";
  for (std::size_t i = 0; i < attempts.size(); i += 4) {
    EXPECT_EQ(attempts[i].outcome, Outcome::kSilent);
    EXPECT_EQ(attempts[i + 1].outcome, Outcome::kRefused);
    EXPECT_EQ(attempts[i + 2].outcome, Outcome::kOpen);
    EXPECT_EQ(attempts[i + 3].outcome, Outcome::kOpen);
  }
}

TEST(AttemptsTest, OnlyErrorsOfTheNetworkCountAsShut) {
  for (const int error : {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EACCES, EPERM, EAFNOSUPPORT,
                          EADDRNOTAVAIL, ENETDOWN}) {
    EXPECT_EQ(OutcomeOf(error), Outcome::kRefused) << error;
  }
  EXPECT_EQ(OutcomeOf(ETIMEDOUT), Outcome::kSilent);
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EBADF, EFAULT, 0}) {
    EXPECT_EQ(OutcomeOf(error), Outcome::kFailed) << error;
  }
}

}  // namespace
}  // namespace stockade::canary
