#include "runtime/lease_client.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/sleep.h"

namespace stockade::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// An API server that answers nothing, so that only a cancellation ends a request; or everything.
class LeaseClientTest : public ::testing::Test {
 protected:
  class FakeTransport final : public kube::Transport {
   public:
    FakeTransport(LeaseClientTest& test, std::stop_token stop)
        : test_(test), stop_(std::move(stop)) {}

    Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
      {
        const MutexLock lock(test_.mutex_);
        test_.begun_.push_back(request.target);
        test_.changed_.notify_all();
      }
      if (test_.answers_) return kube::HttpResponse{.status = 200, .retry_after = {}, .body = "{}"};
      SleepUnlessStopped(stop_, hours(1));
      return Status(StatusCode::kCancelled, "a test's");
    }

   private:
    LeaseClientTest& test_;
    const std::stop_token stop_;
  };

  std::unique_ptr<LeaseClient> Make(LeaseClient::Grace grace) {
    return std::make_unique<LeaseClient>(
        [this](std::stop_token stop) {
          return std::make_unique<FakeTransport>(*this, std::move(stop));
        },
        hours(1), grace);
  }

  std::future<StatusCode> Begin(LeaseClient& lease, const std::string& target) {
    auto answer = std::async(std::launch::async, [&lease, target] {
      return lease.client().GetRaw(target).status().code();
    });
    const MutexLock lock(mutex_);
    changed_.wait(mutex_, [&]() STOCKADE_REQUIRES(mutex_) {
      return !begun_.empty() && begun_.back() == target;
    });
    return answer;
  }

  bool answers_ = false;
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::string> begun_ STOCKADE_GUARDED_BY(mutex_);
};

TEST_F(LeaseClientTest, CancelsWhatIsUnderWayAndLeavesTheReleaseItsTime) {
  const auto lease = Make({.under_way = milliseconds(1), .total = hours(1)});
  auto renewal = Begin(*lease, "/renewal");
  lease->BeginStop();
  EXPECT_EQ(renewal.get(), StatusCode::kCancelled);
  answers_ = true;
  EXPECT_EQ(Begin(*lease, "/release").get(), StatusCode::kOk);
}

TEST_F(LeaseClientTest, CancelsAReleaseThatNobodyAnswersToo) {
  const auto lease = Make({.under_way = hours(1), .total = milliseconds(1)});
  lease->BeginStop();
  EXPECT_EQ(Begin(*lease, "/release").get(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace stockade::runtime
