#include "policy/key_table.h"

#include <gtest/gtest.h>

#include <string>

namespace stockade::policy {
namespace {

constexpr std::array<std::string_view, 6> kKeys = {"hostPID", "hostIPC", "hostNetwork",
                                                   "os",      "a",       ""};
constexpr KeyTable kTable(kKeys);

// As many keys as a table may have, in whose hash several collide.
constexpr std::array<std::string_view, 64> kMany = {
    "00", "01", "02", "03", "04", "05", "06", "07", "10", "11", "12", "13", "14", "15", "16", "17",
    "20", "21", "22", "23", "24", "25", "26", "27", "30", "31", "32", "33", "34", "35", "36", "37",
    "40", "41", "42", "43", "44", "45", "46", "47", "50", "51", "52", "53", "54", "55", "56", "57",
    "60", "61", "62", "63", "64", "65", "66", "67", "70", "71", "72", "73", "74", "75", "76", "77"};
constexpr KeyTable kManyTable(kMany);

static_assert(kTable.Find("hostNetwork") == 2, "works at compile time");

TEST(KeyTableTest, FindsEachKeyByItsIndex) {
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    EXPECT_EQ(kTable.Find(kKeys[i]), static_cast<int>(i));
  }
  for (std::size_t i = 0; i < kMany.size(); ++i) {
    EXPECT_EQ(kManyTable.Find(kMany[i]), static_cast<int>(i));
  }
  EXPECT_EQ(kTable.keys().size(), kKeys.size());
}

TEST(KeyTableTest, ComparesTheWholeKey) {
  for (const char* key :
       {"hostpid", "HostPID", "hostPI", "hostPIDs", " os", "os ", "o", "b", "xx"}) {
    EXPECT_EQ(kTable.Find(key), KeyTable::kNotFound) << key;
  }
  EXPECT_EQ(kTable.Find(std::string_view("os\0", 3)), KeyTable::kNotFound);
  EXPECT_EQ(kManyTable.Find(""), KeyTable::kNotFound);
  EXPECT_EQ(kManyTable.Find("08"), KeyTable::kNotFound);
  EXPECT_EQ(kManyTable.Find(std::string(100'000, '7')), KeyTable::kNotFound);
}

}  // namespace
}  // namespace stockade::policy
