#include "tests/unit/property/judgement.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "policy/evaluate.h"
#include "render/render.h"

namespace stockade::property {
namespace {

using codec::Json;

const Json& At(const Json& object, std::string_view pointer) {
  static const Json kNothing;
  const Json::json_pointer path{std::string(pointer)};
  return object.contains(path) ? object[path] : kNothing;
}

// Calls f(key, value) for every member of every object below.
template <typename F>
void ForEachMemberBelow(const Json& value, F&& f) {
  for (const auto& [key, member] : value.items()) {
    if (value.is_object()) f(key, member);
    if (member.is_structured()) ForEachMemberBelow(member, f);
  }
}

void CheckContainer(const Json& container, const auto& expect) {
  const std::string name = container.value("name", "?");
  const auto is = [&](const char* pointer, const Json& wanted) {
    expect(At(container, pointer) == wanted, name + pointer);
  };
  is("/securityContext/allowPrivilegeEscalation", false);
  is("/securityContext/readOnlyRootFilesystem", true);
  const Json& privileged = At(container, "/securityContext/privileged");
  expect(privileged.is_null() || privileged == false, name + " is privileged");
  expect(At(container, "/securityContext/capabilities/add").empty(), name + " adds capabilities");
  const Json& drop = At(container, "/securityContext/capabilities/drop");
  expect(drop.is_array() && std::ranges::find(drop, Json("ALL")) != drop.end(),
         name + " keeps capabilities");
  for (const char* id : {"runAsUser", "runAsGroup"}) {
    const Json& value = At(container, "/securityContext/" + std::string(id));
    expect(value.is_null() || (value.is_number_integer() && value >= 1000), name + "'s " + id);
  }
  expect(container.value("volumeDevices", Json::array()).empty(), name + " has a device");
  for (const Json& port : container.value("ports", Json::array())) {
    expect(port.value("hostPort", 0) == 0, name + " has a port of the node");
  }
  for (const Json& variable : container.value("env", Json::array())) {
    expect(!variable.value("name", "").starts_with("LD_"), name + " preloads code");
  }
}

}  // namespace

Judgement Judge(const Json& object) {
  Judgement judgement;
  const codec::JsonDocument document = codec::ParseTrusted(object);
  const auto sandbox = api::DecodeAgentSandbox(document.root());
  if (!sandbox.ok()) {
    judgement.errors.emplace_back("FieldValueInvalid", sandbox.status().message());
    return judgement;
  }
  const api::PodView pod_template(document.root()["spec"]["podTemplate"], "spec.podTemplate");
  for (const policy::Finding& finding : policy::EvaluateSandbox(*sandbox, pod_template, {})) {
    if (finding.severity != policy::Severity::kError) continue;
    judgement.errors.emplace_back(finding.code, finding.field);
  }
  if (!judgement.errors.empty()) return judgement;
  const render::Profile profile;
  judgement.pod = render::Render(*sandbox, profile).pod;
  const codec::JsonDocument pod = codec::ParseTrusted(judgement.pod);
  judgement.pod_findings = policy::EvaluateRenderedPod(
      api::PodView(pod.root(), ""), profile.RuntimeClassFor(sandbox->spec.isolation), {});
  return judgement;
}

std::vector<std::string> NotHardened(const Json& pod) {
  std::vector<std::string> wrong;
  const auto expect = [&wrong](bool holds, std::string what) {
    if (!holds) wrong.push_back(std::move(what));
  };
  const Json& spec = At(pod, "/spec");
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"}) {
    expect(At(spec, "/" + std::string(field)).is_null() || spec[field] == false, field);
  }
  expect(At(spec, "/automountServiceAccountToken") == false, "a token is mounted");
  expect(At(spec, "/dnsPolicy") == "None", "names are resolved");
  expect(spec.value("nodeName", "").empty(), "the node is chosen");
  expect(At(spec, "/securityContext/runAsNonRoot") == true, "root is possible");
  const Json& user = At(spec, "/securityContext/runAsUser");
  expect(user.is_number_integer() && user >= 1000, "the user is no ordinary one");
  const Json& profile = At(spec, "/securityContext/seccompProfile/type");
  expect(profile == "RuntimeDefault" || profile == "Localhost", "seccomp is off");
  expect(!At(pod, "/metadata/labels/stockade.dev~1sandbox").is_null(), "no policy selects it");
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& container : spec.value(list, Json::array())) {
      CheckContainer(container, expect);
    }
  }
  constexpr std::array<std::string_view, 8> kVolumes = {
      "name",      "emptyDir",    "configMap", "persistentVolumeClaim",
      "ephemeral", "downwardAPI", "projected", "image"};
  for (const Json& volume : spec.value("volumes", Json::array())) {
    for (const auto& [source, value] : volume.items()) {
      expect(std::ranges::find(kVolumes, source) != kVolumes.end(), "a volume is " + source);
    }
  }
  ForEachMemberBelow(spec, [&expect](const std::string& key, const Json&) {
    constexpr std::array<std::string_view, 6> kNowhere = {
        "secretKeyRef",   "secretRef", "serviceAccountToken",
        "podCertificate", "hostPath",  "windowsOptions"};
    expect(std::ranges::find(kNowhere, key) == kNowhere.end(), key);
  });
  return wrong;
}

}  // namespace stockade::property
