// Lists that come as the beginning of a watch (KEP-3157), and what happens where they do not.
#include <gtest/gtest.h>

#include <vector>

#include "kube/watcher.h"
#include "tests/unit/kube/watcher_fixture.h"

namespace stockade::kube {
namespace {

class WatcherStreamTest : public WatcherTest {
 protected:
  WatcherStreamTest() { options_.stream_lists = true; }

  // The watcher's next request, which must ask for a streamed list.
  ExchangePtr ExpectStream() {
    ExchangePtr exchange = server_->Next();
    if (exchange == nullptr) throw std::runtime_error("the watcher asked for nothing");
    EXPECT_TRUE(exchange->request().target.starts_with(
        "/api/v1/namespaces/ns/pods?watch=true&sendInitialEvents=true&"
        "resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds="))
        << exchange->request().target << " instead of a streamed list";
    return exchange;
  }

  static std::string EndOfList(const std::string& version) {
    return Event("BOOKMARK", R"({"metadata":{"resourceVersion":")" + version +
                                 R"(","annotations":{"k8s.io/initial-events-end":"true"}}})");
  }
};

TEST_F(WatcherStreamTest, ListsAndWatchesInOneRequest) {
  Start();
  const ExchangePtr stream = ExpectStream();
  stream->BeginChunks();
  // In any order: the versions say nothing before the list is complete.
  stream->Chunk(Event("ADDED", Object("b", "9")) + Event("ADDED", Object("a", "3")));
  EXPECT_EQ(handler_.Take(3), (Lines{"list", "item b", "item a"}));
  stream->Chunk(EndOfList("12") + Event("ADDED", Object("c", "13")));
  stream->Chunk(Event("DELETED", Object("a", "14")));
  EXPECT_EQ(handler_.Take(3), (Lines{"listed 12", "added c", "deleted a"}));
}

TEST_F(WatcherStreamTest, AnEmptyListIsItsBookmark) {
  Start();
  const ExchangePtr stream = ExpectStream();
  stream->BeginChunks();
  stream->Chunk(EndOfList("12"));
  EXPECT_EQ(handler_.Take(2), (Lines{"list", "listed 12"}));
}

TEST_F(WatcherStreamTest, OtherBookmarksDoNotEndTheList) {
  Start();
  const ExchangePtr stream = ExpectStream();
  stream->BeginChunks();
  stream->Chunk(Event("ADDED", Object("a", "3")) + Event("BOOKMARK", Object("", "9")) +
                Event("ADDED", Object("b", "4")) + EndOfList("12"));
  EXPECT_EQ(handler_.Take(4), (Lines{"list", "item a", "item b", "listed 12"}));
}

TEST_F(WatcherStreamTest, ResumesFromTheEndOfTheList) {
  Start();
  {
    const ExchangePtr stream = ExpectStream();
    stream->BeginChunks();
    stream->Chunk(Event("ADDED", Object("a", "3")) + EndOfList("12"));
    EXPECT_EQ(handler_.Take(3), (Lines{"list", "item a", "listed 12"}));
    stream->EndChunks();
  }
  const ExchangePtr watch = ExpectWatch("12");
  watch->BeginChunks();
  watch->Chunk(Event("MODIFIED", Object("a", "13")));
  EXPECT_EQ(handler_.Take(1), (Lines{"modified a"}));
}

// The list is as of before the first change, so that a store keeps what it knows to be newer.
TEST_F(WatcherStreamTest, WhatChangesWithinTheListComesAfterIt) {
  Start();
  const ExchangePtr stream = ExpectStream();
  stream->BeginChunks();
  stream->Chunk(Event("ADDED", Object("a", "3")) + Event("ADDED", Object("b", "4")) +
                Event("MODIFIED", Object("a", "9")) + Event("ADDED", Object("c", "10")) +
                Event("DELETED", Object("b", "11")) + EndOfList("12") +
                Event("MODIFIED", Object("c", "13")));
  EXPECT_EQ(handler_.Take(8), (Lines{"list", "item a", "item b", "listed 8", "modified a",
                                     "added c", "deleted b", "modified c"}));
}

class WatcherStreamRefusedTest : public WatcherStreamTest,
                                 public ::testing::WithParamInterface<int> {};

TEST_P(WatcherStreamRefusedTest, AsksForPagesFromThenOn) {
  Start();
  ExpectStream()->Respond(GetParam(), Failure(GetParam(), ""));
  ExpectList()->Respond(200, Page("7", Object("a", "3")));
  EXPECT_EQ(handler_.Take(3), (Lines{"list", "item a", "listed 7"}));
  ExpectWatch("7")->Respond(410, Failure(410, "Expired"));
  EXPECT_EQ(handler_.Take(1), (Lines{"error Gone"}));
  ExpectList()->Respond(200, Page("8", ""));
  EXPECT_EQ(handler_.Take(2), (Lines{"list", "listed 8"}));
}

INSTANTIATE_TEST_SUITE_P(Refusals, WatcherStreamRefusedTest, ::testing::Values(400, 422));

TEST_F(WatcherStreamTest, ABusyServerIsAskedForAStreamAgain) {
  Start();
  ExpectStream()->Respond(429, Failure(429, "TooManyRequests"));
  EXPECT_EQ(handler_.Take(1), (Lines{"error Throttled"}));
  const ExchangePtr stream = ExpectStream();
  stream->BeginChunks();
  stream->Chunk(EndOfList("12"));
  EXPECT_EQ(handler_.Take(2), (Lines{"list", "listed 12"}));
}

TEST_F(WatcherStreamTest, AStreamThatBreaksOffIsFollowedByPagesAndThoseByStreams) {
  Start();
  {
    const ExchangePtr stream = ExpectStream();
    stream->BeginChunks();
    stream->Chunk(Event("ADDED", Object("a", "3")));
    EXPECT_EQ(handler_.Take(2), (Lines{"list", "item a"}));
    stream->EndChunks();
  }
  EXPECT_EQ(handler_.Take(2), (Lines{"aborted", "error Unavailable"}));
  ExpectList()->Respond(200, Page("7", Object("a", "3")));
  EXPECT_EQ(handler_.Take(3), (Lines{"list", "item a", "listed 7"}));
  ExpectWatch("7")->Respond(410, Failure(410, "Expired"));
  EXPECT_EQ(handler_.Take(1), (Lines{"error Gone"}));
  ExpectStream();
}

TEST_F(WatcherStreamTest, AnErrorWithinTheListIsFollowedByPages) {
  Start();
  {
    const ExchangePtr stream = ExpectStream();
    stream->BeginChunks();
    stream->Chunk(Event("ADDED", Object("a", "3")) + Event("ERROR", Failure(410, "Expired")));
    stream->EndChunks();
  }
  EXPECT_EQ(handler_.Take(4), (Lines{"list", "item a", "aborted", "error Gone"}));
  ExpectList();
}

// As a server does that never heard of streamed lists: it takes the request for a plain watch.
TEST_F(WatcherStreamTest, AListThatNeverEndsIsGivenUp) {
  options_.timings.page_timeout = std::chrono::seconds(2);  // the answer begins before
  Start();
  const ExchangePtr stream = ExpectStream();
  stream->BeginChunks();
  EXPECT_EQ(handler_.Take(1), (Lines{"error DeadlineExceeded"}));
  ExpectList();
}

}  // namespace
}  // namespace stockade::kube
