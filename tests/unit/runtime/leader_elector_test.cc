#include "runtime/leader_elector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "tests/fakes/fake_clock.h"

namespace stockade::runtime {
namespace {

using codec::Json;
using std::chrono::seconds;
using stockade::testing::FakeClock;

// One Lease as the API server keeps it: created once, updated by resourceVersion.
class LeaseServer {
 public:
  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request.method);
    if (unreachable_) return Status(StatusCode::kUnavailable, "no route to the API server");
    if (request.method == "GET") return lease_ ? Answer(200) : Fails(404, "NotFound");
    Json sent = Json::parse(request.body);
    if (request.method == "POST") {
      if (lease_) return Fails(409, "AlreadyExists");
    } else if (!lease_ ||
               sent["metadata"]["resourceVersion"] != (*lease_)["metadata"]["resourceVersion"]) {
      return Fails(409, "Conflict");
    }
    sent["metadata"]["resourceVersion"] = std::to_string(++version_);
    lease_ = std::move(sent);
    return Answer(200);
  }

  void SetUnreachable(bool unreachable) {
    const std::lock_guard lock(mutex_);
    unreachable_ = unreachable;
  }
  void Put(Json spec) {
    const std::lock_guard lock(mutex_);
    lease_ = {{"metadata", {{"resourceVersion", std::to_string(++version_)}}},
              {"spec", std::move(spec)}};
  }
  // What the backup of a cluster holds, and what is there once it is restored.
  std::optional<Json> BackUp() {
    const std::lock_guard lock(mutex_);
    return lease_;
  }
  // Others have made `changes` since.
  void Restore(std::optional<Json> backup, int changes = 0) {
    const std::lock_guard lock(mutex_);
    lease_ = std::move(backup);
    version_ += changes;
  }
  Json spec() {
    const std::lock_guard lock(mutex_);
    return lease_ ? (*lease_)["spec"] : Json();
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  kube::HttpResponse Answer(int status) {
    return {.status = status, .retry_after = std::nullopt, .body = lease_->dump()};
  }
  static kube::HttpResponse Fails(int status, const char* reason) {
    return {.status = status,
            .retry_after = std::nullopt,
            .body = Json{{"kind", "Status"}, {"code", status}, {"reason", reason}}.dump()};
  }

  std::mutex mutex_;
  std::optional<Json> lease_;
  int version_ = 0;
  bool unreachable_ = false;
  std::vector<std::string> requests_;
};

class LeaseTransport final : public kube::Transport {
 public:
  explicit LeaseTransport(LeaseServer& server) : server_(server) {}
  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
    return server_.Send(request);
  }

 private:
  LeaseServer& server_;
};

// One process that takes part.
struct Candidate {
  Candidate(LeaseServer& server, const Clock& clock, Logger& logger, const std::string& identity,
            LeaderElectionOptions options = {})
      : client(std::make_unique<LeaseTransport>(server)),
        fence(std::make_shared<LeaderFence>(clock)),
        elector(client, Named(std::move(options), identity), clock, fence, logger) {}

  static LeaderElectionOptions Named(LeaderElectionOptions options, const std::string& identity) {
    options.namespace_name = "stockade-system";
    options.lease = "stockade-operator";
    options.identity = identity;
    return options;
  }

  kube::Client client;
  std::shared_ptr<LeaderFence> fence;
  LeaderElector elector;
};

class LeaderElectorTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  Logger logger_{clock_, LogLevel::kError, [](std::string_view) {}};
  LeaseServer server_;
  Candidate a_{server_, clock_, logger_, "a"};
  Candidate b_{server_, clock_, logger_, "b"};
};

