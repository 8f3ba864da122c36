#include "webhook/admission_endpoint.h"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/strings.h"
#include "codec/json.h"

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
                                 {"subresource", request.sub_resource},
                                 {"user", request.user_name},
                                 {"uid", request.uid},
                                 {"dryRun", request.dry_run},
                                 {"rules", rules}});
}

// A path with who judges there and what is counted of it.
struct Route {
  AdmissionHandler review;
  PathMetrics metrics;
};
using Routes = std::map<std::string, Route, std::less<>>;

Response Review(const Request& request, const Route& route, Logger& logger) {
  const auto document = codec::JsonDocument::Parse(request.body);
  if (!document.ok()) return Error(400, "the body is " + document.status().message());
  const auto review = DecodeAdmissionReview(document->root());
  if (!review.ok()) return Error(400, "no usable AdmissionReview: " + review.status().message());
  const AdmissionResponse answer = route.review(*review);
  route.metrics.CountReview(review->operation, answer);
  Log(logger, *review, answer);
  return {.content_type = "application/json", .body = EncodeAdmissionReview(review->uid, answer)};
}

Response Answer(const Request& request, const Route& route, Logger& logger) {
  if (request.method != "POST") {
    Response response = Error(405, "only POST is allowed");
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  if (!IsJson(request.content_type)) {
    return Error(415, "the Content-Type must be application/json");
  }
  return Review(request, route, logger);
}

Response NotFound(const Routes& routes) {
  std::string paths;
  for (const auto& [path, route] : routes) paths += (paths.empty() ? "" : ", ") + path;
  return Error(404, "not found; there is " + paths);
}

}  // namespace

http_server::Handler MakeAdmissionEndpoint(const AdmissionHandlers& handlers,
                                           ReviewMetrics& metrics, Logger& logger) {
  Routes routes;
  for (const auto& [path, review] : handlers) {
    routes.emplace(path, Route{review, metrics.ForPath(path)});
  }
  // A handler is copied, and the routes need not be.
  auto shared = std::make_shared<const Routes>(std::move(routes));
  return [routes = std::move(shared), &logger](const Request& request) -> Response {
    const auto route = routes->find(request.path);
    if (route == routes->end()) return NotFound(*routes);
    const auto began = std::chrono::steady_clock::now();
    route->second.metrics.Begin();
    Response response = Answer(request, route->second, logger);
    route->second.metrics.End(response.status, std::chrono::steady_clock::now() - began);
    return response;
  };
}

}  // namespace stockade::webhook
