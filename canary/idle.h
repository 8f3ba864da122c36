#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace stockade::canary {

struct IdleOptions {
  std::chrono::seconds after{};      // so long without use is idle
  std::uint16_t proxy_port = 0;      // where the agent's proxy listens; 0: there is none
  std::string tables = "/proc/net";  // has tcp and, where there is IPv6, tcp6
};

// Tells idleness from samples of use. Pure; for one thread.
class IdleCount {
 public:
  using Time = std::chrono::steady_clock::time_point;

  IdleCount(std::chrono::milliseconds after, Time now) : after_(after), last_(now) {}

  // A sample that was taken at `now`. True once nothing was used for as long as it takes. Time in
  // which no samples could be taken, as when the machine stood still, does not count as idle.
  [[nodiscard]] bool Add(bool used, Time now);

  // The longest time between two samples that counts as a whole.
  static constexpr std::chrono::seconds kLongestGap{5};

 private:
  const std::chrono::milliseconds after_;
  Time last_;
  Time::duration idle_{};
};

// Returns once the pod's network was not used for `after`, as Activity has it: never while it is.
// kInternal when there are no tables to read.
Status WaitUntilIdle(const IdleOptions& options);

// One sample's lines; kInternal when tcp cannot be read. A table of IPv6 that is missing is empty.
Status ReadTables(const std::string& directory, const std::function<void(std::string_view)>& add);

}  // namespace stockade::canary
