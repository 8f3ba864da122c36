#include "operator/reconcile_step.h"

#include <utility>

#include "api/gateway_names.h"
#include "operator/create_errors.h"

namespace stockade::sandbox_operator {

using std::chrono::milliseconds;

Blocker NameConflict(std::string_view kind, const std::string& name) {
  return {
      "NameConflict",
      std::string(kind) + " \"" + name +
          (api::IsSharedGatewayName(name)
               ? "\" exists, is not the operator's and has the name of one of the shared egress "
                 "gateway's; delete it"
               : "\" exists and does not belong to this sandbox; delete it or rename the "
                 "sandbox"),
      true};
}

Blocker FormerSelf(std::string_view kind, const std::string& name) {
  return {"NameTaken",
          std::string(kind) + " \"" + name +
              (api::IsSharedGatewayName(name)
                   ? "\" of the shared egress gateway is still being removed"
                   : "\" of an earlier sandbox of this name is still being removed"),
          false};
}

ReconcileStep StepFromError(Status error, std::string_view what) {
  if (auto blocker = ExplainCreateError(error, what)) {
    const milliseconds retry = blocker->stalled ? kStalledRetry : kRefusedRetry;
    return {std::move(blocker), retry, Status::Ok()};
  }
  return {std::nullopt, std::nullopt, std::move(error)};
}

ReconcileStep StepFrom(const Result<Ensured>& outcome, std::string_view kind,
                       const std::string& name) {
  if (!outcome.ok()) return StepFromError(outcome.status(), std::string(kind) + " " + name);
  switch (*outcome) {
    case Ensured::kInPlace:
      break;
    case Ensured::kWaiting:
      return {FormerSelf(kind, name), kFormerSelfRetry, Status::Ok()};
    case Ensured::kNameConflict:
      return {NameConflict(kind, name), kStalledRetry, Status::Ok()};
  }
  return {};
}

}  // namespace stockade::sandbox_operator
