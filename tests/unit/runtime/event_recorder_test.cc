#include "runtime/event_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "runtime/leader_fence.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scripted_server.h"
#include "tests/unit/runtime/event_server.h"

namespace stockade::runtime {
namespace {

using codec::Json;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using stockade::testing::FakeClock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Event Quota(std::string note = "no room", std::string uid = "uid-1") {
  return {{"stockade.dev/v1alpha1", "AgentSandbox", "team", "agent", std::move(uid), "7"},
          EventType::kWarning,
          "QuotaExceeded",
          "Reconcile",
          std::move(note)};
}

EventRecorderOptions Options() {
  EventRecorderOptions options;
  options.controller = "stockade.dev/operator";
  options.instance = "host_1";
  return options;
}

class EventRecorderTest : public ::testing::Test {
 protected:
  explicit EventRecorderTest(const EventRecorderOptions& options = Options())
      : recorder_(client_, options, clock_, logger_) {
    recorder_.Measure(registry_);
  }

  // Writes all that is due, and returns how many requests that took.
  std::size_t WriteAll() {
    const std::size_t before = server_.requests().size();
    while (recorder_.WriteOne()) {
    }
    return server_.requests().size() - before;
  }
  double Counted(const std::string& outcome) {
    for (const auto& family : registry_.Collect()) {
      if (family.name != "stockade_events_total") continue;
      for (const auto& metric : family.metric) {
        if (metric.label.at(0).value == outcome) return metric.counter.value;
      }
    }
    return -1;
  }

