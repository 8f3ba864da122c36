#include "operator/self_check.h"

#include <cstdio>
#include <random>
#include <thread>

#include "api/names.h"
#include "operator/cached_objects.h"

namespace stockade::sandbox_operator {
namespace {

// How the webhook's denial is worded, whatever the rule.
constexpr std::string_view kRefused = "is refused by";

bool IsRefusal(const Status& status) {
  return status.message().find(kRefused) != std::string::npos;
}

// The API server does not reach the webhook, or we do not reach the API server.
bool MayPass(const Status& status) {
  return !IsRefusal(status) && status.code() != StatusCode::kForbidden &&
         status.code() != StatusCode::kAlreadyExists && status.code() != StatusCode::kNotFound;
}

// No two runs have the same name, should one have died before it could delete.
std::string NewName() {
  std::random_device device;
  char suffix[16];
  std::snprintf(suffix, sizeof(suffix), "%08x", device());
  return std::string("stockade-self-check-") + suffix;
}

// Suspended: there is never a pod. The digest names no image, and nothing pulls it.
codec::Json SuspendedSandbox(const std::string& name) {
  const codec::Json container = {
      {"name", "agent"},
      {"image", "registry.example.com/stockade/self-check@sha256:" + std::string(64, '0')}};
  return {{"apiVersion", api::kGroupVersion},
          {"kind", api::kAgentSandboxKind},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"operatingMode", "Suspended"},
            {"podTemplate", {{"spec", {{"containers", codec::Json::array({container})}}}}}}}};
}

}  // namespace

Status SelfCheck::Delete(const std::string& name) {
  const auto deleted = client_.Delete(kAgentSandboxes, options_.namespace_name, name, {});
  if (deleted.ok() || deleted.status().code() == StatusCode::kNotFound) return Status::Ok();
  return deleted.status().WithContext("deleting AgentSandbox " + name);
}

Status SelfCheck::WebhookRefuses() {
  const std::string name = NewName();
  codec::Json sandbox = SuspendedSandbox(name);
  sandbox["spec"]["podTemplate"]["spec"]["hostNetwork"] = true;
  const auto deadline = clock_.SinceBoot() + options_.patience;
  auto created = client_.Create(kAgentSandboxes, options_.namespace_name, sandbox);
  // Right after an installation the API server may not reach the webhook yet.
  while (!created.ok() && MayPass(created.status()) && clock_.SinceBoot() < deadline) {
    std::this_thread::sleep_for(options_.poll);
    created = client_.Create(kAgentSandboxes, options_.namespace_name, sandbox);
  }
  // Of a try whose answer was lost.
  if (created.ok() || created.status().code() == StatusCode::kAlreadyExists) {
    const Status deleted = Delete(name);
    return {StatusCode::kConflict,
            "an AgentSandbox with hostNetwork was accepted: is the webhook registered? See "
            "kubectl get validatingwebhookconfigurations stockade" +
                (deleted.ok() ? std::string() : "; and " + deleted.message())};
  }
  if (!IsRefusal(created.status())) {
    return created.status().WithContext(
        "the webhook should have refused an AgentSandbox with hostNetwork, but the answer was");
  }
  logger_.Info("the webhook refuses what it should");
  return Status::Ok();
}

Status SelfCheck::WaitForStatus(const std::string& name) {
  const auto deadline = clock_.SinceBoot() + options_.patience;
  while (true) {
    const auto live = client_.Get(kAgentSandboxes, options_.namespace_name, name);
    if (!live.ok()) return live.status().WithContext("reading AgentSandbox " + name);
    if (live->root()["status"]["observedGeneration"].exists()) return Status::Ok();
    if (clock_.SinceBoot() > deadline) {
      return {StatusCode::kDeadlineExceeded,
              "no operator wrote the status of an AgentSandbox: does one run and lead? See its "
              "/readyz and its log"};
    }
    std::this_thread::sleep_for(options_.poll);
  }
}

Status SelfCheck::OperatorLooks() {
  const std::string name = NewName();
  const auto created =
      client_.Create(kAgentSandboxes, options_.namespace_name, SuspendedSandbox(name));
  if (!created.ok()) return created.status().WithContext("creating a plain AgentSandbox");
  Status looked = WaitForStatus(name);
  const Status deleted = Delete(name);
  if (looked.ok()) logger_.Info("the operator looks after sandboxes");
  return looked.ok() ? deleted : looked;
}

Status SelfCheck::Run() {
  if (Status refused = WebhookRefuses(); !refused.ok()) return refused;
  return OperatorLooks();
}

}  // namespace stockade::sandbox_operator
