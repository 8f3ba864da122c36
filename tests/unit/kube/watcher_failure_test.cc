// How a watcher goes on after everything that can go wrong.
#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"
#include "tests/unit/kube/watcher_fixture.h"

namespace stockade::kube {
namespace {

using stockade::testing::TemporaryDirectory;

using std::chrono::milliseconds;
using std::chrono::seconds;

class WatcherFailureTest : public WatcherTest {
 protected:
  // A watch that is under way after an empty list.
  ExchangePtr BeginWatch() {
    Start();
    AnswerEmptyList("7");
    ExchangePtr watch = ExpectWatch("7");
    watch->BeginChunks();
    return watch;
  }
};

TEST_F(WatcherFailureTest, ListsAnewWhenItsVersionIsGone) {
  Start();
  AnswerEmptyList("7");
  ExpectWatch("7")->Respond(410, Failure(410, "Expired"));
  EXPECT_EQ(handler_.Take(1), Lines{"error Gone"});
  EXPECT_EQ(handler_.last_error().message(), "because");
  ExpectList()->Respond(200, Page("50", Object("a", "40")));
  EXPECT_EQ(handler_.Take(3), (Lines{"list", "item a", "listed 50"}));
  ExpectWatch("50");
}

TEST_F(WatcherFailureTest, ListsAnewWhenItsVersionIsGoneInTheMiddleOfAWatch) {
  const ExchangePtr watch = BeginWatch();
  watch->Chunk(Event("ADDED", Object("a", "8")));
  watch->Chunk(Event("ERROR", Failure(410, "Expired")));
  EXPECT_EQ(handler_.Take(2), (Lines{"added a", "error Gone"}));
  AnswerEmptyList("50");
  ExpectWatch("50");
}

TEST_F(WatcherFailureTest, BeginsItsListAgainWhenItsContinueTokenIsGone) {
  Start();
  ExpectList()->Respond(200, Page("7", Object("a", "3"), "t1"));
  ExpectList("t1")->Respond(410, Failure(410, "Expired"));
  EXPECT_EQ(handler_.Take(4), (Lines{"list", "item a", "aborted", "error Gone"}));
  ExpectList()->Respond(200, Page("9", Object("b", "8")));
  EXPECT_EQ(handler_.Take(3), (Lines{"list", "item b", "listed 9"}));
  ExpectWatch("9");
}

TEST_F(WatcherFailureTest, BeginsItsListAgainWhenAPageBreaksOff) {
  Start();
  ExpectList()->Respond(200, Page("7", Object("a", "3"), "t1"));
  {
    const ExchangePtr page = ExpectList("t1");
    page->Write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"metadata\"");
    page->Cut();
  }
  EXPECT_EQ(handler_.Take(4), (Lines{"list", "item a", "aborted", "error Unavailable"}));
  AnswerEmptyList("9");
}

TEST_F(WatcherFailureTest, DoesNotBeginAListThatIsRefused) {
  Start();
  ExpectList()->Respond(403, Failure(403, "Forbidden"));
  EXPECT_EQ(handler_.Take(1), Lines{"error Forbidden"});
  ExpectList()->Respond(401, Failure(401, "Unauthorized"));
  EXPECT_EQ(handler_.Take(1), Lines{"error Unauthorized"});
  ExpectList()->Respond(429, "", "Retry-After: 0\r\n");
  EXPECT_EQ(handler_.Take(1), Lines{"error Throttled"});
  ExpectList()->Respond(503, "<html>");
  EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  AnswerEmptyList("9");
}

TEST_F(WatcherFailureTest, ListsAgainAfterAPageThatCannotBeUsed) {
  Start();
  for (const char* page : {
           "no JSON",
           "{}",
           R"({"metadata":{"resourceVersion":"7"},"items":{}})",
           R"({"metadata":{},"items":[]})",
           R"({"metadata":{"resourceVersion":""},"items":[]})",
       }) {
    ExpectList()->Respond(200, page);
    EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"}) << page;
  }
  ExpectList()->Respond(200, R"({"metadata":{"resourceVersion":"9"},"items":null})");
  EXPECT_EQ(handler_.Take(2), (Lines{"list", "listed 9"})) << "null is an empty list";
}

// A server whose data was restored from a backup would hold back every event until its history has
// passed the version that is asked for.
TEST_F(WatcherFailureTest, ListsAnewWhenTheServerHasOlderDataAfterACut) {
  BeginWatch()->Cut();
  EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  ExpectVersionCheck()->Respond(200, Page("6", ""));
  EXPECT_EQ(handler_.Take(1), Lines{"error Gone"});
  AnswerEmptyList("6");
  ExpectWatch("6");
}

TEST_F(WatcherFailureTest, AsksAgainWhenItCannotLearnHowNewTheDataIs) {
  BeginWatch()->Cut();
  EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  ExpectVersionCheck()->Respond(503, "");
  EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  ExpectVersionCheck()->Respond(200, Page("9", ""));
  ExpectWatch("7");
}

TEST_F(WatcherFailureTest, ResumesWhenItsConnectionIsCutWithinAnEvent) {
  {
    const ExchangePtr watch = BeginWatch();
    watch->Chunk(Event("ADDED", Object("a", "8")) + R"({"type":"ADDED","obj)");
    EXPECT_EQ(handler_.Take(1), Lines{"added a"});
    watch->Cut();
  }
  EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  const ExchangePtr resumed = ExpectWatch("8");
  EXPECT_EQ(resumed->request().connection, 2);
  resumed->BeginChunks();
  resumed->Chunk(Event("ADDED", Object("b", "9")));
  EXPECT_EQ(handler_.Take(1), Lines{"added b"}) << "of the half event nothing is left";
}

TEST_F(WatcherFailureTest, ResumesWhenItsWatchEndsWithinAnEvent) {
  {
    const ExchangePtr watch = BeginWatch();
    watch->Chunk(Event("ADDED", Object("a", "8")) + R"({"type":"ADDED","obj)");
    watch->EndChunks();
  }
  EXPECT_EQ(handler_.Take(2), (Lines{"added a", "error Unavailable"}));
  ExpectWatch("8");
}

TEST_F(WatcherFailureTest, ResumesOnANewConnectionWhenTheOldOneWasClosedAtRest) {
  {
    const ExchangePtr watch = BeginWatch();
    watch->Chunk(Event("ADDED", Object("a", "8")));
    watch->EndChunks();
    watch->Cut();
  }
  EXPECT_EQ(handler_.Take(1), Lines{"added a"});
  const ExchangePtr resumed = ExpectWatch("8");
  EXPECT_EQ(handler_.left(), 0U) << "this is nobody's failure";
}

TEST_F(WatcherFailureTest, PausesAndReportsWhenItsWatchesEndAtOnce) {
  Start();
  AnswerEmptyList("7");
  for (int i = 0; i < 3; ++i) {
    const ExchangePtr watch = ExpectWatch("7");
    watch->BeginChunks();
    watch->EndChunks();
    EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  }
  EXPECT_EQ(handler_.last_error().message(), "the watch ended at once");
}

TEST_F(WatcherFailureTest, GoesOnTryingWhileNobodyAnswers) {
  Start();
  for (int i = 0; i < 3; ++i) {
    ExpectList()->Cut();
    EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  }
  AnswerEmptyList("7");
}

TEST_F(WatcherFailureTest, ResumesAfterAnErrorEventOfAnotherKind) {
  {
    const ExchangePtr watch = BeginWatch();
    watch->Chunk(Event("ADDED", Object("a", "8")));
    watch->Chunk(Event("ERROR", Failure(500, "InternalError")));
    EXPECT_EQ(handler_.Take(2), (Lines{"added a", "error Unavailable"}));
  }
  ExpectWatch("8");
}

TEST_F(WatcherFailureTest, ListsAnewAfterThreeWatchesThatBroughtOnlyAnError) {
  Start();
  AnswerEmptyList("7");
  for (int i = 0; i < 3; ++i) {
    const ExchangePtr watch = ExpectWatch("7");
    watch->BeginChunks();
    watch->Chunk(Event("ERROR", Failure(500, "InternalError")));
    EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  }
  AnswerEmptyList("9");
}

TEST_F(WatcherFailureTest, ListsAnewAfterThreeWatchesThatWereRefusedAsMalformed) {
  Start();
  AnswerEmptyList("7");
  for (int i = 0; i < 3; ++i) {
    ExpectWatch("7")->Respond(400, Failure(400, "BadRequest"));
    EXPECT_EQ(handler_.Take(1), Lines{"error BadRequest"});
  }
  AnswerEmptyList("9");
}

TEST_F(WatcherFailureTest, ResumesHoweverOftenItsWatchesAreRefusedForAnotherReason) {
  Start();
  AnswerEmptyList("7");
  for (int i = 0; i < 5; ++i) {
    ExpectWatch("7")->Respond(503, "");
    EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  }
  ExpectWatch("7");
}

TEST_F(WatcherFailureTest, ListsAnewAfterAnEventThatCannotBeRead) {
  Start();
  for (const char* frame : {
           "no JSON\n",
           "{\"type\":\"ADDED\"}\n",
           "{\"type\":\"OTHER\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n",
       }) {
    AnswerEmptyList("7");
    const ExchangePtr watch = ExpectWatch("7");
    watch->BeginChunks();
    watch->Chunk(frame);
    EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"}) << frame;
  }
  AnswerEmptyList("7");
}

TEST_F(WatcherFailureTest, ListsAnewWhenTheServersDataWentBackInTime) {
  const ExchangePtr watch = BeginWatch();
  watch->Chunk(Event("ADDED", Object("a", "1000")));
  watch->Chunk(Event("ADDED", Object("b", "999")));
  EXPECT_EQ(handler_.Take(2), (Lines{"added a", "error Gone"}));
  AnswerEmptyList("5");
}

TEST_F(WatcherFailureTest, ListsAnewWhenItsHandlerThrows) {
  const ExchangePtr watch = BeginWatch();
  watch->Chunk(Event("ADDED", Object("poison", "8")));
  EXPECT_EQ(handler_.Take(2), (Lines{"added poison", "error Internal"}));
  EXPECT_EQ(handler_.last_error().message(), "the handler failed");
  AnswerEmptyList("9");
}

TEST_F(WatcherFailureTest, NoticesAWatchThatFellSilent) {
  options_.timings.shortest_watch = seconds(0);
  options_.timings.longest_watch = seconds(0);
  options_.timings.silence_allowed = milliseconds(100);
  const ExchangePtr watch = BeginWatch();
  EXPECT_EQ(handler_.Take(1), Lines{"error DeadlineExceeded"});
  EXPECT_TRUE(watch->WaitForClose());
  const ExchangePtr resumed = ExpectWatch("7");
  EXPECT_EQ(resumed->request().connection, 2);
}

TEST_F(WatcherFailureTest, NoticesAServerThatDoesNotAnswerAWatch) {
  options_.timings.answer_timeout = milliseconds(100);
  Start();
  AnswerEmptyList("7");
  const ExchangePtr watch = ExpectWatch("7");
  EXPECT_EQ(handler_.Take(1), Lines{"error DeadlineExceeded"});
  EXPECT_TRUE(watch->WaitForClose());
}

TEST_F(WatcherFailureTest, NoticesAPageThatDoesNotEnd) {
  options_.timings.page_timeout = milliseconds(100);
  Start();
  const ExchangePtr list = ExpectList();
  list->Write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
  EXPECT_EQ(handler_.Take(1), Lines{"error DeadlineExceeded"});
  EXPECT_TRUE(list->WaitForClose());
}

TEST_F(WatcherFailureTest, ReportsThatItHasNoTokenAndGoesOnWhenItHas) {
  const TemporaryDirectory directory;
  config_.token_file = directory.path() + "/token";
  Start();
  EXPECT_EQ(handler_.Take(1), Lines{"error Unavailable"});
  directory.Write("token", "t0ken");
  const ExchangePtr list = ExpectList();
  EXPECT_EQ(list->request().Header("authorization"), "Bearer t0ken");
}

TEST_F(WatcherFailureTest, NeverListsFromAServerThatCannotProveItsName) {
  config_.tls_server_name = "kubernetes";
  Start();
  EXPECT_EQ(handler_.Take(2), (Lines{"error Unavailable", "error Unavailable"}));
  EXPECT_TRUE(server_->Received().empty());
}

}  // namespace
}  // namespace stockade::kube
