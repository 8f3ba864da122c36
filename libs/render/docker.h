#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/sandbox_runtime.h"

namespace stockade::render {

// The images that the script runs beside the agent's.
struct DockerFacts {
  std::string proxy_image;  // Envoy 1.40 at /usr/local/bin/envoy
};

// A script for bash that runs the sandbox's agent as a container of Docker or podman on one
// machine, hardened as its pod is and without a network, and beside it the two proxies by which
// alone it reaches what spec.egress lists; and what of the sandbox is not in it.
struct DockerScript {
  std::string script;
  std::vector<Unexpressed> unexpressed;
};

// `pod` is what RenderPod makes of the sandbox without its spec.egress. `directories` says by a
// mount's name which directory of the machine it is; other mounts are empty directories in memory.
[[nodiscard]] DockerScript RenderDocker(const api::AgentSandbox& sandbox, const codec::Json& pod,
                                        const std::map<std::string, std::string>& directories,
                                        const DockerFacts& facts);

}  // namespace stockade::render
