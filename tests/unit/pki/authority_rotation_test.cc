#include "pki/authority_rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <vector>

#include "pki_testing.h"

namespace stockade::pki {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const RotationPolicy kPolicy{.lifetime = 90 * kDay, .overlap = hours(1)};

AuthorityTimes Signing(TimePoint since, TimePoint not_after) {
  return {.not_after = not_after, .can_sign = true, .published = since, .signs_since = since};
}
AuthorityTimes Pending(TimePoint not_after, std::optional<TimePoint> published = std::nullopt) {
  return {.not_after = not_after, .can_sign = true, .published = published};
}

void ExpectStep(const std::vector<AuthorityTimes>& authorities, TimePoint now,
                RotationAction action, std::size_t index) {
  const RotationStep step = AuthorityRotation(kPolicy).Next(authorities, now);
  EXPECT_EQ(step.action, action);
  EXPECT_EQ(step.index, index);
}
void ExpectWait(const std::vector<AuthorityTimes>& authorities, TimePoint now, TimePoint until) {
  const RotationStep step = AuthorityRotation(kPolicy).Next(authorities, now);
  EXPECT_EQ(step.action, RotationAction::kWait);
  EXPECT_EQ(step.wait_until, until);
}

TEST(AuthorityRotationTest, TheFirstSignsAsSoonAsItIsPublished) {
  const TimePoint end = Start() + 90 * kDay;
  ExpectStep({}, Start(), RotationAction::kCreate, 0);
  ExpectStep({Pending(end)}, Start(), RotationAction::kPublish, 0);
  ExpectStep({Pending(end, Start())}, Start(), RotationAction::kActivate, 0);
  ExpectWait({Signing(Start(), end)}, Start(), Start() + 60 * kDay);
}

TEST(AuthorityRotationTest, ASuccessorIsMadeInTheLastThird) {
  const TimePoint end = Start() + 90 * kDay;
  ExpectWait({Signing(Start(), end)}, Start() + 60 * kDay - seconds(1), Start() + 60 * kDay);
  ExpectStep({Signing(Start(), end)}, Start() + 60 * kDay, RotationAction::kCreate, 0);
}

TEST(AuthorityRotationTest, TheSuccessorSignsOnlyAnOverlapAfterItIsPublished) {
  const TimePoint now = Start() + 60 * kDay;
  const AuthorityTimes old = Signing(Start(), Start() + 90 * kDay);
  const TimePoint end = now + 90 * kDay;
  ExpectStep({old, Pending(end)}, now + hours(9), RotationAction::kPublish, 1);
  ExpectWait({old, Pending(end, now)}, now + minutes(59), now + hours(1));
  ExpectStep({old, Pending(end, now)}, now + hours(1), RotationAction::kActivate, 1);
}

TEST(AuthorityRotationTest, TheOldGoesAnOverlapAfterTheNewSigns) {
  const TimePoint now = Start() + 60 * kDay;
  const std::vector<AuthorityTimes> both = {Signing(Start(), Start() + 90 * kDay),
                                            Signing(now, now + 90 * kDay)};
  ExpectWait(both, now + minutes(59), now + hours(1));
  ExpectStep(both, now + hours(1), RotationAction::kDrop, 0);
}

TEST(AuthorityRotationTest, OneThatEndsIsSucceededBeforeEvenWithoutItsOverlap) {
  const TimePoint end = Start() + 90 * kDay;
  const TimePoint late = end - minutes(30);
  ExpectStep({Signing(Start(), end), Pending(late + 90 * kDay)}, late, RotationAction::kPublish, 1);
  ExpectStep({Signing(Start(), end), Pending(late + 90 * kDay, late)}, late,
             RotationAction::kActivate, 1);
}

TEST(AuthorityRotationTest, WhatHasExpiredGoesFirst) {
  const TimePoint end = Start() + 90 * kDay;
  ExpectStep({Signing(Start(), end)}, end, RotationAction::kDrop, 0);
  ExpectStep({Signing(Start(), end), Pending(end + kDay, Start())}, end, RotationAction::kDrop, 0);
}

TEST(AuthorityRotationTest, OneWithoutItsKeyIsSucceededAtOnceAndTrustedMeanwhile) {
  const TimePoint end = Start() + 90 * kDay;
  AuthorityTimes trusted = Signing(Start(), end);
  trusted.can_sign = false;
  const TimePoint now = Start() + kDay;
  ExpectStep({trusted}, now, RotationAction::kCreate, 0);
  ExpectWait({trusted, Pending(now + 90 * kDay, now)}, now, now + hours(1));
  ExpectStep({trusted, Pending(now + 90 * kDay, now)}, now + hours(1), RotationAction::kActivate,
             1);
  ExpectStep({trusted, Signing(now, now + 90 * kDay)}, now + hours(1), RotationAction::kDrop, 0);
}

TEST(AuthorityRotationTest, ASuccessorThatWasForgottenIsMadeAnew) {
  const AuthorityTimes current = Signing(Start(), Start() + 300 * kDay);
  ExpectStep({current, Pending(Start() + 90 * kDay)}, Start() + 60 * kDay, RotationAction::kDrop,
             1);
}

TEST(AuthorityRotationTest, ALifetimeThatIsShortenedTakesEffect) {
  ExpectStep({Signing(Start(), Start() + 365 * kDay)}, Start(), RotationAction::kCreate, 0);
  ExpectWait({Signing(Start(), Start() + 90 * kDay + kBackdating)}, Start(),
             Start() + 60 * kDay + kBackdating);
}

TEST(AuthorityRotationTest, CurrentIsTheLastThatSigns) {
  const TimePoint end = Start() + 90 * kDay;
  EXPECT_EQ(AuthorityRotation::Current({}, Start()), std::nullopt);
  const std::vector<AuthorityTimes> authorities = {Signing(Start(), end), Signing(Start(), end),
                                                   Pending(end)};
  EXPECT_EQ(AuthorityRotation::Current(authorities, Start()), 1U);
  EXPECT_EQ(AuthorityRotation::Current(authorities, end), std::nullopt);
}

// A world in which news takes its time: one that verifies trusts what was published up to `delay`
// ago, one that serves has the leaf of up to `delay` ago. At no moment may a leaf be served that
// somebody does not trust. Whoever acts dies at random between a step and storing it.
class World {
 public:
  World(RotationPolicy policy, seconds delay, unsigned seed)
      : rotation_(policy), policy_(policy), delay_(delay), random_(seed) {}

