#include "http_server/listen_address.h"

#include <gtest/gtest.h>

namespace stockade::http_server {
namespace {

TEST(ListenAddressTest, ReadsAddressAndPort) {
  const struct {
    const char* text;
    ListenAddress expected;
  } kCases[] = {
      {"127.0.0.1:8443", {"127.0.0.1", 8443}},
      {"0.0.0.0:0", {"0.0.0.0", 0}},
      {"[::1]:8443", {"::1", 8443}},
      {"[::]:65535", {"::", 65535}},
      {":8443", {"0.0.0.0", 8443}},
  };
  for (const auto& test : kCases) {
    const auto address = ParseListenAddress(test.text);
    ASSERT_TRUE(address.ok()) << test.text << ": " << address.status().ToString();
    EXPECT_EQ(*address, test.expected) << test.text;
  }
}

TEST(ListenAddressTest, RefusesWhatIsNoAddressAndSaysWhatToWrite) {
  for (const char* const text :
       {"", "8443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
        "127.0.0.1: 1", "127.0.0.1:1x", "localhost:8443", "::1:8443", "[::1:8443", "::1]:8443",
        "[]:8443", "[127.0.0.1]:8443", "127.0.0.1.:8443", "1.2.3:80", "[::1]8443",
        "[fe80::1%lo]:1"}) {
    const auto address = ParseListenAddress(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.status().code(), StatusCode::kBadRequest) << text;
    EXPECT_NE(address.status().message().find("write ADDRESS:PORT"), std::string::npos)
        << address.status().message();
  }
}

}  // namespace
}  // namespace stockade::http_server
