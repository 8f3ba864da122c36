// An AgentSandbox in JSON, the whole way: parsed, decoded, judged, rendered and judged once more.
// What the rules let pass must render to a pod that they let pass, since the operator stops at the
// second judgement: a sandbox between the two would be accepted and never run.
#include <algorithm>
#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "codec/json.h"
#include "fuzzing.h"
#include "policy/evaluate.h"
#include "render/claims.h"
#include "render/fingerprint.h"
#include "render/render.h"

namespace {

using stockade::codec::Json;
using stockade::codec::JsonDocument;
using stockade::codec::JsonView;
using stockade::fuzz::Require;
namespace api = stockade::api;
namespace policy = stockade::policy;
namespace render = stockade::render;

std::string ErrorsIn(const std::vector<policy::Finding>& findings) {
  std::string text;
  for (const policy::Finding& finding : findings) {
    if (finding.severity != policy::Severity::kError) continue;
    text += finding.field + ": [" + std::string(finding.code) + "] " + finding.message + "\n";
  }
  return text;
}

void CheckViews(JsonView root) {
  const auto again = JsonDocument::Parse(root.Dump());
  Require(again.ok(), "what is dumped can be parsed", root.Dump());
  Require(again->root().ToJson() == root.ToJson(), "what is dumped is the same", root.Dump());
  Require(root.Canonical() == root.ToJson().dump(), "the canonical text", root.Dump());
  Require(api::JsonText(root).ToJson() == root.ToJson(), "JsonText is the same", root.Dump());
}

void CheckObject(const Json& object) {
  const JsonDocument document = stockade::codec::ParseTrusted(object);
  Require(document.root().ToJson() == object, "a rendered object is JSON", object.dump());
  Require(render::PodFingerprint(document.root()).size() == 64, "a pod has a fingerprint");
  Require(render::ServiceFingerprint(document.root()).size() == 64, "a Service has a fingerprint");
  Require(render::NetworkPolicyFingerprint(document.root()).size() == 64,
          "a NetworkPolicy has a fingerprint");
  Require(render::GrowthOf(document.root(), object).immutable_fields.empty(),
          "no field of an object differs from itself", object.dump());
}

void CheckRendered(const api::AgentSandbox& sandbox, bool passes) {
  const render::Profile profile;
  const render::DesiredObjects desired = render::Render(sandbox, profile);
  CheckObject(desired.pod);
  for (const Json& claim : desired.claims) CheckObject(claim);
  if (desired.service) CheckObject(*desired.service);
  if (desired.ingress_policy) CheckObject(*desired.ingress_policy);
  Require(render::Render(sandbox, profile).pod == desired.pod, "rendering is deterministic");

  const JsonDocument pod = stockade::codec::ParseTrusted(desired.pod);
  const std::string errors = ErrorsIn(policy::EvaluateRenderedPod(
      api::PodView(pod.root(), ""), profile.RuntimeClassFor(sandbox.spec.isolation), {}));
  if (passes)
    Require(errors.empty(), "what the rules let pass renders to what they let pass", errors);
}

}  // namespace

// The value -1 keeps an input out of libFuzzer's corpus: what is made from an object with several
// things wrong has several things wrong as well, and tells nothing about what the rules let pass.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = JsonDocument::Parse(stockade::fuzz::TextOf(data, size));
  if (!document.ok()) return -1;
  const JsonView root = document->root();
  // Every door refuses these, because readers differ on which of the two counts.
  const bool ambiguous = stockade::codec::FindDuplicateKey(root).has_value();
  if (!ambiguous) CheckViews(root);

  const auto field_errors = api::CheckAgentSandboxFields(root);
  auto sandbox = api::DecodeAgentSandbox(root);
  if (!sandbox.ok()) {
    Require(!field_errors.empty(), "the strict walk finds what decoding finds",
            sandbox.status().ToString());
    return -1;
  }
  // As the API server generates one after admission, before anybody renders it.
  if (sandbox->metadata.name.empty()) sandbox->metadata.name = "generated-x7k2p";
  const api::PodView pod_template(root["spec"]["podTemplate"], "spec.podTemplate");
  const auto findings = policy::EvaluateSandbox(*sandbox, pod_template, {});
  const auto errors =
      std::ranges::count(findings, policy::Severity::kError, &policy::Finding::severity);
  CheckRendered(*sandbox, errors == 0 && !ambiguous);
  return errors <= 1 ? 0 : -1;
}