  void Run(seconds duration) {
    for (const TimePoint end = now_ + duration; now_ < end; now_ += seconds(60)) {
      Act();
      Check();
    }
  }
  [[nodiscard]] int activations() const { return activations_; }

 private:
  struct Entry {
    int id;
    AuthorityTimes times;
  };
  struct Past {
    TimePoint since;
    std::vector<int> trusted;
    int served;
  };

  void Act() {
    for (int steps = 0; steps < 10; ++steps) {
      std::vector<AuthorityTimes> times;
      times.reserve(entries_.size());
      for (const Entry& entry : entries_) times.push_back(entry.times);
      const RotationStep step = rotation_.Next(times, now_);
      if (step.action == RotationAction::kWait) return;
      const bool dies = random_() % 3 == 0;
      switch (step.action) {
        case RotationAction::kCreate:
          if (!dies) entries_.push_back({next_id_++, {.not_after = now_ + policy_.lifetime}});
          break;
        case RotationAction::kPublish:
          Publish();  // happens whether or not it is remembered
          if (!dies) entries_[step.index].times.published = now_;
          break;
        case RotationAction::kActivate:
          if (dies) break;
          entries_[step.index].times.signs_since = now_;
          served_ = entries_[step.index].id;
          ++activations_;
          Remember();
          break;
        case RotationAction::kDrop:
          if (dies) break;
          entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(step.index));
          Publish();
          break;
        case RotationAction::kWait:
          break;
      }
      if (dies) return;
    }
    FAIL() << "the steps do not come to an end";
  }

  void Publish() {
    trusted_.clear();
    for (const Entry& entry : entries_) trusted_.push_back(entry.id);
    Remember();
  }
  void Remember() {
    const bool is_news = history_.empty() || history_.back().trusted != trusted_ ||
                         history_.back().served != served_;
    if (is_news) history_.push_back({now_, trusted_, served_});
    // The last one from before `delay` is what the slowest still know.
    while (history_.size() > 1 && history_[1].since <= now_ - delay_) {
      history_.erase(history_.begin());
    }
  }
  void Check() {
    Remember();
    for (const Past& verifier : history_) {
      for (const Past& server : history_) {
        if (server.served < 0) continue;
        // Before the first was ever published there is nobody who could verify.
        if (verifier.trusted.empty() || verifier.served < 0) continue;
        EXPECT_NE(std::ranges::find(verifier.trusted, server.served), verifier.trusted.end())
            << "authority " << server.served << " is served and not trusted";
      }
    }
  }

  const AuthorityRotation rotation_;
  const RotationPolicy policy_;
  const seconds delay_;
  std::mt19937 random_;
  TimePoint now_ = Start();
  int next_id_ = 0;
  std::vector<Entry> entries_;
  std::vector<int> trusted_;
  int served_ = -1;
  std::vector<Past> history_;
  int activations_ = 0;
};

TEST(AuthorityRotationTest, NothingIsServedThatSomebodyDoesNotTrust) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world({.lifetime = hours(24), .overlap = hours(1)}, minutes(59), seed);
    world.Run(20 * kDay);
    EXPECT_GE(world.activations(), 25) << "a new one every 17 hours";
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace stockade::pki
