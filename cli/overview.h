#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "kube/client.h"
#include "policy/evaluate.h"

// What runs in a namespace, or in all of them, for people who watch: sandboxes with their controls,
// conditions and findings, and what their gateways have decided of late. It reads AgentSandboxes,
// the pods of gateways and the logs of these pods, with the rights of who looks; no Secret, no log
// of an agent, and of a request neither path nor query. Nothing is written.
namespace stockade::cli {

struct OverviewOptions {
  std::string namespace_name;   // empty: all namespaces
  std::size_t decisions = 100;  // the newest of them
};

// {"time", "namespace", "sandboxes": [...], "decisions": [...], "problems": ["what could not be
// read, and why"]}, each list in the order in which it is to be shown.
[[nodiscard]] codec::Json ReadOverview(kube::Client& client, const OverviewOptions& options,
                                       const policy::Facts& facts);

// One AgentSandbox of the overview; exposed for tests.
[[nodiscard]] codec::Json OverviewOf(codec::JsonView sandbox, const policy::Facts& facts);
// The decisions in a gateway's log, in its order: what was asked, of which sandbox, and whether it
// was let through. Lines that are no decision are left out. Exposed for tests.
[[nodiscard]] codec::Json DecisionsOf(std::string_view log, std::string_view namespace_name);

// The overview as text for a terminal of that many columns.
[[nodiscard]] std::string TextOf(const codec::Json& overview, std::size_t columns, bool colour);

}  // namespace stockade::cli
