#include "canary/target.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <string_view>

namespace stockade::canary {
namespace {

using ::testing::HasSubstr;

TEST(TargetTest, ReadsIpv4AndIpv6) {
  const auto ipv4 = ParseTarget("tcp://10.96.0.1:443");
  ASSERT_TRUE(ipv4.ok()) << ipv4.status().ToString();
  EXPECT_EQ(ipv4->protocol, Protocol::kTcp);
  EXPECT_EQ(ipv4->text, "tcp://10.96.0.1:443");
  const auto* const in = reinterpret_cast<const sockaddr_in*>(&ipv4->address);
  EXPECT_EQ(in->sin_family, AF_INET);
  EXPECT_EQ(ntohs(in->sin_port), 443);
  EXPECT_EQ(ntohl(in->sin_addr.s_addr), 0x0a600001U);

  const auto ipv6 = ParseTarget("udp://[fd00::a]:53");
  ASSERT_TRUE(ipv6.ok()) << ipv6.status().ToString();
  EXPECT_EQ(ipv6->protocol, Protocol::kUdp);
  const auto* const in6 = reinterpret_cast<const sockaddr_in6*>(&ipv6->address);
  EXPECT_EQ(in6->sin6_family, AF_INET6);
  EXPECT_EQ(ntohs(in6->sin6_port), 53);
  EXPECT_EQ(ipv6->address_size, sizeof(sockaddr_in6));

  EXPECT_TRUE(ParseTarget("tcp://[10.0.0.5]:10250").ok()) << "an address of either family fits in";
}

TEST(TargetTest, VariablesGetTheirValues) {
  const auto lookup = [](const char* name) -> const char* {
    if (std::string_view(name) == "HOST_IP") return "10.0.0.5";
    return std::string_view(name) == "PORT" ? "443" : nullptr;
  };
  EXPECT_EQ(*ExpandVariables("tcp://10.96.0.1:443", lookup), "tcp://10.96.0.1:443");
  EXPECT_EQ(*ExpandVariables("tcp://[$(HOST_IP)]:$(PORT),udp://$(HOST_IP):53", lookup),
            "tcp://[10.0.0.5]:443,udp://10.0.0.5:53");
  EXPECT_EQ(*ExpandVariables("tcp://$(HOST_IP", lookup), "tcp://$(HOST_IP");
  EXPECT_THAT(ExpandVariables("tcp://$(NODE):1", lookup).status().message(),
              HasSubstr("the environment variable NODE"));
}

TEST(TargetTest, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"", "does not begin with tcp:// or udp://"},
      {"10.96.0.1:443", "does not begin with"},
      {"http://10.96.0.1:443", "does not begin with"},
      {"tcp://10.96.0.1", "has no port"},
      {"tcp://10.96.0.1:", "has no port from 1"},
      {"tcp://10.96.0.1:0", "has no port from 1"},
      {"tcp://10.96.0.1:65536", "has no port from 1"},
      {"tcp://10.96.0.1:443x", "has no port from 1"},
      {"tcp://10.96.0.1:-1", "has no port from 1"},
      {"tcp://fd00::1:443", "needs brackets"},
      {"tcp://[fd00::1]", "needs brackets"},
      {"tcp://[]:443", "has no IP address"},
      {"tcp://kubernetes.default.svc:443", "names are not resolved"},
      {"tcp://10.1:443", "has no IP address"},
      {"tcp://0x0a600001:443", "has no IP address"},
      {"tcp://[fe80::1%eth0]:443", "zones not known"},
      {"tcp:// 10.96.0.1:443", "has no IP address"},
  };
  for (const auto& test : kCases) {
    const auto target = ParseTarget(test.text);
    ASSERT_FALSE(target.ok()) << test.text;
    EXPECT_EQ(target.status().code(), StatusCode::kBadRequest);
    EXPECT_THAT(target.status().message(), HasSubstr(test.message)) << test.text;
  }
}

TEST(TargetTest, ReadsLists) {
  const auto targets = ParseTargets("tcp://10.96.0.1:443, udp://10.96.0.10:53");
  ASSERT_TRUE(targets.ok());
  ASSERT_EQ(targets->size(), 2U);
  EXPECT_EQ((*targets)[1].text, "udp://10.96.0.10:53");
  EXPECT_FALSE(ParseTargets("").ok());
  EXPECT_FALSE(ParseTargets("tcp://10.96.0.1:443,").ok());
  std::string many = "tcp://10.0.0.1:1";
  for (std::size_t i = 0; i < kMaxTargets; ++i) many += ",tcp://10.0.0.1:1";
  EXPECT_THAT(ParseTargets(many).status().message(), HasSubstr("more than 64 addresses"));
}

}  // namespace
}  // namespace stockade::canary
