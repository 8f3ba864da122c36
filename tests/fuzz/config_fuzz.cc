// The configuration files of the operator and of the webhook. No configuration that the operator
// accepts may weaken what it renders.
#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "codec/json.h"
#include "fuzzing.h"
#include "operator/config.h"
#include "policy/evaluate.h"
#include "render/render.h"
#include "webhook/config.h"

namespace api = stockade::api;
namespace codec = stockade::codec;
namespace policy = stockade::policy;
using stockade::fuzz::Require;

namespace {

constexpr const char* kSandbox =
    R"({"metadata": {"name": "box", "namespace": "fuzz", "uid": "1"}, "spec": {"podTemplate":
        {"spec": {"containers": [{"name": "agent", "image": "registry.example.com/agent:v1"}]}}}})";

void CheckFloor(const stockade::sandbox_operator::OperatorConfig& config) {
  const auto document = codec::JsonDocument::Parse(kSandbox);
  auto sandbox = api::DecodeAgentSandbox(document->root());
  for (const auto tier :
       {api::Isolation::kContainer, api::Isolation::kGVisor, api::Isolation::kMicroVM}) {
    sandbox->spec.isolation = tier;
    const codec::JsonDocument pod =
        codec::ParseTrusted(stockade::render::Render(*sandbox, config.profile).pod);
    std::string errors;
    for (const policy::Finding& finding : policy::EvaluateRenderedPod(
             api::PodView(pod.root(), ""), config.profile.RuntimeClassFor(tier), config.facts)) {
      if (finding.severity == policy::Severity::kError)
        errors += finding.field + ": " + finding.message + "\n";
    }
    Require(errors.empty(), "every pod of an accepted configuration passes", errors);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = stockade::fuzz::TextOf(data, size);
  if (const auto config = stockade::sandbox_operator::ParseOperatorConfig(text); config.ok()) {
    Require(config->workers >= 1 && config->workers <= 64, "the number of workers is in range");
    CheckFloor(*config);
  } else {
    Require(!config.status().message().empty(), "an error says what is wrong");
  }
  if (const auto config = stockade::webhook::ParseConfig(text); config.ok()) {
    Require(config->threads >= 1 && config->connections >= 1, "there is somebody to answer");
    if (config->self_managed) {
      Require(config->certificate_file.empty() && config->key_file.empty(),
              "there is one source of certificates");
      Require(config->self_managed->leaf_lifetime <= config->self_managed->authority_lifetime / 2 &&
                  config->self_managed->overlap <= config->self_managed->authority_lifetime / 6,
              "a succession fits into an authority's lifetime");
      Require(!config->self_managed->configurations.empty(), "somebody trusts the certificate");
    } else {
      Require(!config->certificate_file.empty() && !config->key_file.empty(),
              "there is a certificate to serve with");
    }
    Require(!config->listen.address.empty(), "there is an address to listen on");
  } else {
    Require(!config.status().message().empty(), "an error says what is wrong");
  }
  return 0;
}
