#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "kube/client.h"

namespace stockade::sandbox_operator {

struct UninstallGuardOptions {
  // How long pods and policies that are going may take to be gone.
  std::chrono::nanoseconds patience = std::chrono::seconds(90);
  std::chrono::milliseconds poll = std::chrono::seconds(1);
  // Where to look; empty: everywhere.
  std::vector<std::string> namespaces;
};

// What has to be settled before the operator, its rights and the webhook are taken out of a
// cluster; asks the API server alone and may run beside an operator.
//
// Refuses (Status kConflict, with the namespaces) while there are AgentSandboxes, or claims and
// pools that make them: they would run on, behind policies that nobody repairs, and under a webhook
// that guards nothing any more. Then waits until no policy stockade-deny-all or
// stockade-gateway-deny-all is left, which a running operator sees to, and releases those that none
// does. Never touches a policy in whose namespace a pod is left that it shuts: the boundary does
// not open. Blocks; for one thread.
class UninstallGuard {
 public:
  UninstallGuard(kube::Client& client, const Clock& clock, Logger& logger,
                 UninstallGuardOptions options = {})
      : client_(client), clock_(clock), logger_(logger), options_(std::move(options)) {}

  Status Run();

 private:
  // Every object of that kind in the namespaces, or everywhere.
  Status List(const kube::Resource& resource, const std::string& field_selector,
              const std::function<void(codec::JsonView)>& take);
  // Ok when there is no AgentSandbox, and nothing that makes any.
  Status RefuseSandboxes();
  // One look: releases what can be released. Ok when no policy is left; Unavailable says which
  // namespace waits for what.
  Status ReleasePolicies();
  Status ReleasePolicies(std::string_view name);
  Status Release(const std::string& namespace_name, std::string_view name);
  // The name of a pod that the policy shuts: a gateway's by its label; a sandbox's by its label or,
  // should somebody have taken that off, by the operator's digest on it. Empty for none.
  Result<std::string> AnyPod(const std::string& namespace_name, std::string_view policy);

  kube::Client& client_;
  const Clock& clock_;
  Logger& logger_;
  const UninstallGuardOptions options_;
};

}  // namespace stockade::sandbox_operator
