// An AdmissionReview as it comes over the network, of a sandbox under policies, of a policy or of
// what the guards judge.
// Whatever is decoded gets an answer that is JSON, for the same request, with a reason when it is a
// refusal.
#include <set>
#include <string>

#include "codec/json.h"
#include "fuzzing.h"
#include "policy/compiled_policy.h"
#include "tests/fakes/fake_cluster_view.h"
#include "webhook/admission_review.h"
#include "webhook/agent_sandbox_handler.h"
#include "webhook/agent_sandbox_policy_handler.h"
#include "webhook/guards/guard_handler.h"

namespace codec = stockade::codec;
namespace webhook = stockade::webhook;
using stockade::fuzz::Require;

namespace {

// One policy of each enforcement, which together look at everything that policies look at.
const stockade::testing::FakeClusterView& Cluster() {
  static const stockade::testing::FakeClusterView cluster = [] {
    stockade::testing::FakeClusterView view;
    for (const char* enforcement : {"Enforce", "Warn", "Audit"}) {
      const codec::JsonDocument object = codec::ParseTrusted(
          {{"metadata", {{"name", enforcement}}},
           {"spec",
            {{"enforcement", enforcement},
             {"minimumIsolation", "GVisor"},
             {"minimumIsolationForUntrusted", "MicroVM"},
             {"images", {{"allowedRegistries", {"ghcr.io/acme"}}, {"requireDigest", true}}},
             {"resources", {{"max", {{"cpu", "1"}, {"memory", "1Gi"}}}}},
             {"access", {{"forbidPortForward", true}}}}}});
      view.policies.push_back(stockade::policy::CompiledPolicy::Compile(object.root()));
    }
    view.sandboxes[{"team", "agent"}] = {{}, {{"app", "agent"}, {"stockade.dev/sandbox", "agent"}}};
    view.runtime_classes.insert("gvisor");
    return view;
  }();
  return cluster;
}

// Of every other Secret it cannot be told who may read it.
class SomeSecrets : public webhook::SecretAccess {
 public:
  [[nodiscard]] stockade::Result<std::set<std::string>> NotReadable(
      codec::JsonView, std::string_view, const std::set<std::string>& secrets) const override {
    for (const std::string& secret : secrets) {
      if (secret.size() % 2 != 0)
        return stockade::Status(stockade::StatusCode::kUnavailable, "no answer");
    }
    return secrets;
  }
};

webhook::AdmissionResponse Judge(const webhook::AdmissionRequest& request) {
  static const SomeSecrets secrets;
  static const webhook::AgentSandboxHandler sandboxes({}, Cluster(), secrets);
  static const webhook::GuardHandler guards(Cluster(), {});
  if (request.resource == "agentsandboxes") return sandboxes.Review(request);
  if (request.resource == "agentsandboxpolicies") return webhook::ReviewAgentSandboxPolicy(request);
  return guards.Review(request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = codec::JsonDocument::Parse(stockade::fuzz::TextOf(data, size));
  if (!document.ok()) return 0;
  const auto request = webhook::DecodeAdmissionReview(document->root());
  if (!request.ok()) {
    Require(!request.status().message().empty(), "an error says what is wrong");
    return 0;
  }
  const webhook::AdmissionResponse response = Judge(*request);
  const std::string answer = webhook::EncodeAdmissionReview(request->uid, response);
  const auto decoded = codec::JsonDocument::Parse(answer);
  Require(decoded.ok(), "the answer is JSON", answer);
  const codec::JsonView body = decoded->root()["response"];
  Require(body["uid"].AsString() == request->uid, "the answer is for the request", answer);
  Require(body["allowed"].AsBool() == response.allowed, "the answer says what was judged", answer);
  Require(response.allowed || !body["status"]["message"].StringOrEmpty().empty(),
          "a refusal says why", answer);
  body["warnings"].ForEachElement([&answer](std::size_t, codec::JsonView warning) {
    for (const char c : warning.StringOrEmpty()) {
      Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a warning fits into a header",
              answer);
    }
  });
  return 0;
}
