#include "kube/percent_encode.h"

#include <gtest/gtest.h>

namespace stockade::kube {
namespace {

TEST(PercentEncodeTest, KeepsUnreservedCharactersOnly) {
  const struct {
    std::string_view text;
    std::string_view encoded;
  } cases[] = {
      {"", ""},
      {"my-pod.v1_2~3", "my-pod.v1_2~3"},
      {"AZaz09", "AZaz09"},
      {"a/b", "a%2Fb"},
      {"a b", "a%20b"},
      {"a+b", "a%2Bb"},
      {"app=x,tier in (a)", "app%3Dx%2Ctier%20in%20%28a%29"},
      {"?#&%", "%3F%23%26%25"},
      {"é", "%C3%A9"},
      {"\r\n", "%0D%0A"},
      {std::string_view("\0\x7f\xff", 3), "%00%7F%FF"},
  };
  for (const auto& c : cases) EXPECT_EQ(PercentEncode(c.text), c.encoded);
}

TEST(QueryTest, IsEmptyWithoutParameters) { EXPECT_EQ(Query().text(), ""); }

TEST(QueryTest, JoinsParametersAndEncodesTheirValues) {
  EXPECT_EQ(Query().Add("limit", "500").Add("labelSelector", "a=b&c").text(),
            "?limit=500&labelSelector=a%3Db%26c");
}

TEST(QueryTest, LeavesOutEmptyValues) {
  EXPECT_EQ(Query().Add("a", "").Add("b", "1").Add("c", "").text(), "?b=1");
}

}  // namespace
}  // namespace stockade::kube
