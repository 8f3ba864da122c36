#include "api/agent_sandbox_claim.h"

#include <limits>

#include "api/time_field.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;

// Strict when unknown fields are to be reported: the same walk serves decoding and linting.
class ClaimDecoder {
 public:
  ClaimDecoder(bool strict, std::vector<FieldError>& errors) : strict_(strict), errors_(errors) {}

  AgentSandboxClaimSpec Decode(JsonView value) {
    AgentSandboxClaimSpec spec;
    ObjectReader reader(value, "spec", errors_);
    spec.template_name = DecodeReference(reader, "templateRef");
    spec.pool_name = DecodeReference(reader, "poolRef");
    if (spec.template_name.empty() == spec.pool_name.empty()) {
      errors_.push_back({"spec", "must have exactly one of templateRef and poolRef"});
    }
    reader.Array("env").ForEachElement([&](std::size_t index, JsonView entry) {
      ObjectReader variable(entry, "spec.env[" + std::to_string(index) + "]", errors_);
      auto& [name, content] = spec.env.emplace_back();
      variable.Require("name");
      variable.String("name", name);
      variable.String("value", content);
      Finish(variable);
    });
    if (const JsonView metadata = reader.Object("podMetadata"); !metadata.IsUnset()) {
      ObjectReader pod(metadata, "spec.podMetadata", errors_);
      pod.StringMap("labels", spec.pod_labels);
      pod.StringMap("annotations", spec.pod_annotations);
      Finish(pod);
    }
    if (const JsonView lifecycle = reader.Object("lifecycle"); !lifecycle.IsUnset()) {
      ObjectReader life(lifecycle, "spec.lifecycle", errors_);
      spec.shutdown_time = ReadTime(life, "shutdownTime");
      DecodeSeconds(life, "maxLifetimeSeconds", 1, spec.max_lifetime_seconds);
      DecodeSeconds(life, "ttlSecondsAfterFinished", 0, spec.ttl_seconds_after_finished);
      Finish(life);
    }
    DecodeSeconds(reader, "timeoutSeconds", 1, spec.timeout_seconds);
    Finish(reader);
    return spec;
  }

 private:
  void Finish(ObjectReader& reader) const {
    if (strict_) reader.Finish();
  }

  std::string DecodeReference(ObjectReader& reader, std::string_view key) {
    std::string name;
    const JsonView value = reader.Object(key);
    if (value.IsUnset()) return name;
    ObjectReader reference(value, reader.PathOf(key), errors_);
    reference.Require("name");
    reference.String("name", name);
    Finish(reference);
    return name;
  }

  static void DecodeSeconds(ObjectReader& reader, std::string_view key, std::int64_t minimum,
                            std::optional<std::int64_t>& seconds) {
    if (reader.Value(key).IsUnset()) return;
    // The most that does not run over as nanoseconds is far beyond what the schema allows.
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    reader.Int(key, minimum, kMost, seconds.emplace(minimum));
  }

  bool strict_;
  std::vector<FieldError>& errors_;
};

}  // namespace

Result<AgentSandboxClaim> DecodeAgentSandboxClaim(JsonView object) {
  std::vector<FieldError> errors;
  AgentSandboxClaim claim;
  claim.metadata = DecodeObjectMeta(object["metadata"]);
  claim.spec = ClaimDecoder(/*strict=*/false, errors).Decode(object["spec"]);
  claim.status = JsonText(object["status"]);
  if (!errors.empty()) return codec::ToStatus(errors);
  return claim;
}

std::vector<FieldError> CheckAgentSandboxClaimFields(JsonView object) {
  std::vector<FieldError> errors;
  ClaimDecoder(/*strict=*/true, errors).Decode(object["spec"]);
  return errors;
}

}  // namespace stockade::api
