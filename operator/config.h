#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "operator/egress_config.h"
#include "policy/evaluate.h"
#include "render/render.h"

namespace stockade::sandbox_operator {

// Which client sends single requests to the API server; watches always use Beast.
enum class TransportKind { kCppRest, kBeast };

// Of several operators one leads and writes; the others wait with warm caches. The Lease by which
// they agree is in a namespace where the operator may create and update it.
struct LeaderElectionConfig {
  bool enabled = true;
  std::string namespace_name;  // empty: the pod's own, or that of the kubeconfig's context
  std::string lease = "stockade-operator";
  std::int64_t lease_duration_seconds = 15;
  std::int64_t renew_deadline_seconds = 10;
  std::int64_t retry_period_seconds = 2;
};

// The operator's configuration file, kind OperatorConfiguration of config.stockade.dev/v1alpha1.
// Every field has a default; docs/configuration.md describes them.
struct OperatorConfig {
  std::string http_address = "0.0.0.0";  // of health endpoints
  std::uint16_t http_port = 8081;
  LogLevel log_level = LogLevel::kInfo;
  std::int64_t workers = 4;  // sandboxes that are reconciled at once
  TransportKind transport = TransportKind::kBeast;
  // Whose sandboxes are looked after; empty: those of every namespace.
  std::vector<std::string> watch_namespaces;
  LeaderElectionConfig leader_election;
  render::Profile profile;
  policy::Facts facts;
  EgressConfig egress;
};

// From YAML. BadRequest names every field that is unknown (with the name that was meant), of the
// wrong type or out of range; and defaults under which the floor would refuse every sandbox.
Result<OperatorConfig> ParseOperatorConfig(std::string_view yaml);

}  // namespace stockade::sandbox_operator
