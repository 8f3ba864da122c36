#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "http_server/server.h"

namespace stockade::http_server {

// GET /healthz and /readyz in the form of Kubernetes' own components: 200 with "ok", or 503 with a
// line "[-]name: why" for each check that fails; with ?verbose, a line for every check.
// Liveness asks whether a restart would help, readiness whether requests should be sent here.
class HealthEndpoints {
 public:
  // Runs on the server's threads, several at once; must return at once.
  using Check = std::function<Status()>;

  void AddLivenessCheck(std::string name, Check check);
  void AddReadinessCheck(std::string name, Check check);

  // Answers by the checks that were added so far, whatever becomes of this object; every other path
  // is 404 and every other method 405.
  [[nodiscard]] Handler MakeHandler() const;

 private:
  struct NamedCheck {
    std::string name;
    Check check;
  };
  using Checks = std::vector<NamedCheck>;

  static Response Answer(const Checks& checks, bool verbose);

  Checks liveness_;
  Checks readiness_;
};

}  // namespace stockade::http_server
