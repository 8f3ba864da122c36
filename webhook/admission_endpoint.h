#pragma once

#include <memory>

#include "base/log.h"
#include "http_server/server.h"
#include "webhook/agent_sandbox_handler.h"
#include "webhook/review_metrics.h"

namespace stockade::webhook {

inline constexpr std::string_view kAgentSandboxPath = "/validate/agentsandboxes";

// The HTTP side of admission: POST of an AdmissionReview in JSON to /validate/agentsandboxes is
// answered by 200 and an AdmissionReview; everything else by 404, 405, 415 or 400 and a sentence,
// which the API server takes for a failure of the webhook and, under failurePolicy Fail, refuses.
//
// A denial is logged with the namespace, name, user name, operation, uid and the rules' codes;
// nothing of the object's contents is. What is allowed is logged at debug. Every request is
// counted; `metrics` must outlive the server.
http_server::Handler MakeAdmissionEndpoint(std::shared_ptr<const AgentSandboxHandler> handler,
                                           ReviewMetrics& metrics, Logger& logger);

}  // namespace stockade::webhook
