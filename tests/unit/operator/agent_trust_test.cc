#include "operator/agent_trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gateway_names.h"

namespace stockade::sandbox_operator {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kDay = hours(24);
// 2026-01-01T00:00:00Z
const pki::TimePoint kFirstMade = std::chrono::system_clock::from_time_t(1767225600);
const pki::TimePoint kSecondMade = kFirstMade + 480 * kDay;

pki::Authority MakeAuthority(pki::TimePoint now) {
  return pki::Authority::Create({.name = "gateways", .lifetime = 730 * kDay, .permitted_names = {}},
                                now)
      .value();
}

class AgentTrustTest : public ::testing::Test {
 protected:
  [[nodiscard]] Authorities Trusted(std::vector<pki::Succession> shown) const {
    return {{first_, {}}, {first_, {}}, std::move(shown)};
  }
  // Before the second was made, while it is known and does not sign, and when it does.
  [[nodiscard]] Authorities Before() const { return Trusted({of_first_}); }
  [[nodiscard]] Authorities Announced() const { return Trusted({of_first_, of_second_}); }
  [[nodiscard]] Authorities Rotated() const { return Trusted({of_second_}); }

  static CachedPod PodSince(pki::TimePoint start, const std::string& note) {
    CachedPod pod;
    pod.oldest_start = start;
    if (!note.empty()) pod.annotations = api::StringMap{{"stockade.dev/trusted-authorities", note}};
    return pod;
  }

  const pki::Authority first_ = MakeAuthority(kFirstMade);
  const pki::Authority second_ = MakeAuthority(kSecondMade);
  const pki::Succession of_first_ = {first_.certificate(), kFirstMade, kFirstMade};
  const pki::Succession of_second_ = {second_.certificate(), kSecondMade, kSecondMade + 30 * kDay};
};

TEST_F(AgentTrustTest, NoteNamesWhatIsShownNowAndWhatIsToFollow) {
  const std::string before = TrustNote(Before());
  const std::string announced = TrustNote(Announced());
  EXPECT_EQ(before.size(), 16U);
  EXPECT_EQ(announced, before + "," + TrustNote(Rotated()));
  EXPECT_EQ(api::kTrustedAnnotation, "stockade.dev/trusted-authorities");
}

TEST_F(AgentTrustTest, PodTrustsWhatItWasCreatedWith) {
  // At once: its file has the authorities from its creation on, whatever the kubelet is late with.
  const CachedPod pod = PodSince(kFirstMade + minutes(1), TrustNote(Before()));
  EXPECT_EQ(DescribeDistrust(pod, Before()), "");
  const CachedPod later = PodSince(kSecondMade + minutes(1), TrustNote(Announced()));
  EXPECT_EQ(DescribeDistrust(later, Announced()), "");
  EXPECT_EQ(DescribeDistrust(later, Rotated()), "");
}

TEST_F(AgentTrustTest, OlderPodIsToldBeforeTheNewAuthorityIsShown) {
  const CachedPod pod = PodSince(kFirstMade + kDay, TrustNote(Before()));
  EXPECT_THAT(DescribeDistrust(pod, Announced()),
              AllOf(StartsWith("from 2027-05-26T00:00:00Z on "), HasSubstr("new authority"),
                    HasSubstr("delete the pod")));
  EXPECT_THAT(DescribeDistrust(pod, Rotated()),
              AllOf(StartsWith("since 2027-05-26T00:00:00Z "), HasSubstr("refuse its connections"),
                    HasSubstr("delete the pod")));
}

TEST_F(AgentTrustTest, ContainerThatBeganAgainHasReadTheFile) {
  const std::string note = TrustNote(Before());
  EXPECT_EQ(DescribeDistrust(PodSince(kSecondMade + kDay, note), Announced()), "");
  EXPECT_EQ(DescribeDistrust(PodSince(kSecondMade + kDay, note), Rotated()), "");
  // The kubelet may not have brought the file yet.
  EXPECT_NE(DescribeDistrust(PodSince(kSecondMade + minutes(9), note), Announced()), "");
  CachedPod restarting = PodSince(kFirstMade, note);
  restarting.oldest_start.reset();
  EXPECT_EQ(DescribeDistrust(restarting, Rotated()), "") << "what is to start will read it";
}

TEST_F(AgentTrustTest, PodWithoutANoteIsJudgedByTimeAlone) {
  EXPECT_EQ(DescribeDistrust(PodSince(kFirstMade + kDay, ""), Before()), "");
  EXPECT_NE(DescribeDistrust(PodSince(kFirstMade + kDay, ""), Announced()), "");
}

TEST_F(AgentTrustTest, AuthoritiesThatWereLostAreKnownToNobody) {
  EXPECT_THAT(DescribeDistrust(PodSince(kFirstMade + kDay, TrustNote(Before())),
                               Trusted({{second_.certificate(), kSecondMade, kSecondMade}})),
              StartsWith("since 2027-04-26T00:00:00Z "));
}

}  // namespace
}  // namespace stockade::sandbox_operator
