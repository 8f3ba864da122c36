#include "webhook/review_checks.h"

#include <utility>

#include "api/names.h"
#include "base/strings.h"
#include "webhook/verdict.h"

namespace stockade::webhook {
namespace {

bool IsBeingDeleted(codec::JsonView object) {
  return !object["metadata"]["deletionTimestamp"].IsUnset();
}

}  // namespace

std::string Misdirected(const AdmissionRequest& request, const JudgedKind& judged) {
  const auto only = [](std::string_view expected, std::string_view what) {
    return "this webhook judges " + std::string(expected) + ", not " + Truncate(what, 253) +
           "; correct the rules of the ValidatingWebhookConfiguration that sent this here";
  };
  if (request.group != api::kGroup || request.kind != judged.kind) {
    return only(std::string(judged.plural) + " of " + std::string(api::kGroup),
                std::string(request.kind) + " of \"" + std::string(request.group) + "\"");
  }
  if (request.resource_group != api::kGroup || request.resource != judged.resource) {
    return only(judged.resource, std::string(request.resource) + " of \"" +
                                     std::string(request.resource_group) + "\"");
  }
  if (request.version != api::kVersion) return only(api::kGroupVersion, request.version);
  if (!request.sub_resource.empty()) {
    return only(std::string(judged.resource) + " themselves",
                "the subresource " + std::string(request.sub_resource));
  }
  if (request.operation != Operation::kCreate && request.operation != Operation::kUpdate) {
    return only("CREATE and UPDATE", OperationName(request.operation));
  }
  if (request.object["apiVersion"].StringOrEmpty() != api::kGroupVersion ||
      request.object["kind"].StringOrEmpty() != judged.kind) {
    return "request.object is no " + std::string(api::kGroupVersion) + " " +
           std::string(judged.kind);
  }
  return {};
}

bool OnlyLetsGo(const AdmissionRequest& request) {
  return request.operation == Operation::kUpdate && IsBeingDeleted(request.object) &&
         IsBeingDeleted(request.old_object) &&
         request.object["spec"].Canonical() == request.old_object["spec"].Canonical();
}

AdmissionResponse RefuseFields(const AdmissionRequest& request, std::string_view why,
                               std::vector<codec::FieldError> errors) {
  std::string message = Describe(request) + " " + std::string(why) + ":";
  if (errors.size() > kMaxListed) errors.resize(kMaxListed);
  std::vector<Cause> causes;
  for (codec::FieldError& error : errors) {
    message += "\n- " + (error.path.empty() ? "" : error.path + ": ") + error.message;
    causes.push_back({"FieldValueInvalid", std::move(error.path), std::move(error.message)});
  }
  AdmissionResponse response = Refuse(request, std::move(message));
  response.causes = std::move(causes);
  return response;
}

}  // namespace stockade::webhook
