#pragma once

#include <cstdint>

#include "api/egress.h"

// How large the configuration of a sandbox's gateway becomes, which one ConfigMap has to hold.
// Pure.
namespace stockade::policy {

// What an object of Kubernetes may hold is 1 MiB; the rest is for the metadata, and for the ranges
// of the operator's configuration, of which each takes some 250 bytes for each host and port.
inline constexpr std::int64_t kMaxGatewayBytes = 1'000'000;

// Bytes of the gateway's Envoy configuration, estimated: never less than the rendered one has with
// up to four clusterRanges, and at most about a tenth more where there are many hosts.
[[nodiscard]] std::int64_t EstimateGatewayBytes(const api::Egress& egress);

}  // namespace stockade::policy
