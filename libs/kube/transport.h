#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

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
// Safe to call from several threads at once; a call blocks.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual Result<HttpResponse> Send(const HttpRequest& request) = 0;
};

// Over cpprestsdk's http_client. Call InitializeCppRestThreads() first in main.
std::unique_ptr<Transport> MakeCppRestTransport(std::shared_ptr<const ConnectionConfig> config);
void InitializeCppRestThreads();

// Over Boost.Beast, synchronous for the caller, with a small pool of kept connections.
std::unique_ptr<Transport> MakeBeastTransport(std::shared_ptr<const ConnectionConfig> config);

}  // namespace stockade::kube
