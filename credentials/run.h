#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "credentials/config.h"

namespace stockade::credentials {

// Keeps one derived file of kind basic current. For one thread.
class BasicFile {
 public:
  // `derived` and `logger` must outlive it.
  BasicFile(const Derived& derived, Logger& logger);

  // Writes the file if the password has changed since. A password that is gone or empty is logged
  // once, and the file stays as it was.
  void Update();

 private:
  const Derived& derived_;
  Logger& logger_;
  std::string written_;
  std::string problem_;
};

struct RunOptions {
  // For the first exchanges, of those credentials that have no file from an earlier run.
  std::chrono::seconds deadline{60};
};

// Keeps every derived file current until SIGTERM or SIGINT, which it blocks for the whole process.
// Secrets' files are compared once a second: the kubelet takes longer to bring a change, and of the
// inotify instances a node has few for each user, which its proxies need. Unavailable when after
// the deadline a first exchange has failed, with the reason of each credential that is missing.
Status Run(const Config& config, const RunOptions& options, const Clock& clock, Logger& logger);

}  // namespace stockade::credentials
