#include "canary/idle.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/fakes/temporary_directory.h"

namespace stockade::canary {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class IdleCountTest : public ::testing::Test {
 protected:
  // A sample that much later than the one before.
  bool After(milliseconds wait, bool used) { return count_.Add(used, now_ += wait); }

  IdleCount::Time now_{};
  IdleCount count_{seconds(10), now_};
};

TEST_F(IdleCountTest, IsIdleAfterThatLong) {
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(After(seconds(1), false));
  EXPECT_TRUE(After(seconds(1), false));
}

TEST_F(IdleCountTest, UseBeginsTheCountAnew) {
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(After(seconds(1), false));
  EXPECT_FALSE(After(seconds(1), true));
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(After(seconds(1), false));
  EXPECT_TRUE(After(seconds(1), false));
}

TEST_F(IdleCountTest, TimeInWhichNobodyLookedDoesNotCount) {
  EXPECT_FALSE(After(std::chrono::hours(10), false)) << "as when the machine stood still";
  EXPECT_FALSE(After(seconds(4), false));
  EXPECT_TRUE(After(seconds(1), false));
}

TEST(ReadTablesTest, ReadsBothLineByLineHoweverLong) {
  const testing::TemporaryDirectory directory;
  std::vector<std::string> written;
  {
    std::ofstream four(directory.PathOf("tcp"));
    for (int i = 0; i < 2000; ++i) {
      written.push_back("line " + std::to_string(i) + " " + std::string(100, 'x'));
      four << written.back() << "\n";
    }
    std::ofstream(directory.PathOf("tcp6")) << "of six\n";
    written.emplace_back("of six");
  }
  std::vector<std::string> read;
  ASSERT_TRUE(ReadTables(directory.path(), [&read](std::string_view line) {
                read.emplace_back(line);
              }).ok());
  EXPECT_EQ(read, written);
}

TEST(ReadTablesTest, AMachineWithoutIpv6HasNoSecondTable) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory.PathOf("tcp")) << "of four\n";
  EXPECT_TRUE(ReadTables(directory.path(), [](std::string_view) {}).ok());
}

TEST(ReadTablesTest, WithoutTablesThereIsNothingToTell) {
  const Status read = ReadTables("/nonexistent", [](std::string_view) {});
  EXPECT_EQ(read.code(), StatusCode::kInternal);
  EXPECT_EQ(WaitUntilIdle({.after = seconds(1), .tables = "/nonexistent"}).code(),
            StatusCode::kInternal);
}

}  // namespace
}  // namespace stockade::canary
