#pragma once

#include <chrono>
#include <cstdint>
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
  bool finished = false;  // its agent has ended by itself
  bool deleting = false;
  std::chrono::system_clock::time_point created;
  // Of one that is not ready: since when.
  std::chrono::system_clock::time_point not_ready_since;
  std::string reason;   // of its condition Ready
  std::string message;  // of the same
  std::string pod_name;
  codec::Json pod_ips;  // as in its status; null for none
  std::string service;  // serviceFQDN
};

[[nodiscard]] BoundSandbox LookAt(const CachedSandbox& sandbox);

}  // namespace stockade::sandbox_operator
