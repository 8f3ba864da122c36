#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "webhook/cluster_view.h"

namespace stockade::testing {

// A cluster as a test says that it is. To be filled before any thread asks.
class FakeClusterView : public webhook::ClusterView {
 public:
  struct Sandbox {
    api::Access access;
    api::StringMap labels;  // of its pod
    bool has_gateway = false;
    std::string idling_uid = {};  // of one with spec.lifecycle.idle
  };

  std::map<std::pair<std::string, std::string>, Sandbox, std::less<>> sandboxes;
  std::set<std::string, std::less<>> runtime_classes;
  std::vector<std::shared_ptr<const policy::CompiledPolicy>> policies;
  Status synced;  // every question gets this answer unless it is ok

  [[nodiscard]] Status CheckSynced() const override { return synced; }

  [[nodiscard]] Result<std::vector<std::shared_ptr<const policy::CompiledPolicy>>> PoliciesOf(
      std::string_view) const override {
    if (!synced.ok()) return synced;
    return policies;
  }

  [[nodiscard]] Result<std::optional<api::Access>> AccessOf(
      std::string_view namespace_name, std::string_view sandbox) const override {
    if (!synced.ok()) return synced;
    const auto found = sandboxes.find({std::string(namespace_name), std::string(sandbox)});
    if (found == sandboxes.end()) return std::optional<api::Access>();
    return std::optional<api::Access>(found->second.access);
  }

  [[nodiscard]] std::string UidOfIdling(std::string_view namespace_name,
                                        std::string_view sandbox) const override {
    const auto found = sandboxes.find({std::string(namespace_name), std::string(sandbox)});
    return found == sandboxes.end() ? std::string() : found->second.idling_uid;
  }

  [[nodiscard]] Result<std::optional<std::string>> SandboxSelectedBy(
      std::string_view namespace_name, const api::LabelSelector& pod_selector) const override {
    if (!synced.ok()) return synced;
    for (const auto& [key, sandbox] : sandboxes) {
      if (!namespace_name.empty() && key.first != namespace_name) continue;
      if (pod_selector.Matches(sandbox.labels)) {
        return std::optional<std::string>(key.first + "/" + key.second);
      }
    }
    return std::optional<std::string>();
  }

  [[nodiscard]] Result<std::optional<std::string>> GatewaySelectedBy(
      std::string_view namespace_name, const api::LabelSelector& pod_selector) const override {
    if (!synced.ok()) return synced;
    for (const auto& [key, sandbox] : sandboxes) {
      if (!namespace_name.empty() && key.first != namespace_name) continue;
      if (sandbox.has_gateway && webhook::MaySelectGateways(pod_selector)) {
        return std::optional<std::string>(key.first + "/" + key.second);
      }
    }
    return std::optional<std::string>();
  }

  [[nodiscard]] Result<bool> RuntimeClassInUse(std::string_view runtime_class) const override {
    if (!synced.ok()) return synced;
    return runtime_classes.contains(runtime_class);
  }
};

}  // namespace stockade::testing
