#include "canary/activity.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace stockade::canary {
namespace {

constexpr std::uint16_t kProxy = 3128;
constexpr const char* kHeadline =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";

// As the kernel prints it, on a machine of little endian: 127.0.0.1 is 0100007F.
std::string Line(const std::string& local, const std::string& remote, const std::string& state) {
  return "   3: " + local + " " + remote + " " + state +
         " 00000000:00000000 00:00000000 00000000 10001        0 21482 1 0000000000000000 100 0";
}

bool Uses(Activity& activity, std::initializer_list<std::string> lines) {
  activity.Add(kHeadline);
  for (const std::string& line : lines) activity.Add(line);
  return activity.Finish();
}

const std::string kFromInside = "0100007F:9C40";  // 127.0.0.1:40000
const std::string kProxyAt = "0100007F:0C38";     // 127.0.0.1:3128
const std::string kNobody = "00000000:0000";
const std::string kPod = "0500F40A:1F90";           // 10.244.0.5:8080
const std::string kPodElsewhere = "0500F40A:A001";  // 10.244.0.5:40961
const std::string kHarness = "0900F40A:C350";       // 10.244.0.9:50000
const std::string kGateway = "0700600A:20FB";       // 10.96.0.7:8443
const std::string kListener = Line("00000000:1F90", kNobody, "0A");

TEST(ParseTcpSocketTest, ReadsAddressesOfBothFamilies) {
  const auto four = ParseTcpSocket(Line(kPod, kHarness, "01"));
  ASSERT_TRUE(four.has_value());
  EXPECT_EQ(four->local_port, 8080);
  EXPECT_EQ(four->remote_port, 50000);
  EXPECT_EQ(four->state, 1U);
  const TcpSocket::Address expected = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 244, 0, 9};
  EXPECT_EQ(four->remote, expected);
  const auto mapped = ParseTcpSocket(
      Line("0000000000000000FFFF00000500F40A:1F90", "0000000000000000FFFF00000900F40A:C350", "01"));
  ASSERT_TRUE(mapped.has_value());
  EXPECT_EQ(mapped->remote, expected) << "the same peer, whichever the family of the socket";
  const auto six = ParseTcpSocket(
      Line("00000000000000000000000001000000:0C38", "00000000000000000000000001000000:9C40", "06"));
  ASSERT_TRUE(six.has_value());
  EXPECT_EQ(six->local[15], 1);
}

TEST(ParseTcpSocketTest, TakesNothingElseForASocket) {
  for (const std::string& line :
       {std::string(kHeadline), std::string(), std::string("   3:"),
        Line("0100007F", kNobody, "01"), Line("0100007:0C38", kNobody, "01"),
        Line("0100007F:1C380", kNobody, "01"), Line("0100007X:0C38", kNobody, "01"),
        Line(kPod, kNobody, "zz"), std::string("   3: 0100007F:0C38 0100007F:9C40")}) {
    EXPECT_FALSE(ParseTcpSocket(line).has_value()) << line;
  }
}

TEST(ActivityTest, AConnectionToTheProxyCountsInEveryState) {
  for (const char* state : {"01", "02", "03", "04", "05", "06", "08", "09", "0B"}) {
    Activity activity(kProxy);
    EXPECT_TRUE(Uses(activity, {Line(kFromInside, kProxyAt, state)})) << state;
    EXPECT_FALSE(Uses(activity, {})) << "and only as long as it is there";
    EXPECT_TRUE(Uses(activity, {Line(kProxyAt, kFromInside, state)})) << "the proxy's end of it";
  }
}

TEST(ActivityTest, ByIpv6Too) {
  Activity activity(kProxy);
  EXPECT_TRUE(Uses(activity, {Line("00000000000000000000000001000000:9C40",
                                   "00000000000000000000000001000000:0C38", "01")}));
  EXPECT_TRUE(Uses(activity, {Line("0000000000000000FFFF00000100007F:9C40",
                                   "0000000000000000FFFF00000100007F:0C38", "01")}));
}

TEST(ActivityTest, SocketsWithoutAConnectionDoNot) {
  Activity activity(kProxy);
  EXPECT_FALSE(Uses(activity, {Line(kProxyAt, kNobody, "0A"), Line(kProxyAt, kNobody, "07")}));
}

TEST(ActivityTest, OtherConnectionsWithinThePodDoNot) {
  Activity activity(kProxy);
  const auto lines = {kListener, Line(kFromInside, "0100007F:1F90", "01"),
                      Line("0100007F:1F90", kFromInside, "01"), Line(kPod, "0500F40A:A001", "01")};
  EXPECT_FALSE(Uses(activity, lines));
  EXPECT_FALSE(Uses(activity, lines)) << "however long they last";
}

TEST(ActivityTest, WithoutAProxyItsPortIsOneLikeAnyOther) {
  Activity activity(0);
  EXPECT_FALSE(Uses(activity, {Line(kFromInside, kProxyAt, "01")}));
}

TEST(ActivityTest, AConnectionFromOutsideCountsOnceItHasLasted) {
  Activity activity(kProxy);
  const auto lines = {kListener, Line(kPod, kHarness, "01")};
  EXPECT_FALSE(Uses(activity, lines)) << "it may be a probe of the kubelet's";
  EXPECT_TRUE(Uses(activity, lines));
  EXPECT_TRUE(Uses(activity, lines));
  EXPECT_FALSE(Uses(activity, {kListener}));
  EXPECT_FALSE(Uses(activity, lines)) << "another one begins anew";
}

TEST(ActivityTest, ProbesOneAfterTheOtherDoNot) {
  Activity activity(kProxy);
  EXPECT_FALSE(Uses(activity, {kListener, Line(kPod, "0100F40A:C350", "01")}));
  EXPECT_FALSE(Uses(activity, {kListener, Line(kPod, "0100F40A:C352", "01")}));
}

TEST(ActivityTest, OnlyWhileItIsEstablished) {
  Activity activity(kProxy);
  for (const char* state : {"03", "04", "05", "06", "08"}) {
    const auto lines = {kListener, Line(kPod, kHarness, state)};
    EXPECT_FALSE(Uses(activity, lines));
    EXPECT_FALSE(Uses(activity, lines)) << state;
  }
}

TEST(ActivityTest, WhatThePodConnectsToDoesNot) {
  Activity activity(kProxy);
  const auto lines = {kListener, Line(kPodElsewhere, kGateway, "01")};
  EXPECT_FALSE(Uses(activity, lines));
  EXPECT_FALSE(Uses(activity, lines)) << "the sidecar keeps connections to its gateway";
}

TEST(ActivityTest, MoreConnectionsThanAnybodyCountsAreUse) {
  Activity activity(kProxy);
  for (unsigned i = 0; i < 5000; ++i) activity.Add(Line(kPodElsewhere, kGateway, "01"));
  EXPECT_TRUE(activity.Finish());
}

}  // namespace
}  // namespace stockade::canary
