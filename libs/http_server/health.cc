#include "http_server/health.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace stockade::http_server {
namespace {

bool IsVerbose(std::string_view query) {
  const auto parts = Split(query, '&');
  return std::any_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part == "verbose" || part.starts_with("verbose=");
  });
}

// A check's message is one line, whatever it was made of.
std::string OneLine(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace

void HealthEndpoints::AddLivenessCheck(std::string name, Check check) {
  liveness_.push_back({std::move(name), std::move(check)});
}

void HealthEndpoints::AddReadinessCheck(std::string name, Check check) {
  readiness_.push_back({std::move(name), std::move(check)});
}

Handler HealthEndpoints::MakeHandler() const {
  return [liveness = liveness_, readiness = readiness_](const Request& request) -> Response {
    const bool live = request.path == "/healthz";
    if (!live && request.path != "/readyz") {
      return {.status = 404, .body = "not found; there are /healthz and /readyz\n"};
    }
    if (request.method != "GET") {
      return {.status = 405, .body = "only GET is allowed\n", .headers = {{"Allow", "GET, HEAD"}}};
    }
    return Answer(live ? liveness : readiness, IsVerbose(request.query));
  };
}

Response HealthEndpoints::Answer(const Checks& checks, bool verbose) {
  std::string lines;
  bool failed = false;
  for (const NamedCheck& check : checks) {
    const Status status = check.check();
    if (!status.ok()) {
      failed = true;
      lines += "[-]" + check.name + ": " + OneLine(status.message()) + "\n";
    } else if (verbose) {
      lines += "[+]" + check.name + ": ok\n";
    }
  }
  Response response;
  response.status = failed ? 503 : 200;
  response.body = std::move(lines);
  if (!failed) response.body += "ok\n";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace stockade::http_server
