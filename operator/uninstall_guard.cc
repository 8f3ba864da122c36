#include "operator/uninstall_guard.h"

#include <array>
#include <map>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "api/gateway_names.h"
#include "api/names.h"
#include "operator/binding_objects.h"
#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {
namespace {

constexpr std::size_t kNamespacesToName = 10;

// What is a sandbox, and what makes sandboxes for as long as an operator runs.
const std::array<std::pair<kube::Resource, std::string_view>, 3> kMakesPods = {{
    {kAgentSandboxClaims, "AgentSandboxClaims"},
    {kAgentSandboxPools, "AgentSandboxPools"},
    {kAgentSandboxes, "AgentSandboxes"},
}};

// The policies that the operator holds by a finalizer.
constexpr std::array kHeldPolicies = {api::kDenyAllPolicyName, api::kGatewayDenyAllPolicyName};

// A pod that the policy of that name shuts.
bool IsShutBy(std::string_view policy, codec::JsonView pod) {
  const codec::JsonView metadata = pod["metadata"];
  if (policy == api::kGatewayDenyAllPolicyName) {
    return metadata["labels"][api::kGatewayLabel].exists();
  }
  return metadata["labels"][api::kSandboxLabel].exists() ||
         (metadata["name"].StringOrEmpty().starts_with(api::kSandboxObjectPrefix) &&
          metadata["annotations"][api::kSpecHashAnnotation].exists());
}

std::string_view WhosePod(std::string_view policy) {
  return policy == api::kGatewayDenyAllPolicyName ? " of an egress gateway" : " of a sandbox";
}

std::string NamespacesOf(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  std::size_t named = 0;
  for (const auto& [name, count] : counts) {
    if (named++ == kNamespacesToName) {
      return text + " and " + std::to_string(counts.size() - kNamespacesToName) + " more";
    }
    if (!text.empty()) text += ", ";
    text += name + " (" + std::to_string(count) + ")";
  }
  return text;
}

}  // namespace

Status UninstallGuard::List(const kube::Resource& resource, const std::string& field_selector,
                            const std::function<void(codec::JsonView)>& take) {
  kube::ListOptions options;
  options.field_selector = field_selector;
  std::vector<std::string> namespaces = options_.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  for (const std::string& name : namespaces) {
    options.namespace_name = name;
    const auto listed = client_.List(resource, options, take);
    if (!listed.ok()) return listed.status();
  }
  return Status::Ok();
}

Status UninstallGuard::RefuseSandboxes() {
  std::string left;
  for (const auto& [resource, kind] : kMakesPods) {
    std::map<std::string, std::size_t> counts;
    std::size_t total = 0;
    const Status listed = List(resource, {}, [&](codec::JsonView object) {
      // A pool of none makes none.
      if (object["spec"]["replicas"].AsInt() == 0) return;
      ++counts[std::string(object["metadata"]["namespace"].StringOrEmpty())];
      ++total;
    });
    // Without the CustomResourceDefinition there are none.
    if (listed.code() == StatusCode::kNotFound || (listed.ok() && total == 0)) continue;
    if (!listed.ok()) return listed.WithContext("listing " + std::string(kind));
    if (!left.empty()) left += "; ";
    left += std::to_string(total) + " " + std::string(kind) + " are left, in the namespaces " +
            NamespacesOf(counts);
  }
  if (left.empty()) return Status::Ok();
  return {StatusCode::kConflict,
          left +
              "; delete them first: kubectl delete asbc,asbpool,asb --all, with --all-namespaces "
              "for all of them. To leave them running behind policies that nobody repairs, and "
              "without the webhook, uninstall with --no-hooks. To keep Stockade, let helm rollback "
              "bring the release back to its last revision: an uninstall that failed has marked it "
              "as one that goes"};
}

Result<std::string> UninstallGuard::AnyPod(const std::string& namespace_name,
                                           std::string_view policy) {
  kube::ListOptions options;
  options.namespace_name = namespace_name;
  std::string found;
  const auto listed = client_.List(kube::kPods, options, [&found, policy](codec::JsonView pod) {
    if (IsShutBy(policy, pod)) found = pod["metadata"]["name"].StringOrEmpty();
  });
  if (!listed.ok()) return listed.status();
  return found;
}

Status UninstallGuard::Release(const std::string& namespace_name, std::string_view name) {
  const auto deleted = client_.Delete(kube::kNetworkPolicies, namespace_name, name, {});
  if (deleted.status().code() == StatusCode::kNotFound) return Status::Ok();
  if (!deleted.ok()) return deleted.status();
  const auto live = client_.Get(kube::kNetworkPolicies, namespace_name, name);
  if (live.status().code() == StatusCode::kNotFound) return Status::Ok();
  if (!live.ok()) return live.status();
  codec::Json released = live->root().ToJson();
  codec::Json& finalizers = released["metadata"]["finalizers"];
  if (finalizers.is_array()) {
    std::erase(finalizers.get_ref<codec::Json::array_t&>(),
               codec::Json(std::string(api::kPodsGoneFinalizer)));
  }
  const auto updated = client_.Update(kube::kNetworkPolicies, namespace_name, name, released);
  if (updated.ok()) {
    logger_.Info("released NetworkPolicy " + std::string(name), {{"namespace", namespace_name}});
  }
  // The operator may have been faster.
  return updated.status().code() == StatusCode::kNotFound ? Status::Ok() : updated.status();
}

Status UninstallGuard::ReleasePolicies() {
  for (const std::string_view name : kHeldPolicies) {
    if (Status released = ReleasePolicies(name); !released.ok()) return released;
  }
  return Status::Ok();
}

Status UninstallGuard::ReleasePolicies(std::string_view name) {
  std::set<std::string> namespaces;
  const Status listed = List(kube::kNetworkPolicies, "metadata.name=" + std::string(name),
                             [&namespaces](codec::JsonView policy) {
                               namespaces.emplace(policy["metadata"]["namespace"].StringOrEmpty());
                             });
  if (!listed.ok()) return listed.WithContext("listing NetworkPolicies");
  Status waiting;
  for (const std::string& namespace_name : namespaces) {
    const auto pod = AnyPod(namespace_name, name);
    if (!pod.ok()) return pod.status().WithContext("listing pods of " + namespace_name);
    if (!pod->empty()) {
      waiting = {StatusCode::kUnavailable, "the pod " + namespace_name + "/" + *pod +
                                               std::string(WhosePod(name)) +
                                               " is left; the policy that shuts its "
                                               "network stays until the pod is gone"};
      continue;
    }
    if (Status released = Release(namespace_name, name); !released.ok()) {
      return released.WithContext("releasing the policy of " + namespace_name);
    }
  }
  if (!waiting.ok() || namespaces.empty()) return waiting;
  return {StatusCode::kUnavailable, "policies that were released are not gone yet"};
}

Status UninstallGuard::Run() {
  const auto deadline = clock_.SinceBoot() + options_.patience;
  while (true) {
    // Somebody may create one meanwhile, and then a pod may follow.
    if (Status none = RefuseSandboxes(); !none.ok()) return none;
    Status released = ReleasePolicies();
    if (released.ok() || clock_.SinceBoot() > deadline) return released;
    std::this_thread::sleep_for(options_.poll);
  }
}

}  // namespace stockade::sandbox_operator
