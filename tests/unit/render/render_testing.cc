#include "render_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "codec/yaml.h"

namespace stockade::render {
namespace {

using codec::Json;

constexpr const char* kMetadata =
    R"({"name": "box", "namespace": "render", "uid": "0b7c8a52-6a5e-4a3f-9a55-0000000000ff"})";

api::AgentSandbox FromSpec(const Json& spec) {
  const Json object = {{"metadata", Json::parse(kMetadata)}, {"spec", spec}};
  auto sandbox = api::DecodeAgentSandbox(codec::ParseTrusted(object).root());
  EXPECT_TRUE(sandbox.ok()) << sandbox.status().ToString();
  return sandbox.ok() ? std::move(*sandbox) : api::AgentSandbox();
}

}  // namespace

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<api::AgentSandbox> SandboxesIn(std::string_view yaml) {
  std::vector<api::AgentSandbox> sandboxes;
  const auto documents = codec::ParseYamlDocuments(yaml);
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  if (!documents.ok()) return sandboxes;
  for (const codec::JsonDocument& document : *documents) {
    if (document.root()["kind"].StringOrEmpty() != "AgentSandbox") continue;
    const auto errors = api::CheckAgentSandboxFields(document.root());
    EXPECT_TRUE(errors.empty()) << codec::ToStatus(errors).ToString();
    auto sandbox = api::DecodeAgentSandbox(document.root());
    EXPECT_TRUE(sandbox.ok()) << sandbox.status().ToString();
    if (sandbox.ok()) sandboxes.push_back(std::move(*sandbox));
  }
  return sandboxes;
}

Json FromYaml(std::string_view yaml) {
  if (yaml == "null") return nullptr;  // to the parser no document at all
  const auto document = codec::ParseYaml(yaml);
  EXPECT_TRUE(document.ok()) << document.status().ToString() << "\n" << yaml;
  return document.ok() ? document->root().ToJson() : Json();
}

api::AgentSandbox SandboxWithSpec(std::string_view spec_yaml) {
  return FromSpec(FromYaml(spec_yaml));
}

api::AgentSandbox SandboxWithPod(std::string_view pod_spec_yaml) {
  return FromSpec({{"podTemplate", {{"spec", FromYaml(pod_spec_yaml)}}}});
}

api::AgentSandbox SandboxWithContainer(std::string_view container_yaml) {
  Json container = FromYaml(container_yaml);
  container["name"] = "agent";
  container.emplace("image", "registry.example.com/agent:v1");
  const Json pod_spec = {{"containers", Json::array({std::move(container)})}};
  return FromSpec({{"podTemplate", {{"spec", pod_spec}}}});
}

Json PodSpecOf(const api::AgentSandbox& sandbox) { return Render(sandbox, {}).pod.at("spec"); }

Json ContainerOf(const api::AgentSandbox& sandbox) {
  return PodSpecOf(sandbox).at("containers").at(0);
}

Json Named(const Json& list, std::string_view name) {
  for (const Json& element : list) {
    if (element.at("name") == name) return element;
  }
  ADD_FAILURE() << "no " << name << " in " << list;
  return nullptr;
}

std::vector<std::string> NamesIn(const Json& list) {
  std::vector<std::string> names;
  for (const Json& element : list) names.push_back(element.at("name"));
  return names;
}

std::vector<Json> ObjectsOf(const DesiredObjects& desired) {
  std::vector<Json> objects = {desired.pod};
  objects.insert(objects.end(), desired.claims.begin(), desired.claims.end());
  if (desired.service) objects.push_back(*desired.service);
  if (desired.ingress_policy) objects.push_back(*desired.ingress_policy);
  return objects;
}

std::vector<std::filesystem::path> FilesIn(const std::filesystem::path& directory,
                                           std::string_view extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void ExpectGolden(const std::filesystem::path& directory, int indent, std::size_t least_files,
                  const std::function<codec::Json(const std::filesystem::path& input)>& render) {
  const bool updating = std::getenv("STOCKADE_UPDATE_GOLDEN") != nullptr;
  const auto inputs = FilesIn(directory, ".yaml");
  EXPECT_GE(inputs.size(), least_files);
  for (const auto& input : inputs) {
    SCOPED_TRACE(input.filename().string());
    const codec::Json rendered = render(input);
    const std::string text = rendered.dump(indent) + "\n";
    EXPECT_EQ(text, render(input).dump(indent) + "\n") << "equal input gives equal output";
    const auto golden = std::filesystem::path(input).replace_extension(".json");
    if (updating) {
      std::ofstream(golden, std::ios::binary) << text;
      continue;
    }
    const std::string expected = ReadFile(golden);
    if (text == expected) continue;
    const auto wanted = codec::Json::parse(expected, nullptr, /*allow_exceptions=*/false);
    ADD_FAILURE() << "to make of the golden file what is rendered now:\n"
                  << codec::Json::diff(wanted, rendered).dump(2);
  }
  if (updating) ADD_FAILURE() << "the golden files are rewritten; read their diff";
}

}  // namespace stockade::render
