#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "kube/connection_config.h"

namespace stockade::kube {

// One HTTP request to the API server, relative to its address.
struct HttpRequest {
  std::string method;        // "GET", "POST", "PUT", "PATCH", "DELETE"
  std::string target;        // path and query, already percent-encoded: "/api/v1/pods?limit=500"
  std::string content_type;  // of the body; empty without one
  std::string body;
  // For the whole exchange: connecting, sending and reading the last byte of the answer.
  std::chrono::milliseconds deadline = std::chrono::seconds(30);
};

struct HttpResponse {
  int status = 0;
  std::optional<std::chrono::milliseconds> retry_after;  // the Retry-After header, in seconds form
  std::string body;
};

// Sends single requests. Every implementation passes the same conformance test
// (tests/unit/kube/transport_conformance_test.cc): the server is verified, redirects are not
// followed, a connection is reused, the deadline is total, an answer of any HTTP status is a
// response and only its absence is an error (Unavailable, DeadlineExceeded, Cancelled).
// Safe to call from several threads at once; a call blocks, and TransportOptions::stop ends it.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual Result<HttpResponse> Send(const HttpRequest& request) = 0;
};

struct TransportOptions {
  std::shared_ptr<const Clock> clock;  // ages the token that was read; null: the system's
  std::size_t max_answer_bytes = std::size_t{64} * 1024 * 1024;  // more is Unavailable
  // Once a stop is requested, from any thread, what is under way ends at once as Cancelled, and
  // what comes later is refused as Cancelled with nothing sent. Whether the server has done what
  // was under way, or will do it, is then not known. An answer that was complete before is handed
  // over.
  std::stop_token stop = {};
};

// Over cpprestsdk's http_client. Call InitializeCppRestThreads() first in main. cpprestsdk cannot
// connect to an IPv6 address: for such a host this is MakeBeastTransport.
std::unique_ptr<Transport> MakeCppRestTransport(std::shared_ptr<const ConnectionConfig> config,
                                                TransportOptions options = {});
// Two threads for cpprestsdk in place of its forty. Only the first call before its first use
// counts.
void InitializeCppRestThreads();

// Over Boost.Beast, synchronous for the caller, with a small pool of kept connections. A request
// whose kept connection fails before any answer is sent once more on a new one when it is a GET or
// was not sent completely.
std::unique_ptr<Transport> MakeBeastTransport(std::shared_ptr<const ConnectionConfig> config,
                                              TransportOptions options = {});

}  // namespace stockade::kube
