#include "pki/spiffe_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "pki_testing.h"

namespace stockade::pki {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(SpiffeIdTest, NamesTheSandboxUnderItsProfile) {
  EXPECT_EQ(SpiffeId(AnIdentity()).value(),
            "spiffe://stockade.example/ns/team-a/profile/0123abcd/sandbox/agent/"
            "4b1bd21e-0000-4000-8000-000000000000");
  EXPECT_THAT(SpiffeId(AnIdentity()).value(),
              StartsWith(SpiffeIdPrefix("stockade.example", "team-a", "0123abcd").value()));
}

TEST(SpiffeIdTest, NoProfileIsThePrefixOfAnother) {
  EXPECT_THAT(
      SpiffeId(AnIdentity()).value(),
      ::testing::Not(StartsWith(SpiffeIdPrefix("stockade.example", "team-a", "0123abc").value())));
}

TEST(SpiffeIdTest, RefusesWhatWouldReadAsAnotherIdentity) {
  const struct {
    std::function<void(SandboxIdentity&)> damage;
    const char* message;
  } kCases[] = {
      {[](auto& id) { id.trust_domain = ""; }, "trust domain"},
      {[](auto& id) { id.trust_domain = "Stockade.example"; }, "trust domain"},
      {[](auto& id) { id.trust_domain = "a/ns/b"; }, "trust domain"},
      {[](auto& id) { id.namespace_name = "a/profile/x"; }, "namespace"},
      {[](auto& id) { id.profile = ""; }, "profile"},
      {[](auto& id) { id.profile = ".."; }, "profile"},
      {[](auto& id) { id.profile = "a%2f"; }, "profile"},
      {[](auto& id) { id.sandbox = "a/b"; }, "sandbox"},
      {[](auto& id) { id.sandbox = ""; }, "sandbox"},
      {[](auto& id) { id.uid = ""; }, "uid"},
      {[](auto& id) { id.uid = "a,URI:spiffe://other"; }, "uid"},
      {[](auto& id) { id.uid = std::string(3000, 'a'); }, "longer than 2048 bytes"},
  };
  for (const auto& test : kCases) {
    SandboxIdentity identity = AnIdentity();
    test.damage(identity);
    const auto uri = SpiffeId(identity);
    ASSERT_FALSE(uri.ok()) << test.message;
    EXPECT_EQ(uri.status().code(), StatusCode::kBadRequest);
    EXPECT_THAT(uri.status().message(), HasSubstr(test.message));
  }
}

}  // namespace
}  // namespace stockade::pki
