#include "operator/gateway_diagnosis.h"

#include <algorithm>
#include <utility>

#include "operator/pod_diagnosis.h"

namespace stockade::sandbox_operator {
namespace {

// Both say in their termination messages what is wrong.
constexpr const char* kPrepareContainer = "stockade-prepare";
constexpr const char* kExchangeContainer = "stockade-credentials";

// The last words of a container that ended with a failure; empty when it had none.
std::string LastWords(const CachedPod& pod, const char* container) {
  const auto said = std::ranges::find(pod.troubles, container, &ContainerTrouble::container);
  return said == pod.troubles.end() ? std::string() : said->exit_message;
}

}  // namespace

GatewayTrouble DiagnoseGatewayPod(const CachedPod& pod) {
  if (pod.deleting) return {};
  if (std::string missing = LastWords(pod, kPrepareContainer); !missing.empty()) {
    return {std::move(missing), true};
  }
  const PodDiagnosis diagnosis = DiagnosePod(pod);
  if (diagnosis.outcome == PodOutcome::kReady) return {};
  std::string exchange = LastWords(pod, kExchangeContainer);
  if (!exchange.empty()) return {std::move(exchange), false};
  return {diagnosis.message, false};
}

bool ConcernsSharers(const runtime::Store<CachedDeployment>::Change& change) {
  if (!change.before || !change.after) return true;
  const CachedDeployment& before = *change.before;
  const CachedDeployment& after = *change.after;
  return before.uid != after.uid || before.deleting != after.deleting ||
         before.available != after.available || before.rolled_out != after.rolled_out ||
         before.fingerprint != after.fingerprint || before.issued != after.issued ||
         before.owner.uid != after.owner.uid || before.labels != after.labels;
}

bool ConcernsSharers(const runtime::Store<CachedPod>::Change& change) {
  const auto trouble = [](const std::shared_ptr<const CachedPod>& pod) {
    return pod ? DiagnoseGatewayPod(*pod) : GatewayTrouble();
  };
  if (trouble(change.before) != trouble(change.after)) return true;
  // Policies select it by its labels.
  return change.before && change.after && change.before->labels != change.after->labels;
}

}  // namespace stockade::sandbox_operator