TEST_F(LeaderElectorTest, CreatesTheLeaseAndLeads) {
  EXPECT_FALSE(a_.fence->IsOpen());
  EXPECT_TRUE(a_.elector.TryAcquireOrRenew());
  EXPECT_TRUE(a_.fence->IsOpen());
  const Json spec = server_.spec();
  EXPECT_EQ(spec["holderIdentity"], "a");
  EXPECT_EQ(spec["leaseDurationSeconds"], 15);
  EXPECT_EQ(spec["acquireTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(spec["renewTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(spec["leaseTransitions"], 0);
}

TEST_F(LeaderElectorTest, RenewalKeepsTheTimeOfAcquisition) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  clock_.Advance(seconds(2));
  EXPECT_TRUE(a_.elector.TryAcquireOrRenew());
  EXPECT_EQ(server_.spec()["acquireTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(server_.spec()["renewTime"], "2026-01-01T00:00:02.000000Z");
  EXPECT_EQ(server_.spec()["leaseTransitions"], 0);
}

TEST_F(LeaderElectorTest, AnotherWaitsWhileTheLeaseIsRenewed) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(seconds(2));
    ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
    ASSERT_FALSE(b_.elector.TryAcquireOrRenew());
    ASSERT_FALSE(b_.fence->IsOpen());
  }
  EXPECT_EQ(b_.elector.holder(), "a");
}

TEST_F(LeaderElectorTest, AnotherTakesOverWhenItSawNoRenewalForTheLeasesDuration) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  // What b goes by is when it saw a change, not what the Lease's times say.
  clock_.Advance(seconds(10));
  ASSERT_FALSE(b_.elector.TryAcquireOrRenew());
  clock_.Advance(seconds(14));
  EXPECT_FALSE(b_.elector.TryAcquireOrRenew());
  clock_.Advance(seconds(1));
  EXPECT_TRUE(b_.elector.TryAcquireOrRenew());
  EXPECT_EQ(server_.spec()["holderIdentity"], "b");
  EXPECT_EQ(server_.spec()["leaseTransitions"], 1);
}

TEST_F(LeaderElectorTest, NeverAreTwoFencesOpen) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  ASSERT_FALSE(b_.elector.TryAcquireOrRenew());
  bool b_leads = false;
  for (int i = 0; i < 40 && !b_leads; ++i) {
    clock_.Advance(std::chrono::milliseconds(500));
    b_leads = b_.elector.TryAcquireOrRenew();
    ASSERT_FALSE(a_.fence->IsOpen() && b_.fence->IsOpen());
    ASSERT_TRUE(!b_leads || a_.fence->TimeLeft().count() <= 0);
  }
  EXPECT_TRUE(b_leads);
}

TEST_F(LeaderElectorTest, FenceShutsWhenTheLeaseIsNotRenewed) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  clock_.Advance(seconds(9));
  EXPECT_TRUE(a_.fence->IsOpen());
  clock_.Advance(seconds(1));
  EXPECT_FALSE(a_.fence->IsOpen());
}

TEST_F(LeaderElectorTest, NothingIsWrittenAfterAnOutageUntilTheLeaseIsRenewed) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  server_.SetUnreachable(true);
  EXPECT_FALSE(a_.elector.TryAcquireOrRenew());
  EXPECT_FALSE(a_.fence->IsOpen());
  EXPECT_TRUE(a_.fence->Leads());
  server_.SetUnreachable(false);
  EXPECT_FALSE(a_.fence->IsOpen());
  EXPECT_TRUE(a_.elector.TryAcquireOrRenew());
  EXPECT_TRUE(a_.fence->IsOpen());
}

TEST_F(LeaderElectorTest, OutageDoesNotProlongTheLead) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  server_.SetUnreachable(true);
  clock_.Advance(seconds(9));
  EXPECT_FALSE(a_.elector.TryAcquireOrRenew());
  EXPECT_TRUE(a_.fence->Leads());
  clock_.Advance(seconds(1));
  EXPECT_FALSE(a_.fence->Leads());
}

TEST_F(LeaderElectorTest, LeaseFromThePastIsNotRenewed) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  const auto backup = server_.BackUp();
  clock_.Advance(seconds(2));
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  // The new history is longer than the old one: only the Lease itself shows what happened.
  server_.Restore(backup, /*changes=*/1000);
  EXPECT_FALSE(a_.elector.TryAcquireOrRenew());
  EXPECT_FALSE(a_.fence->IsOpen());
  EXPECT_FALSE(a_.elector.TryAcquireOrRenew()) << "once is for ever";
}

TEST_F(LeaderElectorTest, HolderThatCountsOnALongerLeaseIsWaitedFor) {
  server_.Put({{"holderIdentity", "c"}, {"leaseDurationSeconds", 60}});
  ASSERT_FALSE(b_.elector.TryAcquireOrRenew());
  clock_.Advance(seconds(59));
  EXPECT_FALSE(b_.elector.TryAcquireOrRenew());
  clock_.Advance(seconds(1));
  EXPECT_TRUE(b_.elector.TryAcquireOrRenew());
}

TEST_F(LeaderElectorTest, ReleasedLeaseIsTakenAtOnce) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  ASSERT_FALSE(b_.elector.TryAcquireOrRenew());
  a_.elector.Release();
  EXPECT_FALSE(a_.fence->IsOpen());
  EXPECT_EQ(server_.spec()["holderIdentity"], "");
  EXPECT_TRUE(b_.elector.TryAcquireOrRenew());
}

