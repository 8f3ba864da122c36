#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "kube/connection_config.h"
#include "operator/config.h"

namespace stockade::sandbox_operator {

// The operator put together: caches, leader election, controllers and health endpoints. Start
// returns once the health endpoints answer; reconciling begins when every cache has synced and this
// process leads. Stop lets reconciles under way finish and then gives the Lease up; requests that
// are not answered are cancelled, so that it takes at most about 10 seconds whatever the API server
// does. Not for sharing between threads.
class OperatorApp {
 public:
  // `on_leadership_lost` is called, from a thread of the app, when this process led and does no
  // longer, or when the API server's data was replaced, so that it must not begin to: nothing is
  // written any more, and the process should end at once.
  OperatorApp(OperatorConfig config, kube::ConnectionConfig connection, const Clock& clock,
              Logger& logger, std::function<void()> on_leadership_lost);
  ~OperatorApp();
  OperatorApp(const OperatorApp&) = delete;
  OperatorApp& operator=(const OperatorApp&) = delete;

  Status Start();
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stockade::sandbox_operator
