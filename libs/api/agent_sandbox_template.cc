#include "api/agent_sandbox_template.h"

#include <algorithm>
#include <utility>

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;

void Decode(JsonView object, bool strict, AgentSandboxTemplate& out,
            std::vector<FieldError>& errors) {
  const JsonView value = object["spec"];
  ObjectReader spec(value, "spec", errors);
  spec.Require("template");
  if (const JsonView made = spec.Object("template"); !made.IsUnset()) {
    ObjectReader reader(made, "spec.template", errors);
    reader.Require("spec");
    out.sandbox_spec = JsonText(reader.Object("spec"));
    if (strict) reader.Finish();
  }
  if (const JsonView claims = spec.Object("claims"); !claims.IsUnset()) {
    ObjectReader reader(claims, "spec.claims", errors);
    for (const auto& [key, list] :
         {std::pair{"env", &out.claim_env}, std::pair{"labels", &out.claim_labels},
          std::pair{"annotations", &out.claim_annotations}}) {
      reader.StringList(key, *list);
      std::ranges::sort(*list);
    }
    if (strict) reader.Finish();
  }
  if (strict) spec.Finish();
}

}  // namespace

Result<AgentSandboxTemplate> DecodeAgentSandboxTemplate(JsonView object) {
  std::vector<FieldError> errors;
  AgentSandboxTemplate result;
  result.metadata = DecodeObjectMeta(object["metadata"]);
  Decode(object, /*strict=*/false, result, errors);
  if (!errors.empty()) return codec::ToStatus(errors);
  return result;
}

std::vector<FieldError> CheckAgentSandboxTemplateFields(JsonView object) {
  std::vector<FieldError> errors;
  AgentSandboxTemplate ignored;
  Decode(object, /*strict=*/true, ignored, errors);
  return errors;
}

}  // namespace stockade::api
