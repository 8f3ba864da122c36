#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "codec/json.h"
#include "kube/client.h"

namespace stockade::cli {

// The cluster that --kubeconfig and --context name, or that kubectl would talk to without them.
struct Cluster {
  std::unique_ptr<kube::Client> client;
  std::string default_namespace;  // --namespace, or the context's
};
[[nodiscard]] Result<Cluster> ConnectToCluster(const Invocation& invocation);

// The live object, or nothing when there is none.
[[nodiscard]] Result<std::optional<codec::JsonDocument>> Find(kube::Client& client,
                                                              const kube::Resource& resource,
                                                              const std::string& namespace_name,
                                                              const std::string& name);

}  // namespace stockade::cli
