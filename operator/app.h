#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "kube/connection_config.h"
#include "operator/config.h"

namespace stockade::sandbox_operator {

// The operator put together: caches, controllers and health endpoints. Start returns once the
// health endpoints answer; reconciling begins when every cache has synced. Stop lets reconciles
// under way finish. Not for sharing between threads.
class OperatorApp {
 public:
  OperatorApp(OperatorConfig config, kube::ConnectionConfig connection, const Clock& clock,
              Logger& logger);
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
