#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/egress.h"
#include "render/egress_profile.h"

// What egress.model stands for: the provider's host, the requests that an agent needs of it, the
// credential that the gateway adds, and the variables that lead Claude Code there.
namespace stockade::render {

// Credentials that the operator makes for a provider have this name, which no user can give.
inline constexpr std::string_view kModelCredentialName = "stockade-model";

struct ModelEndpoint {
  std::string host;
  // Only what answers a prompt or counts its tokens. A provider is a way out itself (tools that
  // fetch, files, batches), so everything else is for egress.allow to say.
  std::vector<PathMatch> paths;
  bool encoded_slash = false;  // ARNs in paths hold one
  std::optional<Injection> injection;
};

[[nodiscard]] ModelEndpoint ResolveModel(const api::EgressModel& model,
                                         const std::vector<api::Credential>& credentials);

// Those that Claude Code gets whatever its model is: it may reach nothing but its model, and cannot
// update itself.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> AgentVariables();

// Name and value of each environment variable of the agent. Where the client insists on a
// credential it gets a placeholder, which the gateway replaces.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> ModelVariables(
    const api::EgressModel& model);

}  // namespace stockade::render
