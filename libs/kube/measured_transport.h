#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "kube/transport.h"

namespace stockade::kube {

// Counts and times every request, under the names of client-go: rest_client_requests_total by code,
// method and host ("<error>" for a request without an answer), and
// rest_client_request_duration_seconds by verb and host. The registry must outlive the transport.
std::unique_ptr<Transport> MakeMeasuredTransport(std::unique_ptr<Transport> transport,
                                                 const ConnectionConfig& config,
                                                 prometheus::Registry& registry);

}  // namespace stockade::kube
