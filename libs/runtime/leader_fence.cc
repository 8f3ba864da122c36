#include "runtime/leader_fence.h"

#include <algorithm>
#include <utility>

namespace stockade::runtime {
namespace {

class FencedTransport final : public kube::Transport {
 public:
  FencedTransport(std::unique_ptr<kube::Transport> transport,
                  std::shared_ptr<const LeaderFence> fence)
      : transport_(std::move(transport)), fence_(std::move(fence)) {}

  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
    if (request.method == "GET") return transport_->Send(request);
    const std::chrono::nanoseconds left = fence_->TimeLeft();
    if (left <= std::chrono::nanoseconds::zero()) {
      return fence_->Leads()
                 ? Status(StatusCode::kUnavailable, "not sent: the lease has to be renewed first")
                 : Status(StatusCode::kCancelled, "not sent: this process is not the leader");
    }
    kube::HttpRequest bounded = request;
    bounded.deadline =
        std::min(bounded.deadline, std::chrono::ceil<std::chrono::milliseconds>(left));
    return transport_->Send(bounded);
  }

 private:
  const std::unique_ptr<kube::Transport> transport_;
  const std::shared_ptr<const LeaderFence> fence_;
};

}  // namespace

std::unique_ptr<kube::Transport> MakeFencedTransport(std::unique_ptr<kube::Transport> transport,
                                                     std::shared_ptr<const LeaderFence> fence) {
  return std::make_unique<FencedTransport>(std::move(transport), std::move(fence));
}

}  // namespace stockade::runtime