  FakeClock clock_;
  std::vector<std::string> log_;
  Logger logger_{clock_, LogLevel::kWarning,
                 [this](std::string_view line) { log_.emplace_back(line); }};
  EventServer server_;
  kube::Client client_{std::make_unique<EventTransport>(server_)};
  prometheus::Registry registry_;
  EventRecorder recorder_;
};

TEST_F(EventRecorderTest, FirstOccurrenceIsCreated) {
  recorder_.Record(Quota());
  EXPECT_TRUE(recorder_.WriteOne());
  EXPECT_FALSE(recorder_.WriteOne());
  EXPECT_THAT(server_.requests(),
              ElementsAre("POST /apis/events.k8s.io/v1/namespaces/team/events"));
  const Json event = server_.event();
  EXPECT_TRUE(event["metadata"]["name"].get<std::string>().starts_with("agent."));
  EXPECT_EQ(event["reason"], "QuotaExceeded");
  EXPECT_EQ(event["reportingController"], "stockade.dev/operator");
  EXPECT_EQ(event["reportingInstance"], "host_1");
  EXPECT_FALSE(event.contains("series"));
  EXPECT_EQ(Counted("written"), 1);
}

TEST_F(EventRecorderTest, TimeIsThatOfTheOccurrence) {
  recorder_.Record(Quota());
  clock_.Advance(seconds(5));
  WriteAll();
  EXPECT_EQ(server_.event()["eventTime"], "2026-01-01T00:00:00.000000Z");
}

TEST_F(EventRecorderTest, FirstRepeatIsASeriesAtOnce) {
  recorder_.Record(Quota());
  WriteAll();
  clock_.Advance(seconds(1));
  recorder_.Record(Quota());
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_THAT(server_.requests().back(),
              HasSubstr("PATCH /apis/events.k8s.io/v1/namespaces/team/events/agent."));
  const Json series = {{"count", 2}, {"lastObservedTime", "2026-01-01T00:00:01.000000Z"}};
  EXPECT_EQ(server_.event()["series"], series);
}

TEST_F(EventRecorderTest, RepeatsBeforeTheFirstWriteAreOneWrite) {
  for (int i = 0; i < 3; ++i) recorder_.Record(Quota());
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_EQ(server_.event()["series"]["count"], 3);
}

TEST_F(EventRecorderTest, SeriesIsWrittenOnceInThirtySecondsWithItsExactCount) {
  for (int i = 0; i < 2; ++i) {
    recorder_.Record(Quota());
    WriteAll();
  }
  for (int i = 0; i < 29; ++i) {
    clock_.Advance(seconds(1));
    recorder_.Record(Quota());
    ASSERT_EQ(WriteAll(), 0U);
  }
  clock_.Advance(seconds(1));
  EXPECT_EQ(WriteAll(), 1U);
  const Json series = {{"count", 31}, {"lastObservedTime", "2026-01-01T00:00:29.000000Z"}};
  EXPECT_EQ(server_.event()["series"], series);
}

TEST_F(EventRecorderTest, SeriesEndsAfterSixMinutesOfSilence) {
  recorder_.Record(Quota());
  WriteAll();
  clock_.Advance(minutes(6) - seconds(1));
  recorder_.Record(Quota());
  WriteAll();
  EXPECT_EQ(server_.event()["series"]["count"], 2);
  clock_.Advance(minutes(6));
  recorder_.Record(Quota());
  WriteAll();
  EXPECT_EQ(server_.events().size(), 2U);
}

TEST_F(EventRecorderTest, LastCountIsWrittenThoughTheSeriesFallsSilent) {
  for (int i = 0; i < 2; ++i) {
    recorder_.Record(Quota());
    WriteAll();
  }
  recorder_.Record(Quota());
  EXPECT_EQ(WriteAll(), 0U);
  clock_.Advance(minutes(10));
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_EQ(server_.event()["series"]["count"], 3);
}

TEST_F(EventRecorderTest, WhatDiffersIsNoRepeat) {
  recorder_.Record(Quota());
  recorder_.Record(Quota("less room"));
  recorder_.Record(Quota("no room", "uid-2"));
  WriteAll();
  EXPECT_EQ(server_.events().size(), 3U);
}

TEST_F(EventRecorderTest, EventThatIsGoneIsCreatedAnewWithItsSeries) {
  recorder_.Record(Quota());
  WriteAll();
  server_.Forget();
  recorder_.Record(Quota());
  EXPECT_EQ(WriteAll(), 2U);
  EXPECT_EQ(server_.event()["reason"], "QuotaExceeded");
  EXPECT_EQ(server_.event()["series"]["count"], 2);
  EXPECT_EQ(Counted("failed"), 0);
}

TEST_F(EventRecorderTest, RefusedEventIsDroppedWithOneLineInAWhile) {
  for (const int code : {403, 404, 422, 400}) {
    server_.FailNext(code);
    recorder_.Record(Quota("answered " + std::to_string(code)));
    ASSERT_EQ(WriteAll(), 1U) << code;
    clock_.Advance(minutes(1));
    ASSERT_EQ(WriteAll(), 0U) << code;
  }
  EXPECT_EQ(Counted("failed"), 4);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr("an event was not written"));
  EXPECT_THAT(log_[0], HasSubstr("AgentSandbox team/agent"));
  server_.FailNext(403);
  recorder_.Record(Quota("once more"));
  clock_.Advance(minutes(5));
  WriteAll();
  EXPECT_EQ(log_.size(), 2U);
}

TEST_F(EventRecorderTest, RepeatOfARefusedEventTriesAgainAfterAPause) {
  server_.FailNext(403);
  recorder_.Record(Quota());
  WriteAll();
  recorder_.Record(Quota());
  EXPECT_EQ(WriteAll(), 0U);
  clock_.Advance(seconds(30));
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_EQ(server_.event()["series"]["count"], 2);
}

TEST_F(EventRecorderTest, FailureThatMayPassIsTriedAgain) {
  for (const int code : {0, 500, 503, 504, 429, 401}) {
    server_.Forget();
    server_.FailNext(code);
    recorder_.Record(Quota("answered " + std::to_string(code)));
    EXPECT_EQ(WriteAll(), 1U);
    clock_.Advance(milliseconds(999));
    EXPECT_EQ(WriteAll(), 0U);
    clock_.Advance(milliseconds(1));
    EXPECT_EQ(WriteAll(), 1U);
    EXPECT_EQ(server_.events().size(), 1U) << code;
  }
  EXPECT_EQ(Counted("failed"), 0);
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(EventRecorderTest, ServerSaysHowLongToWait) {
  server_.FailNext(429, seconds(20));
  recorder_.Record(Quota());
  WriteAll();
  clock_.Advance(seconds(19));
  EXPECT_EQ(WriteAll(), 0U);
  clock_.Advance(seconds(1));
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_EQ(server_.events().size(), 1U);
}

TEST_F(EventRecorderTest, IsGivenUpAfterFiveTries) {
  for (int i = 0; i < 5; ++i) server_.FailNext(503);
  recorder_.Record(Quota());
  std::vector<std::int64_t> tried;
  for (int second = 0; second < 100; ++second) {
    if (WriteAll() > 0) tried.push_back(second);
    clock_.Advance(seconds(1));
  }
  EXPECT_THAT(tried, ElementsAre(0, 1, 3, 7, 15));
  EXPECT_EQ(Counted("failed"), 1);
  EXPECT_EQ(log_.size(), 1U);
}

TEST_F(EventRecorderTest, OneThatFailsHoldsUpNoOther) {
  server_.FailNext(503);
  recorder_.Record(Quota("first"));
  recorder_.Record(Quota("second"));
  WriteAll();
  EXPECT_EQ(server_.event()["note"], "second");
}

TEST_F(EventRecorderTest, AnswerThatIsLostMakesNoSecondEvent) {
  server_.LoseNextAnswer();
  recorder_.Record(Quota());
  WriteAll();
  clock_.Advance(seconds(1));
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_EQ(server_.events().size(), 1U);
  clock_.Advance(minutes(1));
  EXPECT_EQ(WriteAll(), 0U);
}

TEST_F(EventRecorderTest, WhatHappenedSinceALostAnswerIsTold) {
  server_.LoseNextAnswer();
  recorder_.Record(Quota());
  WriteAll();
  recorder_.Record(Quota());
  clock_.Advance(seconds(1));
  EXPECT_EQ(WriteAll(), 2U);
  EXPECT_EQ(server_.event()["series"]["count"], 2);
}

TEST_F(EventRecorderTest, OneObjectHasTwentyFiveEventsAndThenOneInFiveMinutes) {
  for (int i = 0; i < 30; ++i) recorder_.Record(Quota("note " + std::to_string(i)));
  EXPECT_EQ(WriteAll(), 25U);
  EXPECT_EQ(Counted("dropped"), 5);
  clock_.Advance(minutes(5) - seconds(1));
  recorder_.Record(Quota("too early"));
  EXPECT_EQ(WriteAll(), 0U);
  clock_.Advance(seconds(1));
  recorder_.Record(Quota("in time"));
  recorder_.Record(Quota("too many"));
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_EQ(Counted("dropped"), 7);
  recorder_.Record(Quota("another's", "uid-2"));
  EXPECT_EQ(WriteAll(), 1U);
}

TEST_F(EventRecorderTest, RepeatsAreCountedThoughTheObjectHasTooManyEvents) {
  for (int i = 0; i < 30; ++i) recorder_.Record(Quota("note " + std::to_string(i)));
  WriteAll();
  recorder_.Record(Quota("note 0"));
  EXPECT_EQ(WriteAll(), 1U);
  EXPECT_THAT(server_.requests().back(), HasSubstr("PATCH"));
}

TEST_F(EventRecorderTest, AfterItStoppedEverythingIsDropped) {
  recorder_.Stop();
  recorder_.Record(Quota());
  EXPECT_EQ(WriteAll(), 0U);
  EXPECT_EQ(Counted("dropped"), 1);
}

class SmallEventRecorderTest : public EventRecorderTest {
 protected:
  static EventRecorderOptions Small() {
    EventRecorderOptions options = Options();
    options.queue = 2;
    options.memory.capacity = 2;
    options.instance = std::string(300, 'h');
    return options;
  }
  SmallEventRecorderTest() : EventRecorderTest(Small()) {}
};

TEST_F(SmallEventRecorderTest, WhatTheQueueDoesNotHoldIsDropped) {
  for (const char* note : {"a", "b", "c", "d"}) recorder_.Record(Quota(note));
  WriteAll();
  EXPECT_EQ(server_.events().size(), 2U);
  EXPECT_EQ(Counted("dropped"), 2);
}

TEST_F(SmallEventRecorderTest, OldestSeriesIsForgotten) {
  for (const char* note : {"a", "b", "a", "c"}) {
    recorder_.Record(Quota(note));
    WriteAll();
  }
  EXPECT_EQ(server_.events().size(), 3U);
  recorder_.Record(Quota("a"));
  WriteAll();
  EXPECT_EQ(server_.events().size(), 3U);
  recorder_.Record(Quota("b"));
  WriteAll();
  EXPECT_EQ(server_.events().size(), 4U);
  // Of a, which had to go, the third occurrence had not been written.
  recorder_.Record(Quota("d"));
  WriteAll();
  EXPECT_EQ(Counted("dropped"), 1);
}

TEST_F(SmallEventRecorderTest, LongIdentityIsCut) {
  recorder_.Record(Quota());
  WriteAll();
  EXPECT_EQ(server_.event()["reportingInstance"].get<std::string>().size(), kMaxEventWord);
}

TEST(FencedEventRecorderTest, ProcessThatDoesNotLeadWritesNothing) {
  const FakeClock clock;
  Logger logger(clock, LogLevel::kWarning, [](std::string_view line) { FAIL() << line; });
  EventServer server;
  const auto fence = std::make_shared<LeaderFence>(clock);
  kube::Client client(MakeFencedTransport(std::make_unique<EventTransport>(server), fence));
  prometheus::Registry registry;
  EventRecorder recorder(client, Options(), clock, logger);
  recorder.Measure(registry);
  recorder.Record(Quota());
  EXPECT_TRUE(recorder.WriteOne());
  EXPECT_FALSE(recorder.WriteOne());
  EXPECT_THAT(server.requests(), IsEmpty());
  fence->Extend(seconds(10), seconds(15));
  recorder.Record(Quota("of another time"));
  EXPECT_TRUE(recorder.WriteOne());
  EXPECT_EQ(server.events().size(), 1U);
}

// With the recorder's own thread, on the real clock.
class EventRecorderThreadTest : public ::testing::Test {
 protected:
  SystemClock clock_;
  Logger logger_{clock_, LogLevel::kError, [](std::string_view) {}};
};

TEST_F(EventRecorderThreadTest, WritesWhatAnyThreadRecords) {
  EventServer server;
  kube::Client client(std::make_unique<EventTransport>(server));
  EventRecorder recorder(client, Options(), clock_, logger_);
  recorder.Start();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&recorder, i] {
        for (int j = 0; j < 50; ++j) recorder.Record(Quota("seen", "uid-" + std::to_string(i)));
      });
    }
  }
  recorder.Stop();
  const auto events = server.events();
  ASSERT_EQ(events.size(), 4U);
  for (const auto& [name, event] : events) EXPECT_EQ(event["series"]["count"], 50);
}

