#pragma once

#include <string>
#include <string_view>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/egress_settings.h"

// What a way out adds to a sandbox's pod.
namespace stockade::render {

// The gateway that a sandbox's pod is to be rendered with; it must be there before.
struct SandboxEgress {
  EgressSettings settings;
  std::string gateway;          // its name
  std::string address;          // the cluster address of its Service
  std::string profile_hash;     // its rules, by which the sandbox's identity is made
  std::string identity_secret;  // of this sandbox: tls.crt, tls.key and ca.crt
};

// Where agents find the authorities that they trust.
inline constexpr std::string_view kTrustDirectory = "/etc/stockade/ca";
inline constexpr const char* kTrustFile = "ca.crt";

// Adds to a pod whose own containers are rendered: the canary and the proxy, before every container
// of the agent; for these the variables of the proxy, of the authorities and of the model, and the
// authorities; and the label by which the gateway's policies select the pod. Nothing else that the
// proxy has does any container of the agent get.
void AddEgress(codec::Json& pod, const api::AgentSandbox& sandbox, const SandboxEgress& egress);

// For digests: what of it the pod cannot do without, and what a new version of it may change.
[[nodiscard]] codec::Json EssentialsOf(const SandboxEgress& egress);
[[nodiscard]] codec::Json SettingsOf(const SandboxEgress& egress);

}  // namespace stockade::render
