#include "api/agent_sandbox_pool.h"

#include "api/read_enum.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;

constexpr std::int64_t kMostReplicas = 1000;
constexpr std::int64_t kMostStarting = 100;
constexpr std::int64_t kLeastTimeout = 10;
constexpr std::int64_t kMostTimeout = 86400;

// Strict when unknown fields are to be reported: the same walk serves decoding and linting.
AgentSandboxPoolSpec Decode(JsonView value, bool strict, std::vector<FieldError>& errors) {
  const auto finish = [strict](ObjectReader& reader) {
    if (strict) reader.Finish();
  };
  AgentSandboxPoolSpec spec;
  ObjectReader reader(value, "spec", errors);
  reader.Require("templateRef");
  if (const JsonView reference = reader.Object("templateRef"); !reference.IsUnset()) {
    ObjectReader named(reference, "spec.templateRef", errors);
    named.Require("name");
    named.String("name", spec.template_name);
    finish(named);
  }
  reader.Int("replicas", 0, kMostReplicas, spec.replicas);
  if (const JsonView strategy = reader.Object("updateStrategy"); !strategy.IsUnset()) {
    ObjectReader update(strategy, "spec.updateStrategy", errors);
    ReadEnum(update, "type", kPoolUpdateNames, spec.update);
    finish(update);
  }
  if (const JsonView refill = reader.Object("refill"); !refill.IsUnset()) {
    ObjectReader pace(refill, "spec.refill", errors);
    pace.Int("maxStarting", 1, kMostStarting, spec.max_starting);
    pace.Int("startupTimeoutSeconds", kLeastTimeout, kMostTimeout, spec.startup_timeout_seconds);
    finish(pace);
  }
  finish(reader);
  return spec;
}

}  // namespace

Result<AgentSandboxPool> DecodeAgentSandboxPool(JsonView object) {
  std::vector<FieldError> errors;
  AgentSandboxPool pool;
  pool.metadata = DecodeObjectMeta(object["metadata"]);
  pool.spec = Decode(object["spec"], /*strict=*/false, errors);
  pool.status = JsonText(object["status"]);
  if (!errors.empty()) return codec::ToStatus(errors);
  return pool;
}

std::vector<FieldError> CheckAgentSandboxPoolFields(JsonView object) {
  std::vector<FieldError> errors;
  (void)Decode(object["spec"], /*strict=*/true, errors);
  return errors;
}

}  // namespace stockade::api
