#pragma once

#include <cstdint>

// What one agent can make a gateway hold in memory, so that others who share it are served: a small
// buffer for each connection and stream (kilobytes, of which a link inside a cluster needs no
// more), of the streams that fill theirs the largest reset first when memory runs short
// (Bootstrap), and few bodies that have to be held whole. With the sidecar's bound on connections
// the worst of a single sandbox stays below the gateway's heap: tests/conformance/test_memory.py.
namespace stockade::render::envoy {

inline constexpr std::int64_t kBufferBytes = 64 << 10;
inline constexpr std::int64_t kStreamWindowBytes = 64 << 10;
inline constexpr std::int64_t kConnectionWindowBytes = 1 << 20;

// Of everything that is counted for a host and for all sandboxes together (connections, requests)
// there is more than the sidecars of a gateway let through; what a single sandbox can have under
// way is bounded by its sidecar's connections and by the streams of each.
inline constexpr std::int64_t kUnderWay = 1 << 20;
inline constexpr std::int64_t kStreamsOfConnection = 16;

// Each name below a wildcard gets a cluster that lasts as long as it is used, and this much longer.
// A sandbox opens kNewNames connections to such names at once and kNewNamesPerSecond more, so that
// the names of one, which need not exist, leave room for those of others.
inline constexpr std::int64_t kNamesBelowWildcard = 1024;
inline constexpr const char* kNameLasts = "30s";
inline constexpr std::int64_t kNewNames = 100;
inline constexpr std::int64_t kNewNamesPerSecond = 20;

// A signature covers the body, which is held until it is complete. Those that are larger than
// kLargeBodyBytes are counted for each sandbox: kLargeBodies at once and one more every
// kLargeBodyInterval; each has to be complete, and sent on, after kSignedRequestTimeout.
inline constexpr std::int64_t kSignedBodyBytes = 8 << 20;
inline constexpr std::int64_t kLargeBodyBytes = 256 << 10;
inline constexpr std::int64_t kLargeBodies = 6;
inline constexpr const char* kLargeBodyInterval = "2s";
inline constexpr const char* kSignedRequestTimeout = "20s";

}  // namespace stockade::render::envoy
