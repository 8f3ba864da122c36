#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "render/render.h"

// What the tests of rendering share.
namespace stockade::render {

std::string ReadFile(const std::filesystem::path& path);

// The AgentSandboxes among the documents of a manifest. A test fails, and gets none, when the text
// is no YAML or one of them cannot be decoded.
std::vector<api::AgentSandbox> SandboxesIn(std::string_view yaml);

// A sandbox "box" in the namespace "render" with this spec.
api::AgentSandbox SandboxWithSpec(std::string_view spec_yaml);
// A sandbox with this PodSpec and nothing else.
api::AgentSandbox SandboxWithPod(std::string_view pod_spec_yaml);
// A sandbox whose only container has these fields, beside a name and an image.
api::AgentSandbox SandboxWithContainer(std::string_view container_yaml);

// Any YAML as JSON, to compare with.
codec::Json FromYaml(std::string_view yaml);

// The spec of the pod that a sandbox renders to under the default profile.
codec::Json PodSpecOf(const api::AgentSandbox& sandbox);
// The first of its ordinary containers.
codec::Json ContainerOf(const api::AgentSandbox& sandbox);
// The element of a list with this name; fails the test when there is none.
codec::Json Named(const codec::Json& list, std::string_view name);
// The names of a list's elements, in order.
std::vector<std::string> NamesIn(const codec::Json& list);

// Every object of `desired` in the order pod, claims, Service, NetworkPolicy.
std::vector<codec::Json> ObjectsOf(const DesiredObjects& desired);

// The files of a directory with this extension, sorted.
std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& directory,
                                           std::string_view extension);

// Holds what `render` makes of each NAME.yaml in the directory to NAME.json beside it, which is
// indented by `indent`; with STOCKADE_UPDATE_GOLDEN in the environment, rewrites these files and
// fails, since a run that compares nothing must not look like one that passed.
void ExpectGolden(const std::filesystem::path& directory, int indent, std::size_t least_files,
                  const std::function<codec::Json(const std::filesystem::path& input)>& render);

}  // namespace stockade::render
