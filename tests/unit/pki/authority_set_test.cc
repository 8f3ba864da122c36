#include "pki/authority_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "codec/json.h"
#include "pki_testing.h"

namespace stockade::pki {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

const RotationPolicy kPolicy{.lifetime = 365 * kDay, .overlap = hours(1)};

TEST(AuthoritySetTest, ComesBackFromItsText) {
  const Authority old = MakeAuthority({.name = "old"});
  const Authority next = MakeAuthority({.name = "next"});
  AuthoritySet set;
  set.Add(old);
  set.SetPublished(0, Start());
  set.SetSigning(0, Start() + hours(1));
  set.Add(next);
  set.AddTrusted(MakeAuthority({.name = "lost"}).certificate());
  const auto text = set.Encode();
  ASSERT_TRUE(text.ok());
  const auto again = AuthoritySet::Parse(text->view());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  ASSERT_EQ(again->authorities().size(), 3U);
  EXPECT_EQ(again->Bundle(), set.Bundle());
  EXPECT_FALSE(again->authorities()[0].key.has_value());
  EXPECT_EQ(again->authorities()[0].signs_since, Start() - kBackdating);
  EXPECT_EQ(again->authorities()[1].published, Start());
  EXPECT_EQ(again->authorities()[1].signs_since, Start() + hours(1));
  EXPECT_EQ(again->authorities()[2].published, std::nullopt);
  EXPECT_EQ(again->Signer(Start() + hours(2)).value().certificate(), old.certificate());
  EXPECT_EQ(again->Encode().value().view(), text->view());
}

TEST(AuthoritySetTest, SignsOnlyWithAKey) {
  AuthoritySet set;
  EXPECT_FALSE(set.Signer(Start()).ok());
  set.AddTrusted(MakeAuthority().certificate());
  EXPECT_FALSE(set.Signer(Start()).ok());
  EXPECT_EQ(set.Next(kPolicy, Start()).action, RotationAction::kCreate);
}

TEST(AuthoritySetTest, FollowsTheRotation) {
  AuthoritySet set;
  TimePoint now = Start();
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_EQ(set.Next(kPolicy, now).action, RotationAction::kCreate);
    set.Add(MakeAuthority({.name = "a", .lifetime = kPolicy.lifetime}, now));
    const std::size_t added = set.authorities().size() - 1;
    EXPECT_EQ(set.Next(kPolicy, now).action, RotationAction::kPublish);
    set.SetPublished(added, now);
    now += turn == 0 ? hours(0) : hours(1);
    EXPECT_EQ(set.Next(kPolicy, now).action, RotationAction::kActivate);
    set.SetSigning(added, now);
    EXPECT_EQ(set.Signer(now).value().certificate(), set.authorities()[added].certificate);
    if (turn > 0) {
      now = set.Next(kPolicy, now).wait_until;
      EXPECT_EQ(set.Next(kPolicy, now).action, RotationAction::kDrop);
      set.Drop(0);
    }
    EXPECT_EQ(set.authorities().size(), 1U);
    now = set.Next(kPolicy, now).wait_until;
  }
}

TEST(AuthoritySetTest, TellsWhoSignsAndWhoIsToFollow) {
  AuthoritySet set;
  EXPECT_TRUE(set.Successions(kPolicy, Start()).empty());
  set.Add(MakeAuthority({.name = "first", .lifetime = kPolicy.lifetime}));
  EXPECT_TRUE(set.Successions(kPolicy, Start()).empty()) << "nobody was told of it";
  set.SetPublished(0, Start());
  set.SetSigning(0, Start());
  const TimePoint told = Start() + 300 * kDay;
  set.Add(MakeAuthority({.name = "second", .lifetime = kPolicy.lifetime}, told));
  set.SetPublished(1, told);

  auto successions = set.Successions(kPolicy, told);
  ASSERT_EQ(successions.size(), 2U);
  EXPECT_EQ(successions[0].certificate, set.authorities()[0].certificate);
  EXPECT_EQ(successions[0].signs_from, Start());
  EXPECT_EQ(successions[1].certificate, set.authorities()[1].certificate);
  EXPECT_EQ(successions[1].published, told);
  EXPECT_EQ(successions[1].signs_from, told + kPolicy.overlap);
  const RotationStep step = set.Next(kPolicy, told);
  EXPECT_EQ(step.action, RotationAction::kWait);
  EXPECT_EQ(step.wait_until, successions[1].signs_from) << "that is when it is done";

  // The one before it is trusted still, and shown to nobody any more.
  set.SetSigning(1, told + hours(1));
  successions = set.Successions(kPolicy, told + hours(1));
  ASSERT_EQ(successions.size(), 1U);
  EXPECT_EQ(successions[0].certificate, set.authorities()[1].certificate);
  EXPECT_EQ(successions[0].signs_from, told + hours(1));
}

TEST(AuthoritySetTest, SaysWhatIsWrongWithAText) {
  AuthoritySet set;
  set.Add(MakeAuthority());
  set.Add(MakeAuthority());
  const auto good = codec::Json::parse(set.Encode().value().view());
  const auto with = [&](const char* key, const codec::Json& value) {
    codec::Json changed = good;
    changed["authorities"][1][key] = value;
    return changed.dump();
  };
  const std::vector<std::string> names = {"a.example"};
  const Identity leaf = MakeAuthority().IssueServer(names, hours(1), Start()).value();
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {"", "the text is empty"},
      {"[]", "must be an object"},
      {"{}", "authorities: "},
      {R"({"authorities": [], "more": 1})", "more: is not a known field"},
      {with("certificate", nullptr), "authorities[1].certificate: "},
      {with("certificate", "x"), "authorities[1].certificate: there is no certificate"},
      {with("certificate", leaf.certificate.ToPem()),
       "authorities[1].certificate: is no authority's"},
      {with("key", "x"), "authorities[1].key: there is no PEM block"},
      {with("key", good["authorities"][0]["key"]), "authorities[1].key: does not belong"},
      {with("published", -5), "authorities[1].published: "},
      {with("signsSince", "now"), "authorities[1].signsSince: "},
  };
  for (const auto& test : kCases) {
    const auto parsed = AuthoritySet::Parse(test.text);
    ASSERT_FALSE(parsed.ok()) << test.message;
    EXPECT_EQ(parsed.status().code(), StatusCode::kBadRequest);
    EXPECT_THAT(parsed.status().message(), HasSubstr(test.message));
  }
}

}  // namespace
}  // namespace stockade::pki
