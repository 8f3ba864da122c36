#include "webhook/admission_endpoint.h"

#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "base/strings.h"
#include "codec/json.h"
#include "webhook/admission_review.h"

namespace stockade::webhook {
namespace {

using http_server::Request;
using http_server::Response;

Response Error(int status, std::string_view why) {
  return {.status = status, .body = std::string(why) + "\n"};
}

// "application/json", whatever its parameters.
bool IsJson(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return ToLower(TrimSpace(type)) == "application/json";
}

std::string Rules(const AdmissionResponse& answer) {
  std::set<std::string_view> seen;
  std::string rules;
  for (const Cause& cause : answer.causes) {
    if (!seen.insert(cause.reason).second) continue;
    if (!rules.empty()) rules += ',';
    rules += cause.reason;
  }
  return rules;
}

void Log(Logger& logger, const AdmissionRequest& request, const AdmissionResponse& answer) {
  const std::string_view operation = OperationName(request.operation);
  if (answer.allowed) {
    logger.Debug("request allowed", {{"namespace", request.namespace_name},
                                     {"name", request.name},
                                     {"operation", operation},
                                     {"user", request.user_name},
                                     {"uid", request.uid}});
    return;
  }
  const std::string rules = Rules(answer);
  logger.Info("request denied", {{"namespace", request.namespace_name},
                                 {"name", request.name},
                                 {"operation", operation},
                                 {"kind", request.kind},
                                 {"user", request.user_name},
                                 {"uid", request.uid},
                                 {"dryRun", request.dry_run},
                                 {"rules", rules}});
}

Response Review(const Request& request, const AgentSandboxHandler& handler, ReviewMetrics& metrics,
                Logger& logger) {
  const auto document = codec::JsonDocument::Parse(request.body);
  if (!document.ok()) return Error(400, "the body is " + document.status().message());
  const auto review = DecodeAdmissionReview(document->root());
  if (!review.ok()) return Error(400, "no usable AdmissionReview: " + review.status().message());
  const AdmissionResponse answer = handler.Review(*review);
  metrics.CountReview(review->operation, answer);
  Log(logger, *review, answer);
  return {.content_type = "application/json", .body = EncodeAdmissionReview(review->uid, answer)};
}

Response Answer(const Request& request, const AgentSandboxHandler& handler, ReviewMetrics& metrics,
                Logger& logger) {
  if (request.path != kAgentSandboxPath) {
    return Error(404, "not found; there is " + std::string(kAgentSandboxPath));
  }
  if (request.method != "POST") {
    Response response = Error(405, "only POST is allowed");
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  if (!IsJson(request.content_type)) {
    return Error(415, "the Content-Type must be application/json");
  }
  return Review(request, handler, metrics, logger);
}

}  // namespace

http_server::Handler MakeAdmissionEndpoint(std::shared_ptr<const AgentSandboxHandler> handler,
                                           ReviewMetrics& metrics, Logger& logger) {
  return [handler = std::move(handler), &metrics, &logger](const Request& request) -> Response {
    const auto began = std::chrono::steady_clock::now();
    metrics.Begin();
    Response response = Answer(request, *handler, metrics, logger);
    metrics.End(response.status, std::chrono::steady_clock::now() - began);
    return response;
  };
}

}  // namespace stockade::webhook
