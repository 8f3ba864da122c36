#include "base/log.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "tests/fakes/fake_clock.h"

namespace stockade {
namespace {

using nlohmann::json;

std::string Line(std::string_view event, std::initializer_list<LogField> fields) {
  return FormatLogLine(testing::FakeClock().Now(), LogLevel::kInfo, event, fields);
}

TEST(FormatLogLineTest, IsOneJsonObject) {
  testing::FakeClock clock;
  clock.Advance(std::chrono::milliseconds(7));
  EXPECT_EQ(FormatLogLine(clock.Now(), LogLevel::kWarning, "pod created",
                          {{"pod", "asb-x"},
                           {"attempt", 2},
                           {"bytes", std::size_t{4096}},
                           {"offset", std::int64_t{-5}},
                           {"seconds", 0.5},
                           {"dry_run", false}}),
            R"({"time":"2026-01-01T00:00:00.007Z","level":"warning","event":"pod created",)"
            R"("pod":"asb-x","attempt":2,"bytes":4096,"offset":-5,"seconds":0.5,"dry_run":false})");
}

TEST(FormatLogLineTest, AStringIsNeverTakenForABool) {
  const std::string text = "x";
  const json line = json::parse(Line("e", {{"literal", "true"}, {"string", text}, {"flag", true}}));
  EXPECT_EQ(line["literal"], "true");
  EXPECT_EQ(line["string"], "x");
  EXPECT_EQ(line["flag"], true);
}

TEST(FormatLogLineTest, NoFieldForgesALineOrAField) {
  const std::string evil = "x\"}\n{\"level\":\"error\",\"event\":\"forged\\";
  const std::string line = Line("said", {{"text", evil}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const json parsed = json::parse(line);
  EXPECT_EQ(parsed["text"], evil);
  EXPECT_EQ(parsed["event"], "said");
  EXPECT_EQ(parsed["level"], "info");
  EXPECT_EQ(parsed.size(), 4U);
}

TEST(FormatLogLineTest, EventsAndKeysAreEscapedToo) {
  const std::string line = Line("a\"\r\nb", {{"k\"\n", "v"}});
  EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
  const json parsed = json::parse(line);
  EXPECT_EQ(parsed["event"], "a\"\r\nb");
  EXPECT_EQ(parsed["k\"\n"], "v");
}

TEST(FormatLogLineTest, EveryControlCharacterIsEscaped) {
  std::string all;
  for (char c = 0; c < 0x20; ++c) all += c;
  all += '\x7F';
  const std::string line = Line("e", {{"text", all}});
  for (const char c : line) {
    EXPECT_GE(c, 0x20) << line;
    EXPECT_NE(c, 0x7F) << line;
  }
  EXPECT_EQ(json::parse(line)["text"], all);
}

TEST(FormatLogLineTest, TerminalsFindNothingToInterpret) {
  // A C1 control sequence introducer, a line separator and a right-to-left override.
  const std::string evil =
      "\xC2\x9B"
      "2J \xE2\x80\xA8 \xE2\x80\xAE";
  const std::string line = Line("e", {{"text", evil}});
  EXPECT_EQ(line.find(evil.substr(0, 2)), std::string::npos);
  EXPECT_EQ(line.find("\xE2\x80"), std::string::npos);
  EXPECT_EQ(json::parse(line)["text"], evil);
}

TEST(FormatLogLineTest, ReplacesWhatIsNoUtf8) {
  const std::string line = Line("e", {{"text", "a\xFF\xC3(\xED\xA0\x80"}});
  EXPECT_TRUE(json::accept(line)) << line;
  EXPECT_TRUE(json::parse(line)["text"].get<std::string>().starts_with("a\xEF\xBF\xBD"));
}

TEST(FormatLogLineTest, NumbersThatJsonDoesNotKnowAreNull) {
  const json line = json::parse(Line("e", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                                           {"inf", std::numeric_limits<double>::infinity()},
                                           {"least", std::numeric_limits<std::int64_t>::min()}}));
  EXPECT_TRUE(line["nan"].is_null());
  EXPECT_TRUE(line["inf"].is_null());
  EXPECT_EQ(line["least"], std::numeric_limits<std::int64_t>::min());
}

TEST(LoggerTest, LeavesOutWhatIsBelowItsLevel) {
  const testing::FakeClock clock;
  std::vector<std::string> lines;
  Logger logger(clock, LogLevel::kWarning, [&lines](std::string_view l) { lines.emplace_back(l); });
  logger.Debug("debug");
  logger.Info("info");
  logger.Warning("warning", {{"n", 1}});
  logger.Error("error");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[0])["level"], "warning");
  EXPECT_EQ(json::parse(lines[0])["n"], 1);
  EXPECT_EQ(json::parse(lines[1])["event"], "error");
}

TEST(LoggerTest, LinesOfManyThreadsAreWhole) {
  const testing::FakeClock clock;
  std::vector<std::string> lines;  // guarded by the logger
  Logger logger(clock, LogLevel::kDebug, [&lines](std::string_view l) { lines.emplace_back(l); });
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&logger, t] {
      for (int i = 0; i < kLines; ++i) logger.Info("line", {{"thread", t}, {"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(kThreads * kLines));
  std::vector<int> next(kThreads, 0);
  for (const std::string& line : lines) {
    const json parsed = json::parse(line);
    // Each thread's lines keep their order.
    EXPECT_EQ(parsed["i"], next[parsed["thread"].get<std::size_t>()]++);
  }
}

TEST(LoggerTest, WritesToStandardError) {
  const testing::FakeClock clock;
  ::testing::internal::CaptureStderr();
  Logger(clock, LogLevel::kInfo).Info("percent %s {} stays", {{"text", "{0} %n"}});
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text,
            R"({"time":"2026-01-01T00:00:00.000Z","level":"info","event":"percent %s {} stays",)"
            R"("text":"{0} %n"})"
            "\n");
}

TEST(ParseLogLevelTest, KnowsFourNames) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(ParseLogLevel("debug", level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("info", level));
  EXPECT_EQ(level, LogLevel::kInfo);
  EXPECT_TRUE(ParseLogLevel("warning", level));
  EXPECT_EQ(level, LogLevel::kWarning);
  EXPECT_TRUE(ParseLogLevel("error", level));
  EXPECT_EQ(level, LogLevel::kError);
  for (const char* text : {"", "INFO", "warn", "info ", "unknown", "fatal"}) {
    EXPECT_FALSE(ParseLogLevel(text, level)) << text;
    EXPECT_EQ(level, LogLevel::kError);
  }
}

}  // namespace
}  // namespace stockade
