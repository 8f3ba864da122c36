#include "runtime/event.h"

#include <gtest/gtest.h>

#include <string>

#include "base/strings.h"
#include "runtime/recent_map.h"
#include "tests/fakes/fake_clock.h"

namespace stockade::runtime {
namespace {

using codec::Json;
using std::chrono::microseconds;

Event Quota() {
  return {{"stockade.dev/v1alpha1", "AgentSandbox", "team", "agent", "uid-1", "7"},
          EventType::kWarning,
          "QuotaExceeded",
          "Reconcile",
          "no room"};
}

EventSeries Seen(Event event, std::int64_t count = 1) {
  const testing::FakeClock clock;
  return {std::move(event), "agent.1", clock.Now(), clock.Now() + microseconds(2500), count};
}

TEST(BoundedEventTest, NoteOfTheLargestSizeStays) {
  Event event = Quota();
  event.note = std::string(kMaxEventNote, 'x');
  EXPECT_EQ(Bounded(event).note, event.note);
}

TEST(BoundedEventTest, LongNoteIsCutBetweenCharacters) {
  for (std::size_t lead = 0; lead < 4; ++lead) {
    Event event = Quota();
    event.note = std::string(lead, 'x');
    for (int i = 0; i < 400; ++i) event.note += "\xE2\x82\xAC";  // the euro sign, three bytes
    const std::string note = Bounded(event).note;
    EXPECT_LE(note.size(), kMaxEventNote);
    EXPECT_GT(note.size(), kMaxEventNote - 3);
    EXPECT_EQ((note.size() - lead - std::string("...").size()) % 3, 0U) << "with " << lead;
    EXPECT_NO_THROW(Json(note).dump());
  }
}

TEST(BoundedEventTest, LongReasonAndActionAreCut) {
  Event event = Quota();
  event.reason = std::string(200, 'r');
  event.action = std::string(200, 'a');
  EXPECT_EQ(Bounded(event).reason.size(), kMaxEventWord);
  EXPECT_EQ(Bounded(event).action.size(), kMaxEventWord);
}

TEST(BoundedEventTest, BytesThatAreNoTextAreReplaced) {
  Event event = Quota();
  event.note = std::string("a\xFF\xC3(b\0c\x1B[2Jd\ne\x7F", 15);
  EXPECT_EQ(Bounded(event).note, "a\xEF\xBF\xBD\xEF\xBF\xBD(b c [2Jd e ");
}

TEST(EventKeyTest, DiffersWithEachPart) {
  const std::string key = EventKey(Quota());
  EXPECT_EQ(EventKey(Quota()), key);
  Event event = Quota();
  event.regarding.resource_version = "8";
  EXPECT_EQ(EventKey(event), key) << "the object changes while it goes on";
  for (std::string Event::* const part : {&Event::reason, &Event::action, &Event::note}) {
    event = Quota();
    event.*part += "x";
    EXPECT_NE(EventKey(event), key);
  }
  event = Quota();
  event.regarding.uid = "uid-2";
  EXPECT_NE(EventKey(event), key);
  event = Quota();
  event.type = EventType::kNormal;
  EXPECT_NE(EventKey(event), key);
  event = Quota();
  event.reason = "QuotaExceededR";
  event.action = "econcile";
  EXPECT_NE(EventKey(event), key);
}

TEST(EventNameTest, IsTheObjectsNameAndDigits) {
  EXPECT_EQ(EventName(Quota().regarding, 0xAB), "agent.00000000000000ab");
}

TEST(EventNameTest, IsAlwaysAName) {
  for (const std::string& name :
       {std::string(253, 'a'), std::string(235, 'a') + ".b", std::string("system:node"),
        std::string("UPPER"), std::string()}) {
    ObjectReference regarding = Quota().regarding;
    regarding.name = name;
    EXPECT_TRUE(IsDnsSubdomain(EventName(regarding, ~std::uint64_t{0}))) << name;
  }
}

TEST(EventObjectTest, HasEveryFieldThatTheApiServerAsksFor) {
  const Json object = EventObject(Seen(Quota()), "stockade.dev/operator", "host_1");
  const Json expected = {{"apiVersion", "events.k8s.io/v1"},
                         {"kind", "Event"},
                         {"metadata", {{"name", "agent.1"}, {"namespace", "team"}}},
                         {"eventTime", "2026-01-01T00:00:00.000000Z"},
                         {"reportingController", "stockade.dev/operator"},
                         {"reportingInstance", "host_1"},
                         {"action", "Reconcile"},
                         {"reason", "QuotaExceeded"},
                         {"regarding",
                          {{"apiVersion", "stockade.dev/v1alpha1"},
                           {"kind", "AgentSandbox"},
                           {"namespace", "team"},
                           {"name", "agent"},
                           {"uid", "uid-1"},
                           {"resourceVersion", "7"}}},
                         {"note", "no room"},
                         {"type", "Warning"}};
  EXPECT_EQ(object, expected);
}

TEST(EventObjectTest, RepeatsAreASeries) {
  const Json series = {{"count", 3}, {"lastObservedTime", "2026-01-01T00:00:00.002500Z"}};
  EXPECT_EQ(EventObject(Seen(Quota(), 3), "c", "i")["series"], series);
  EXPECT_EQ(SeriesPatch(Seen(Quota(), 3)), (Json{{"series", series}}));
}

TEST(EventObjectTest, OfAnObjectOfTheClusterIsInTheNamespaceDefault) {
  Event event = Quota();
  event.type = EventType::kNormal;
  event.regarding.namespace_name = "";
  event.regarding.resource_version = "";
  const Json object = EventObject(Seen(event), "c", "i");
  EXPECT_EQ(object["metadata"]["namespace"], "default");
  EXPECT_FALSE(object["regarding"].contains("namespace"));
  EXPECT_FALSE(object["regarding"].contains("resourceVersion"));
  EXPECT_EQ(object["type"], "Normal");
}

TEST(RecentMapTest, ForgetsWhatWasNotTouchedForTheLongest) {
  RecentMap<int> map(2);
  EXPECT_FALSE(map.Add("a", 1));
  EXPECT_FALSE(map.Add("b", 2));
  ASSERT_NE(map.Touch("a"), nullptr);
  EXPECT_EQ(map.Add("c", 3), 2);
  EXPECT_EQ(map.Touch("b"), nullptr);
  EXPECT_EQ(*map.Touch("a"), 1);
  EXPECT_EQ(*map.Touch("c"), 3);
  EXPECT_EQ(map.size(), 2U);
}

}  // namespace
}  // namespace stockade::runtime
