#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/egress_profile.h"
#include "render/egress_settings.h"

// How credentials come into a gateway's pod. Names of Secrets and keys, never a value.
//
// Two containers run the program stockade-credentials, whose arguments are
//   prepare --config FILE   and ends: it makes the directories of all derived files and writes
//                           those of kind "basic". With a key that is missing it ends with 1
//                           instead, and its termination message names the Secret and the key of
//                           each.
//   run --config FILE       as long as the pod: it keeps the derived files current, by renaming.
//                           When a first exchange does not succeed within a minute it ends with 1,
//                           and its termination message says why.
//   ready --config FILE     succeeds when every derived file has its credential.
// FILE is kCredentialsFile:
//   {"secrets": [{"credential", "secret", "key", "file"}],
//    "derived": [{"credential", "file", "kind": "basic", "username", "passwordFile"},
//                {"credential", "file", "kind": "aws", "roleARN", "region", "sessionName",
//                 "tokenFile"},
//                {"credential", "file", "kind": "google", "audience", "tokenFile"}]}
namespace stockade::render {

// In the gateway's ConfigMap.
inline constexpr std::string_view kCredentialsFile = "credentials.json";
// Tokens of the gateway's service account, mounted into stockade-credentials alone.
inline constexpr std::string_view kTokensDirectory = "/var/run/secrets/stockade";

// One key of a user's Secret.
struct SecretMount {
  std::string credential;
  api::SecretKeyRef secret;
  // By the proxy itself; otherwise stockade-credentials makes of it what the proxy reads.
  bool proxy_reads = false;
};

struct GatewayCredentials {
  std::vector<SecretMount> secrets;  // sorted by credential
  bool derives = false;              // stockade-credentials has to run beside the proxy
  bool aws = false;                  // a token for AWS is needed
  bool google = false;               // a token for Google Cloud is needed
  codec::Json file;                  // the contents of kCredentialsFile

  [[nodiscard]] bool empty() const { return secrets.empty() && !derives; }
};

// Of the credentials that an endpoint of the profile uses; `gateway` is the gateway's name.
[[nodiscard]] GatewayCredentials PlanCredentials(const api::AgentSandbox& sandbox,
                                                 const EgressProfile& profile,
                                                 const EgressSettings& settings,
                                                 std::string_view gateway);

// What CloudTrail calls the gateway: NAMESPACE.NAME, where that is longer than the 64 characters
// that AWS takes, cut short with a digest.
[[nodiscard]] std::string RoleSessionName(std::string_view namespace_name, std::string_view name);

}  // namespace stockade::render
