#include "kube/watch_frames.h"

#include <gtest/gtest.h>

#include <vector>

namespace stockade::kube {
namespace {

// Every line that the splitter has by now.
std::vector<std::string> Lines(FrameSplitter& splitter) {
  std::vector<std::string> lines;
  for (;;) {
    const auto line = splitter.Next();
    if (!line.ok()) {
      lines.push_back("error " + std::string(StatusCodeName(line.status().code())));
      return lines;
    }
    if (!*line) return lines;
    lines.emplace_back(**line);
  }
}

using List = std::vector<std::string>;

TEST(FrameSplitterTest, JoinsPiecesOfOneLine) {
  FrameSplitter splitter(100);
  splitter.Append("{\"ty");
  EXPECT_EQ(Lines(splitter), List{});
  splitter.Append("pe\":");
  EXPECT_EQ(Lines(splitter), List{});
  splitter.Append("1}\n");
  EXPECT_EQ(Lines(splitter), List{"{\"type\":1}"});
  EXPECT_TRUE(splitter.empty());
}

TEST(FrameSplitterTest, CutsOnePieceIntoItsLines) {
  FrameSplitter splitter(100);
  splitter.Append("a\nb\nc");
  EXPECT_EQ(Lines(splitter), (List{"a", "b"}));
  EXPECT_FALSE(splitter.empty()) << "c waits for its end";
  splitter.Append("d\n");
  EXPECT_EQ(Lines(splitter), List{"cd"});
}

TEST(FrameSplitterTest, GivesTheSameLinesWhereverThePiecesEnd) {
  const std::string stream = "first\n\nsecond line\n \t\r\nx\n";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    FrameSplitter splitter(100);
    List lines;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      splitter.Append(stream.substr(at, size));
      for (const std::string& line : Lines(splitter)) lines.push_back(line);
    }
    EXPECT_EQ(lines, (List{"first", "second line", "x"})) << "in pieces of " << size;
    EXPECT_TRUE(splitter.empty());
  }
}

TEST(FrameSplitterTest, RefusesALineBeyondTheLimit) {
  FrameSplitter splitter(4);
  splitter.Append("1234\n");
  EXPECT_EQ(Lines(splitter), List{"1234"});
  splitter.Append("12345\n");
  EXPECT_EQ(Lines(splitter), List{"error Unavailable"});
}

TEST(FrameSplitterTest, RefusesALineBeyondTheLimitBeforeItsEnd) {
  FrameSplitter splitter(4);
  splitter.Append("1234");
  EXPECT_EQ(Lines(splitter), List{});
  splitter.Append("5");
  EXPECT_EQ(Lines(splitter), List{"error Unavailable"});
}

TEST(FrameSplitterTest, ForgetsWhatItHoldsWhenCleared) {
  FrameSplitter splitter(100);
  splitter.Append("a\nhalf");
  splitter.Clear();
  EXPECT_TRUE(splitter.empty());
  splitter.Append("b\n");
  EXPECT_EQ(Lines(splitter), List{"b"});
}

TEST(FrameSplitterTest, TakesLinesFarLargerThanItKeeps) {
  const std::string large(std::size_t{3} * 1024 * 1024, 'x');
  FrameSplitter splitter(std::size_t{16} * 1024 * 1024);
  for (int i = 0; i < 3; ++i) {
    splitter.Append(large);
    EXPECT_EQ(Lines(splitter), List{});
    splitter.Append("\nsmall\n");
    EXPECT_EQ(Lines(splitter), (List{large, "small"}));
  }
}

TEST(DecodeWatchEventTest, ReadsEveryType) {
  const struct {
    const char* name;
    WatchEventType type;
  } cases[] = {
      {"ADDED", WatchEventType::kAdded},
      {"MODIFIED", WatchEventType::kModified},
      {"DELETED", WatchEventType::kDeleted},
      {"BOOKMARK", WatchEventType::kBookmark},
  };
  for (const auto& c : cases) {
    const auto event = DecodeWatchEvent(
        std::string(R"({"type":")") + c.name +
        R"(","object":{"kind":"Pod","metadata":{"name":"a","resourceVersion":"12"}}})");
    ASSERT_TRUE(event.ok()) << event.status().ToString();
    EXPECT_EQ(event->type, c.type);
    EXPECT_EQ(event->resource_version, "12");
    EXPECT_EQ(event->object["metadata"]["name"].StringOrEmpty(), "a");
  }
}

TEST(DecodeWatchEventTest, AnErrorEventCarriesAStatusAndNoResourceVersion) {
  const auto event =
      DecodeWatchEvent(R"({"type":"ERROR","object":{"kind":"Status","code":410,"metadata":{}}})");
  ASSERT_TRUE(event.ok()) << event.status().ToString();
  EXPECT_EQ(event->type, WatchEventType::kError);
  EXPECT_EQ(event->object["code"].AsInt(), 410);
  EXPECT_EQ(event->resource_version, "");
}

TEST(DecodeWatchEventTest, RefusesEverythingElse) {
  for (const char* frame : {
           "",
           "no JSON",
           "[]",
           "{}",
           R"({"type":"ADDED"})",
           R"({"type":"ADDED","object":null})",
           R"({"type":"ADDED","object":[]})",
           R"({"type":"ADDED","object":{}})",
           R"({"type":"ADDED","object":{"metadata":{}}})",
           R"({"type":"ADDED","object":{"metadata":{"resourceVersion":""}}})",
           R"({"type":"ADDED","object":{"metadata":{"resourceVersion":12}}})",
           R"({"type":"added","object":{"metadata":{"resourceVersion":"12"}}})",
           R"({"type":"SYNC","object":{"metadata":{"resourceVersion":"12"}}})",
           R"({"type":1,"object":{"metadata":{"resourceVersion":"12"}}})",
           R"({"type":"ERROR"})",
           R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"12"}}} trailing)",
       }) {
    EXPECT_EQ(DecodeWatchEvent(frame).status().code(), StatusCode::kUnavailable) << frame;
  }
}

TEST(DecodeWatchEventTest, SaysWhatIsWrong) {
  EXPECT_NE(DecodeWatchEvent(R"({"type":"SYNC","object":{}})").status().message().find("SYNC"),
            std::string::npos);
  EXPECT_NE(DecodeWatchEvent(R"({"type":"ADDED","object":{}})")
                .status()
                .message()
                .find("resourceVersion"),
            std::string::npos);
}

}  // namespace
}  // namespace stockade::kube