TEST_F(LeaderElectorTest, ReleasesAlsoAfterARenewalWhoseAnswerNeverCame) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  server_.Put({{"holderIdentity", "a"}, {"leaseDurationSeconds", 15}});
  a_.elector.Release();
  EXPECT_EQ(server_.spec()["holderIdentity"], "");
}

TEST_F(LeaderElectorTest, ReleaseLeavesTheLeaseOfAnotherAlone) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  ASSERT_FALSE(b_.elector.TryAcquireOrRenew());
  b_.elector.Release();
  EXPECT_EQ(server_.spec()["holderIdentity"], "a");
}

TEST_F(LeaderElectorTest, LeaseOfWrongTypesIsTakenOver) {
  server_.Put({{"holderIdentity", 7}, {"leaseDurationSeconds", "x"}, {"leaseTransitions", "y"}});
  EXPECT_TRUE(a_.elector.TryAcquireOrRenew());
  EXPECT_EQ(server_.spec()["leaseTransitions"], 1);
}

TEST_F(LeaderElectorTest, LeaseWithoutSpecIsTaken) {
  server_.Put(nullptr);
  EXPECT_TRUE(a_.elector.TryAcquireOrRenew());
}

TEST_F(LeaderElectorTest, IsHealthyWhileTheLeaseCanBeReadWhoeverHoldsIt) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  ASSERT_FALSE(b_.elector.TryAcquireOrRenew());
  EXPECT_TRUE(a_.elector.Health().ok());
  EXPECT_TRUE(b_.elector.Health().ok());
  server_.SetUnreachable(true);
  EXPECT_FALSE(b_.elector.TryAcquireOrRenew());
  EXPECT_EQ(b_.elector.Health().code(), StatusCode::kUnavailable);
  server_.SetUnreachable(false);
  EXPECT_FALSE(b_.elector.TryAcquireOrRenew());
  EXPECT_TRUE(b_.elector.Health().ok());
}

TEST_F(LeaderElectorTest, HolderThatWasOverwrittenNoticesIt) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  server_.Put({{"holderIdentity", "c"}, {"leaseDurationSeconds", 15}});
  EXPECT_FALSE(a_.elector.TryAcquireOrRenew());
  EXPECT_EQ(a_.elector.holder(), "c");
}

// Run with real threads and short times, on the real clock.
class LeaderElectorRunTest : public ::testing::Test {
 protected:
  static LeaderElectionOptions Short() {
    LeaderElectionOptions options;
    options.lease_duration = seconds(3);
    options.renew_deadline = seconds(2);
    options.retry_period = std::chrono::milliseconds(10);
    return options;
  }

  SystemClock clock_;
  Logger logger_{clock_, LogLevel::kError, [](std::string_view) {}};
  LeaseServer server_;
  Candidate a_{server_, clock_, logger_, "a", Short()};
};

TEST_F(LeaderElectorRunTest, StopReleasesTheLease) {
  std::stop_source stop;
  int led = 0;
  const auto outcome = a_.elector.Run(stop.get_token(), [&] {
    ++led;
    stop.request_stop();
  });
  EXPECT_EQ(outcome, LeaderElector::Outcome::kStopped);
  EXPECT_EQ(led, 1);
  EXPECT_EQ(server_.spec()["holderIdentity"], "");
}

TEST_F(LeaderElectorRunTest, StopEndsTheWaitForAnothersLease) {
  server_.Put({{"holderIdentity", "c"}, {"leaseDurationSeconds", 3600}});
  std::stop_source stop;
  std::jthread stopper([&] {
    while (server_.requests().size() < 3) std::this_thread::yield();
    stop.request_stop();
  });
  const auto outcome = a_.elector.Run(stop.get_token(), [] { FAIL() << "led without the lease"; });
  EXPECT_EQ(outcome, LeaderElector::Outcome::kStopped);
  EXPECT_EQ(server_.spec()["holderIdentity"], "c");
}

TEST_F(LeaderElectorRunTest, AnotherHolderEndsTheLead) {
  std::stop_source stop;
  const auto outcome = a_.elector.Run(stop.get_token(), [&] {
    server_.Put({{"holderIdentity", "c"}, {"leaseDurationSeconds", 3600}});
  });
  EXPECT_EQ(outcome, LeaderElector::Outcome::kLost);
  EXPECT_FALSE(a_.fence->IsOpen());
}

TEST_F(LeaderElectorRunTest, RestoredBackupEndsTheLead) {
  ASSERT_TRUE(a_.elector.TryAcquireOrRenew());
  const auto backup = server_.BackUp();
  std::stop_source stop;
  const auto outcome = a_.elector.Run(stop.get_token(), [&] { server_.Restore(backup, 1000); });
  EXPECT_EQ(outcome, LeaderElector::Outcome::kReplaced);
  EXPECT_FALSE(a_.fence->IsOpen());
  EXPECT_EQ(server_.spec(), (*backup)["spec"]) << "the Lease was written";
}

