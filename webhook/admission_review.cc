#include "webhook/admission_review.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using codec::JsonView;

constexpr std::string_view kApiVersion = "admission.k8s.io/v1";
constexpr std::string_view kKind = "AdmissionReview";
constexpr std::array<std::string_view, 4> kOperations = {"CREATE", "UPDATE", "DELETE", "CONNECT"};

// Collects the first thing that is wrong; the caller of the endpoint is a program.
class Decoder {
 public:
  [[nodiscard]] const Status& status() const { return status_; }

  JsonView Object(JsonView parent, std::string_view key, std::string_view path) {
    const JsonView value = parent[key];
    if (!value.IsObject()) Fail(path, "must be an object");
    return value;
  }

  JsonView OptionalObject(JsonView parent, std::string_view key, std::string_view path) {
    const JsonView value = parent[key];
    if (!value.IsUnset() && !value.IsObject()) Fail(path, "must be an object");
    return value;
  }

  std::string_view OptionalString(JsonView parent, std::string_view key, std::string_view path) {
    const JsonView value = parent[key];
    if (!value.IsUnset() && !value.IsString()) Fail(path, "must be a string");
    return value.StringOrEmpty();
  }

  std::string_view String(JsonView parent, std::string_view key, std::string_view path) {
    const std::string_view text = OptionalString(parent, key, path);
    if (text.empty()) Fail(path, "is required");
    return text;
  }

  void Fail(std::string_view path, std::string_view why) {
    if (!status_.ok()) return;
    status_ = Status(StatusCode::kBadRequest, std::string(path) + " " + std::string(why));
  }

 private:
  Status status_;
};

void DecodeRequest(JsonView value, Decoder& decoder, AdmissionRequest& request) {
  request.uid = decoder.String(value, "uid", "request.uid");
  const std::string_view operation = decoder.String(value, "operation", "request.operation");
  const auto* const found = std::ranges::find(kOperations, operation);
  if (found == kOperations.end()) {
    decoder.Fail("request.operation", "must be CREATE, UPDATE, DELETE or CONNECT");
  } else {
    request.operation = static_cast<Operation>(found - kOperations.begin());
  }

  const JsonView kind = decoder.Object(value, "kind", "request.kind");
  request.group = decoder.OptionalString(kind, "group", "request.kind.group");
  request.version = decoder.String(kind, "version", "request.kind.version");
  request.kind = decoder.String(kind, "kind", "request.kind.kind");
  const JsonView resource = decoder.Object(value, "resource", "request.resource");
  request.resource_group = decoder.OptionalString(resource, "group", "request.resource.group");
  request.resource = decoder.String(resource, "resource", "request.resource.resource");
  request.sub_resource = decoder.OptionalString(value, "subResource", "request.subResource");

  request.name = decoder.OptionalString(value, "name", "request.name");
  request.namespace_name = decoder.OptionalString(value, "namespace", "request.namespace");
  const JsonView user = decoder.OptionalObject(value, "userInfo", "request.userInfo");
  request.user = user;
  request.user_name = decoder.OptionalString(user, "username", "request.userInfo.username");
  if (const JsonView groups = user["groups"]; !groups.IsUnset() && !groups.IsArray()) {
    decoder.Fail("request.userInfo.groups", "must be a list of strings");
  }
  user["groups"].ForEachElement([&](std::size_t, JsonView group) {
    if (!group.IsString()) decoder.Fail("request.userInfo.groups", "must be a list of strings");
    request.groups.push_back(group.StringOrEmpty());
  });
  request.dry_run = value["dryRun"].IsTrue();
  request.object = decoder.OptionalObject(value, "object", "request.object");
  request.old_object = decoder.OptionalObject(value, "oldObject", "request.oldObject");
  request.options = decoder.OptionalObject(value, "options", "request.options");
  const bool has_object =
      request.operation == Operation::kCreate || request.operation == Operation::kUpdate;
  if (has_object && !request.object.IsObject()) {
    decoder.Fail("request.object", "is required for CREATE and UPDATE");
  }
}

// Fit for a Warning header: net.NewWarningHeader of apimachinery refuses control characters.
std::string HeaderText(std::string text) {
  std::ranges::replace_if(
      text,
      [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
      },
      ' ');
  return text;
}

Json EncodeStatus(const AdmissionResponse& response) {
  Json causes = Json::array();
  for (const Cause& cause : response.causes) {
    causes.push_back(
        {{"reason", cause.reason}, {"field", cause.field}, {"message", cause.message}});
  }
  return {{"status", "Failure"},
          {"code", 403},
          {"reason", "Forbidden"},
          {"message", response.message},
          {"details",
           {{"group", response.group},
            {"kind", response.kind},
            {"name", response.name},
            {"causes", std::move(causes)}}}};
}

}  // namespace

std::string_view OperationName(Operation operation) {
  return kOperations[static_cast<std::size_t>(operation)];
}

bool AdmissionRequest::InGroup(std::string_view group_name) const {
  return std::ranges::find(groups, group_name) != groups.end();
}

Result<AdmissionRequest> DecodeAdmissionReview(JsonView review) {
  const auto bad = [](std::string message) {
    return Status(StatusCode::kBadRequest, std::move(message));
  };
  const std::string_view api_version = review["apiVersion"].StringOrEmpty();
  const std::string_view kind = review["kind"].StringOrEmpty();
  if (api_version != kApiVersion || kind != kKind) {
    return bad("expected " + std::string(kApiVersion) + " " + std::string(kKind) +
               ", not apiVersion \"" + Truncate(api_version, 64) + "\" and kind \"" +
               Truncate(kind, 64) + "\"; the webhook's admissionReviewVersions must be [v1]");
  }
  // Two parsers may each believe another one of two members with the same key.
  if (const auto key = codec::FindDuplicateKey(review)) {
    return bad(Truncate(*key, 256) + " stands twice");
  }
  Decoder decoder;
  AdmissionRequest request;
  DecodeRequest(decoder.Object(review, "request", "request"), decoder, request);
  if (!decoder.status().ok()) return decoder.status();
  return request;
}

std::string EncodeAdmissionReview(std::string_view uid, const AdmissionResponse& response) {
  // What nearly every answer is.
  if (response.allowed && response.warnings.empty() && response.audit_annotations.empty()) {
    std::string review =
        R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"allowed":true,"uid":)";
    codec::AppendQuoted(uid, review);
    return review += "}}";
  }
  Json answer = {{"uid", uid}, {"allowed", response.allowed}};
  if (!response.allowed) answer["status"] = EncodeStatus(response);
  for (const std::string& warning : response.warnings) {
    answer["warnings"].push_back(HeaderText(warning));
  }
  if (!response.audit_annotations.empty()) {
    answer["auditAnnotations"] = response.audit_annotations;
  }
  const Json review = {
      {"apiVersion", kApiVersion}, {"kind", kKind}, {"response", std::move(answer)}};
  return review.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace stockade::webhook
