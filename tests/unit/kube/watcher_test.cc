// What a watcher does while all goes well. Failures are in watcher_failure_test.cc.
#include "kube/watcher.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/kube/watcher_fixture.h"

namespace stockade::kube {
namespace {

TEST_F(WatcherTest, ListsPageByPageAndThenWatchesFromThere) {
  Start();
  ExpectList()->Respond(200, Page("7", Object("a", "3") + "," + Object("b", "4"), "t1"));
  ExpectList("t1")->Respond(200, Page("7", Object("c", "5"), "t2"));
  ExpectList("t2")->Respond(200, Page("7", Object("d", "6")));
  EXPECT_EQ(handler_.Take(6), (Lines{"list", "item a", "item b", "item c", "item d", "listed 7"}));

  const ExchangePtr watch = ExpectWatch("7");
  watch->BeginChunks();
  watch->Chunk(Event("ADDED", Object("e", "8")));
  watch->Chunk(Event("MODIFIED", Object("a", "9")) + Event("DELETED", Object("b", "10")));
  EXPECT_EQ(handler_.Take(3), (Lines{"added e", "modified a", "deleted b"}));
}

TEST_F(WatcherTest, AsksForWhatItsOptionsSay) {
  options_.namespace_name.clear();
  options_.label_selector = "app=a,b";
  options_.field_selector = "spec.nodeName=n";
  options_.page_size = 3;
  options_.timings.shortest_watch = std::chrono::seconds(17);
  options_.timings.longest_watch = std::chrono::seconds(17);
  config_.token = "t0ken";
  config_.user_agent = "stockade/test";
  config_.path_prefix = "/prefix";
  Start();
  const ExchangePtr list = server_->Next();
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->request().target,
            "/prefix/api/v1/pods?limit=3&labelSelector=app%3Da%2Cb&fieldSelector="
            "spec.nodeName%3Dn");
  EXPECT_EQ(list->request().Header("authorization"), "Bearer t0ken");
  EXPECT_EQ(list->request().Header("user-agent"), "stockade/test");
  list->Respond(200, Page("7", ""));
}

TEST_F(WatcherTest, SendsItsSelectorsWithTheWatchToo) {
  options_.label_selector = "app=a";
  options_.timings.shortest_watch = std::chrono::seconds(17);
  options_.timings.longest_watch = std::chrono::seconds(17);
  Start();
  server_->Next()->Respond(200, Page("7", ""));
  const ExchangePtr watch = server_->Next();
  ASSERT_NE(watch, nullptr);
  EXPECT_EQ(watch->request().target,
            "/api/v1/namespaces/ns/pods?watch=true&resourceVersion=7&allowWatchBookmarks=true&"
            "timeoutSeconds=17&labelSelector=app%3Da");
}

TEST_F(WatcherTest, TheTimesOfItsWatchesLieBetweenTheirBounds) {
  options_.timings.shortest_watch = std::chrono::seconds(20);
  options_.timings.longest_watch = std::chrono::seconds(22);
  Start();
  AnswerEmptyList("7");
  for (int i = 0; i < 20; ++i) {
    const ExchangePtr watch = ExpectWatch(std::to_string(7 + i));
    const std::string& target = watch->request().target;
    const std::string seconds = target.substr(target.rfind('=') + 1);
    EXPECT_TRUE(seconds == "20" || seconds == "21" || seconds == "22") << seconds;
    watch->BeginChunks();
    watch->Chunk(Event("BOOKMARK", Object("", std::to_string(8 + i))));
    watch->EndChunks();
  }
}

TEST_F(WatcherTest, TakesEventsHoweverTheyAreCut) {
  Start();
  AnswerEmptyList("7");
  const ExchangePtr watch = ExpectWatch("7");
  watch->BeginChunks();
  const std::string events = Event("ADDED", Object("a", "8")) + Event("DELETED", Object("a", "9"));
  for (const char byte : events) watch->Chunk(std::string_view(&byte, 1));
  EXPECT_EQ(handler_.Take(2), (Lines{"added a", "deleted a"}));
}

TEST_F(WatcherTest, TakesAnEventFarLargerThanItsReads) {
  Start();
  AnswerEmptyList("7");
  const ExchangePtr watch = ExpectWatch("7");
  watch->BeginChunks();
  watch->Chunk(Event("ADDED", R"({"metadata":{"name":"a","resourceVersion":"8"},"data":")" +
                                  std::string(1000000, 'x') + "\"}"));
  watch->Chunk(Event("ADDED", Object("b", "9")));
  EXPECT_EQ(handler_.Take(2), (Lines{"added a", "added b"}));
}