TEST_F(LeaderElectorRunTest, RestoredBackupEndsTheWaitForAnothersLease) {
  server_.Put({{"holderIdentity", "c"}, {"leaseDurationSeconds", 3600}});
  const auto backup = server_.BackUp();
  server_.Put({{"holderIdentity", "c"}, {"leaseDurationSeconds", 3600}, {"leaseTransitions", 1}});
  std::stop_source stop;
  std::jthread administrator([&] {
    while (server_.requests().size() < 3) std::this_thread::yield();
    server_.Restore(backup);
  });
  const auto outcome = a_.elector.Run(stop.get_token(), [] { FAIL() << "led without the lease"; });
  EXPECT_EQ(outcome, LeaderElector::Outcome::kReplaced);
}

TEST_F(LeaderElectorRunTest, DeletedLeaseEndsTheLead) {
  std::stop_source stop;
  const auto outcome = a_.elector.Run(stop.get_token(), [&] { server_.Restore(std::nullopt); });
  EXPECT_EQ(outcome, LeaderElector::Outcome::kReplaced);
  EXPECT_TRUE(server_.spec().is_null()) << "the Lease was made again";
}

TEST_F(LeaderElectorRunTest, UnreachableServerEndsTheLeadAtTheDeadline) {
  std::stop_source stop;
  const auto outcome = a_.elector.Run(stop.get_token(), [&] { server_.SetUnreachable(true); });
  EXPECT_EQ(outcome, LeaderElector::Outcome::kLost);
  EXPECT_FALSE(a_.fence->IsOpen());
}

// ---- The fenced transport

class RecordingTransport final : public kube::Transport {
 public:
  explicit RecordingTransport(std::vector<kube::HttpRequest>& sent) : sent_(sent) {}
  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
    sent_.push_back(request);
    return kube::HttpResponse{.status = 200, .retry_after = std::nullopt, .body = "{}"};
  }

 private:
  std::vector<kube::HttpRequest>& sent_;
};

class FencedTransportTest : public ::testing::Test {
 protected:
  Result<kube::HttpResponse> Send(const std::string& method) {
    kube::HttpRequest request;
    request.method = method;
    request.target = "/api/v1/pods";
    return transport_->Send(request);
  }

  FakeClock clock_;
  std::shared_ptr<LeaderFence> fence_ = std::make_shared<LeaderFence>(clock_);
  std::vector<kube::HttpRequest> sent_;
  std::unique_ptr<kube::Transport> transport_ =
      MakeFencedTransport(std::make_unique<RecordingTransport>(sent_), fence_);
};

TEST_F(FencedTransportTest, WritesAreNotSentOutsideTheFence) {
  clock_.Advance(seconds(100));
  for (const std::string method : {"POST", "PUT", "PATCH", "DELETE"}) {
    EXPECT_EQ(Send(method).status().code(), StatusCode::kCancelled) << method;
  }
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(Send("GET").ok());
}

TEST_F(FencedTransportTest, WritesEndBeforeAnotherLeaderMayBegin) {
  fence_->Extend(clock_.SinceBoot() + seconds(10), clock_.SinceBoot() + seconds(15));
  ASSERT_TRUE(Send("POST").ok());
  EXPECT_EQ(sent_.back().deadline, seconds(15));
  clock_.Advance(seconds(9));
  ASSERT_TRUE(Send("POST").ok());
  EXPECT_EQ(sent_.back().deadline, seconds(6));
  clock_.Advance(seconds(1));
  EXPECT_FALSE(Send("POST").ok());
}

TEST_F(FencedTransportTest, PausedFenceLetsNothingButReadsThrough) {
  fence_->Extend(clock_.SinceBoot() + seconds(10), clock_.SinceBoot() + seconds(15));
  fence_->Pause();
  EXPECT_EQ(Send("POST").status().code(), StatusCode::kUnavailable) << "it will be tried again";
  EXPECT_TRUE(Send("GET").ok());
  fence_->Extend(clock_.SinceBoot() + seconds(10), clock_.SinceBoot() + seconds(15));
  EXPECT_TRUE(Send("POST").ok());
}

TEST_F(FencedTransportTest, ShutFenceStopsWritesAtOnce) {
  fence_->Extend(clock_.SinceBoot() + seconds(10), clock_.SinceBoot() + seconds(15));
  fence_->Shut();
  EXPECT_EQ(Send("DELETE").status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace stockade::runtime
