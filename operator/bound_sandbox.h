#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "codec/json.h"
#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {

// A sandbox as whoever it belongs to looks at it.
struct BoundSandbox {
  std::string name;
  std::string uid;
  // Of the template; empty when it was not made from one.
  std::string revision;
  // Nobody has changed its spec since it was created.
  bool pristine = false;
  bool ready = false;
  bool finished = false;   // it has ended
  bool expired = false;    // because its lifetime was over, not its agent by itself
  bool forbidden = false;  // a policy would refuse one like it now; not known by LookAt
  bool deleting = false;
  std::chrono::system_clock::time_point created;
  // When its own lifetime is over.
  std::optional<std::chrono::system_clock::time_point> expires;
  // Of one that is not ready: since when.
  std::chrono::system_clock::time_point not_ready_since;
  std::string reason;   // of its condition Ready
  std::string message;  // of the same
  std::string pod_name;
  codec::Json pod_ips;  // as in its status; null for none
  std::string service;  // serviceFQDN
};

// What its objects in the cache tell.
[[nodiscard]] BoundSandbox LookAt(const CachedSandbox& sandbox);

}  // namespace stockade::sandbox_operator
