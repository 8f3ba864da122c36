#include "runtime/lease_client.h"

#include <utility>

namespace stockade::runtime {
namespace {

// Sends through `before` until a stop is requested, and through `after` from then on.
class TransportOfTwo final : public kube::Transport {
 public:
  TransportOfTwo(std::unique_ptr<kube::Transport> before, std::unique_ptr<kube::Transport> after,
                 std::stop_token stop)
      : before_(std::move(before)), after_(std::move(after)), stop_(std::move(stop)) {}

  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
    return (stop_.stop_requested() ? after_ : before_)->Send(request);
  }

 private:
  const std::unique_ptr<kube::Transport> before_;
  const std::unique_ptr<kube::Transport> after_;
  const std::stop_token stop_;
};

}  // namespace

LeaseClient::LeaseClient(const MakeTransport& make_transport, std::chrono::milliseconds deadline,
                         Grace grace)
    : grace_(grace),
      client_(
          std::make_unique<TransportOfTwo>(make_transport(under_way_.get_token()),
                                           make_transport(all_.get_token()), stopping_.get_token()),
          deadline) {}

void LeaseClient::BeginStop() {
  if (!stopping_.request_stop()) return;
  end_of_under_way_.emplace(under_way_, grace_.under_way);
  end_of_all_.emplace(all_, grace_.total);
}

}  // namespace stockade::runtime