TEST_F(EventRecorderThreadTest, StopWritesTheCountsThatWaitForTheirTurn) {
  EventServer server;
  kube::Client client(std::make_unique<EventTransport>(server));
  EventRecorder recorder(client, Options(), clock_, logger_);
  recorder.Start();
  for (std::size_t writes = 1; writes <= 2; ++writes) {
    recorder.Record(Quota());
    while (server.requests().size() < writes) std::this_thread::yield();
  }
  recorder.Record(Quota());
  recorder.Stop();
  EXPECT_EQ(server.event()["series"]["count"], 3);
}

TEST_F(EventRecorderThreadTest, StopDoesNotWaitForAServerThatHangs) {
  stockade::testing::ServerOptions server_options;
  server_options.tls = false;
  stockade::testing::ScriptedServer server(std::move(server_options));
  kube::ConnectionConfig config;
  config.tls = false;
  config.host = "127.0.0.1";
  config.port = server.port();
  kube::Client client(
      kube::MakeBeastTransport(std::make_shared<const kube::ConnectionConfig>(config)),
      milliseconds(200));
  EventRecorder recorder(client, Options(), clock_, logger_);
  recorder.Start();
  recorder.Record(Quota("first"));
  const auto hanging = server.Next();
  ASSERT_NE(hanging, nullptr);
  EXPECT_EQ(hanging->request().method, "POST");
  for (int i = 0; i < 50; ++i) recorder.Record(Quota("note " + std::to_string(i)));
  recorder.Stop();
  for (const auto& request : server.Received()) EXPECT_EQ(request.method, "POST");
}

TEST_F(EventRecorderThreadTest, StopTriesOnceWhetherTheServerAnswersAgain) {
  // This clock stands still, so that nothing that failed is tried again before the end.
  const FakeClock clock;
  EventServer server;
  for (int i = 0; i < 10; ++i) server.FailNext(503);
  kube::Client client(std::make_unique<EventTransport>(server));
  EventRecorder recorder(client, Options(), clock, logger_);
  recorder.Start();
  for (int i = 0; i < 3; ++i) recorder.Record(Quota("note " + std::to_string(i)));
  while (server.requests().size() < 3) std::this_thread::yield();
  recorder.Stop();
  EXPECT_EQ(server.requests().size(), 4U);
}

}  // namespace
}  // namespace stockade::runtime
