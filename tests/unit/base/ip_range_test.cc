#include "base/ip_range.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace stockade {
namespace {

bool Holds(std::string_view outer, std::string_view inner) {
  const auto a = IpRange::Parse(outer);
  const auto b = IpRange::Parse(inner);
  EXPECT_TRUE(a && b) << outer << " " << inner;
  return a && b && a->Holds(*b);
}

TEST(IpRangeTest, TextThatIsNoRangeIsRefused) {
  for (const std::string_view text :
       {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0/8",
        "010.0.0.0/8", "10.0.0.0/8 ", "10.0.0.0/8/8", "fc00::/129", "fe80::%eth0/64", "a/8"}) {
    EXPECT_FALSE(IpRange::Parse(text)) << text;
  }
  EXPECT_FALSE(IpRange::Parse(std::string("10.0.0.0\0x/8", 12)));
}

TEST(IpRangeTest, WiderRangeHoldsTheNarrowerOneOfItsFamily) {
  EXPECT_TRUE(Holds("10.0.0.0/8", "10.96.0.0/12"));
  EXPECT_TRUE(Holds("10.96.0.0/12", "10.96.0.0/12"));
  EXPECT_TRUE(Holds("0.0.0.0/0", "255.255.255.255/32"));
  EXPECT_TRUE(Holds("fc00::/7", "fd00:ec2::254/128"));
  EXPECT_FALSE(Holds("10.96.0.0/12", "10.0.0.0/8"));
  EXPECT_FALSE(Holds("10.96.0.0/12", "10.112.0.0/12"));
  EXPECT_FALSE(Holds("::/0", "10.0.0.0/8"));
  EXPECT_FALSE(Holds("0.0.0.0/0", "::ffff:10.0.0.0/104"));
}

TEST(IpRangeTest, CanonicalRangeBeginsAtItsAddress) {
  EXPECT_TRUE(IpRange::Parse("10.96.0.0/12")->IsCanonical());
  EXPECT_TRUE(IpRange::Parse("10.0.0.1/32")->IsCanonical());
  EXPECT_FALSE(IpRange::Parse("10.0.0.1/31")->IsCanonical());
  EXPECT_FALSE(IpRange::Parse("fd00::1/64")->IsCanonical());
}

TEST(IpRangeTest, FamilyIsThatOfTheText) {
  EXPECT_FALSE(IpRange::Parse("10.0.0.0/8")->IsIpv6());
  EXPECT_TRUE(IpRange::Parse("::ffff:0:0/96")->IsIpv6());
}

}  // namespace
}  // namespace stockade
