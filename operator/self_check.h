#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "kube/client.h"

namespace stockade::sandbox_operator {

struct SelfCheckOptions {
  std::string namespace_name;
  // How long the operator may take to look at a new sandbox.
  std::chrono::nanoseconds patience = std::chrono::seconds(60);
  std::chrono::milliseconds poll = std::chrono::milliseconds(500);
};

// Whether an installation works, seen as a user sees it: the webhook refuses a sandbox that asks
// for the host's network and lets a plain one pass, and the operator writes its status. Both are
// suspended, so that nothing runs whatever comes of it, and both are gone afterwards. Asks the API
// server alone: as whoever may create, get and delete AgentSandboxes in the namespace. Blocks; for
// one thread.
class SelfCheck {
 public:
  SelfCheck(kube::Client& client, const Clock& clock, Logger& logger, SelfCheckOptions options)
      : client_(client), clock_(clock), logger_(logger), options_(std::move(options)) {}

  // The first thing that is wrong, in words for the one who installs.
  Status Run();

 private:
  Status WebhookRefuses();
  Status OperatorLooks();
  Status WaitForStatus(const std::string& name);
  Status Delete(const std::string& name);

  kube::Client& client_;
  const Clock& clock_;
  Logger& logger_;
  const SelfCheckOptions options_;
};

}  // namespace stockade::sandbox_operator