TEST_F(WatcherTest, ResumesWithoutAListAfterItsWatchEnded) {
  Start();
  AnswerEmptyList("7");
  {
    const ExchangePtr watch = ExpectWatch("7");
    watch->BeginChunks();
    watch->Chunk(Event("ADDED", Object("a", "8")));
    watch->EndChunks();
  }
  const ExchangePtr resumed = ExpectWatch("8");
  EXPECT_EQ(resumed->request().connection, 1) << "on the same connection";
  resumed->BeginChunks();
  resumed->Chunk(Event("DELETED", Object("a", "9")));
  EXPECT_EQ(handler_.Take(2), (Lines{"added a", "deleted a"}));
}

TEST_F(WatcherTest, BookmarksAdvanceTheVersionAndNothingElse) {
  Start();
  AnswerEmptyList("7");
  {
    const ExchangePtr watch = ExpectWatch("7");
    watch->BeginChunks();
    watch->Chunk(Event("BOOKMARK", Object("", "20")));
    watch->Chunk(Event("BOOKMARK", Object("", "30")));
    watch->EndChunks();
  }
  const ExchangePtr resumed = ExpectWatch("30");
  EXPECT_EQ(handler_.left(), 0U);
}

TEST_F(WatcherTest, OneThreadServesManyWatchers) {
  constexpr int kWatchers = 5;
  std::vector<std::unique_ptr<RecordingHandler>> handlers;
  std::vector<std::unique_ptr<Watcher>> watchers;
  const auto config = std::make_shared<const ConnectionConfig>(config_);
  for (int i = 0; i < kWatchers; ++i) {
    handlers.push_back(std::make_unique<RecordingHandler>());
    watchers.push_back(std::make_unique<Watcher>(io_, config, kPods, options_, *handlers.back()));
    watchers.back()->Start();
  }
  // The list of one may come after the watch of another.
  std::vector<ExchangePtr> watches;
  for (int i = 0; i < 2 * kWatchers; ++i) {
    ExchangePtr exchange = server_->Next();
    ASSERT_NE(exchange, nullptr);
    if (exchange->request().target.find("watch=true") != std::string::npos) {
      watches.push_back(std::move(exchange));
    } else {
      exchange->Respond(200, Page("7", Object("a", "3")));
    }
  }
  EXPECT_EQ(watches.size(), std::size_t{kWatchers});
  for (const ExchangePtr& watch : watches) {
    watch->BeginChunks();
    watch->Chunk(Event("DELETED", Object("a", "8")));
  }
  for (const auto& handler : handlers) {
    EXPECT_EQ(handler->Take(4), (Lines{"list", "item a", "listed 7", "deleted a"}));
  }
}

TEST_F(WatcherTest, IsSilentOnceDestroyedInTheMiddleOfItsWatch) {
  Start();
  AnswerEmptyList("7");
  const ExchangePtr watch = ExpectWatch("7");
  watch->BeginChunks();
  watch->Chunk(Event("ADDED", Object("a", "8")));
  EXPECT_EQ(handler_.Take(1), Lines{"added a"});
  watcher_.reset();
  watch->Chunk(Event("ADDED", Object("b", "9")));
  EXPECT_TRUE(watch->WaitForClose());
  EXPECT_EQ(handler_.left(), 0U);
}

TEST_F(WatcherTest, IsSilentOnceDestroyedUnderAFloodOfEvents) {
  Start();
  AnswerEmptyList("7");
  const ExchangePtr watch = ExpectWatch("7");
  watch->BeginChunks();
  std::thread flood([&watch] {
    for (int version = 8; watch->Chunk(Event("ADDED", Object("a", std::to_string(version))));) {
      ++version;
    }
  });
  EXPECT_EQ(handler_.Take(100).size(), 100U);
  watcher_.reset();
  const std::size_t left = handler_.left();
  flood.join();
  EXPECT_EQ(handler_.left(), left);
}

TEST_F(WatcherTest, IsSilentOnceDestroyedWhileItLists) {
  Start();
  const ExchangePtr list = ExpectList();
  list->Write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"metadata\"");
  watcher_.reset();
  EXPECT_TRUE(list->WaitForClose());
  EXPECT_EQ(handler_.left(), 0U);
}

TEST_F(WatcherTest, CanBeDestroyedAtOnceAndWithoutAStart) {
  for (int i = 0; i < 50; ++i) {
    Start();
    watcher_.reset();
  }
  const Watcher idle(io_, std::make_shared<const ConnectionConfig>(config_), kPods, options_,
                     handler_);
}

}  // namespace
}  // namespace stockade::kube
