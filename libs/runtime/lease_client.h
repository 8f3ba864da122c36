#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "base/stop_after.h"
#include "kube/client.h"
#include "kube/transport.h"

namespace stockade::runtime {

// The leader elector's client. It is not cancelled with the requests of those that write under the
// Lease, and its own end is in two steps, so that a renewal that nobody answers leaves the Lease's
// release its time. Belongs to the thread that makes it, but for client(), which is the elector's.
class LeaseClient {
 public:
  using MakeTransport = std::function<std::unique_ptr<kube::Transport>(std::stop_token stop)>;

  struct Grace {
    std::chrono::nanoseconds under_way = std::chrono::seconds(2);
    std::chrono::nanoseconds total = std::chrono::seconds(5);
  };

  // Every call gives up after `deadline`.
  LeaseClient(const MakeTransport& make_transport, std::chrono::milliseconds deadline)
      : LeaseClient(make_transport, deadline, Grace{}) {}
  LeaseClient(const MakeTransport& make_transport, std::chrono::milliseconds deadline, Grace grace);

  [[nodiscard]] kube::Client& client() { return client_; }

  // To be called before the elector is asked to stop. What is under way is cancelled when the first
  // grace is over; what begins from now on, which is the release, when the whole of it is.
  void BeginStop();

 private:
  const Grace grace_;
  std::stop_source stopping_;
  std::stop_source under_way_;
  std::stop_source all_;
  kube::Client client_;
  std::optional<StopAfter> end_of_under_way_;
  std::optional<StopAfter> end_of_all_;
};

}  // namespace stockade::runtime
