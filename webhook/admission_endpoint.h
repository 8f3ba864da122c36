#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/log.h"
#include "http_server/server.h"
#include "webhook/admission_review.h"
#include "webhook/review_metrics.h"

namespace stockade::webhook {

inline constexpr std::string_view kAgentSandboxPath = "/validate/agentsandboxes";
inline constexpr std::string_view kAgentSandboxTemplatePath = "/validate/agentsandboxtemplates";
inline constexpr std::string_view kAgentSandboxClaimPath = "/validate/agentsandboxclaims";
inline constexpr std::string_view kAgentSandboxPolicyPath = "/validate/agentsandboxpolicies";

// Judges one request. Called from any of the server's threads, by several at once.
using AdmissionHandler = std::function<AdmissionResponse(const AdmissionRequest&)>;

// Who judges what is sent to which path, "/validate/agentsandboxes".
using AdmissionHandlers = std::map<std::string, AdmissionHandler, std::less<>>;

// The HTTP side of admission: POST of an AdmissionReview in JSON to a path of `handlers` is
// answered by 200 and an AdmissionReview; everything else by 404, 405, 415 or 400 and a sentence,
// which the API server takes for a failure of the webhook and, under failurePolicy Fail, refuses.
//
// A denial is logged with the namespace, name, user name, operation, uid and the rules' codes;
// nothing of the object's contents is. What is allowed is logged at debug. Every request to a path
// that exists is counted; `metrics` must outlive the server.
http_server::Handler MakeAdmissionEndpoint(const AdmissionHandlers& handlers,
                                           ReviewMetrics& metrics, Logger& logger);

}  // namespace stockade::webhook
