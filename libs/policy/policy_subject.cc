#include "policy/policy_subject.h"

namespace stockade::policy {
namespace {

std::string ModelPath(const api::EgressModel& model) {
  const auto provider = static_cast<std::size_t>(model.provider);
  return "spec.egress.model." + std::string(api::kModelProviderNames[provider]);
}

}  // namespace

std::string ListedHost::Path() const {
  if (model == nullptr) return IndexedPath("spec.egress.allow", index, "host");
  return ModelPath(*model) + (model->provider == api::ModelProvider::kCustom ? ".host" : "");
}

std::string ListedHost::CredentialPath() const {
  if (model == nullptr) return IndexedPath("spec.egress.allow", index, "credential");
  return ModelPath(*model) + ".credential";
}

std::vector<ListedHost> ListedHosts(const api::AgentSandbox& sandbox) {
  std::vector<ListedHost> hosts;
  if (!sandbox.spec.egress) return hosts;
  const api::Egress& egress = *sandbox.spec.egress;
  hosts.reserve(egress.allow.size() + 1);
  if (egress.model) {
    hosts.push_back({.host = api::ModelHost(*egress.model),
                     .credential = egress.model->credential,
                     .model = &*egress.model});
  }
  for (std::size_t i = 0; i < egress.allow.size(); ++i) {
    hosts.push_back(
        {.host = egress.allow[i].host, .credential = egress.allow[i].credential, .index = i});
  }
  return hosts;
}

}  // namespace stockade::policy
