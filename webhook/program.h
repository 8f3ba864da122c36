#pragma once

#include <functional>
#include <memory>

#include "base/log.h"
#include "base/status.h"
#include "kube/connection_config.h"
#include "webhook/config.h"

namespace stockade::webhook {

// Serves admission and health by `config` until `wait_for_stop` returns, then says that it is not
// ready, answers what is under way and ends. It is ready once its caches have read the cluster that
// `connection` leads to. Called once, by main; signals are the caller's.
// BadRequest when the configuration cannot be served: its message begins with the field.
Status Run(const Config& config, std::shared_ptr<const kube::ConnectionConfig> connection,
           Logger& logger, const std::function<void()>& wait_for_stop);

}  // namespace stockade::webhook
