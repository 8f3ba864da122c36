#include "cli/overview.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/gateway_names.h"
#include "api/pod_view.h"
#include "base/clock.h"
#include "base/rfc3339.h"
#include "base/strings.h"
#include "cli/colours.h"
#include "operator/cached_objects.h"
#include "policy/escaping.h"

namespace stockade::cli {
namespace {

using codec::Json;
using codec::JsonView;

// Of each gateway's log, and gateways whose logs are read: each is a request.
constexpr int kTailLines = 1000;
constexpr int kTailBytes = 1 << 20;
constexpr std::size_t kMostGateways = 50;
constexpr std::string_view kGatewayContainer = "stockade-gateway";
// Rules that no entry of a sandbox's list has made.
constexpr std::array<std::string_view, 5> kRefusals = {"default", "host-differs", "plain-http",
                                                       "trace", "dot-segment"};

std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json ConditionOf(const std::vector<api::Condition>& conditions, std::string_view type) {
  const auto found = std::ranges::find(conditions, type, &api::Condition::type);
  if (found == conditions.end()) return nullptr;
  return {{"status", found->status}, {"reason", found->reason}, {"message", found->message}};
}

Json FindingsOf(JsonView object, const policy::Facts& facts) {
  Json findings = Json::array();
  const auto sandbox = api::DecodeAgentSandbox(object);
  if (!sandbox.ok()) {
    findings.push_back({{"code", "FieldValueTypeInvalid"},
                        {"severity", "error"},
                        {"field", ""},
                        {"message", sandbox.status().message()}});
    return findings;
  }
  for (const policy::Finding& finding : policy::EvaluateSandbox(
           *sandbox, api::PodView(object["spec"]["podTemplate"], "spec.podTemplate"), facts)) {
    findings.push_back(
        {{"code", finding.code},
         {"severity", finding.severity == policy::Severity::kError ? "error" : "warning"},
         {"field", finding.field},
         {"message", finding.message}});
  }
  return findings;
}

// The last word of a sandbox's URI is its name.
std::string NameInUri(std::string_view uri) { return std::string(uri.substr(uri.rfind('/') + 1)); }

// Whatever did not reach a host: by the rule that decided, or by what Envoy says of its answer.
bool IsRefused(JsonView line) {
  const std::string_view rule = line["rule"].StringOrEmpty();
  const std::string_view details = line["details"].StringOrEmpty();
  const bool by_envoy = std::ranges::any_of(
      std::array{"access_denied", "direct_response", "local_rate_limited"},
      [details](std::string_view word) { return details.find(word) != std::string_view::npos; });
  return line["kind"].StringOrEmpty() == "refused" || by_envoy || rule.starts_with("deny") ||
         std::ranges::find(kRefusals, rule) != kRefusals.end();
}

// The newest, half of them refusals where there are as many: who makes many requests that pass
// hides none that did not.
void KeepNewest(std::size_t most, std::vector<Json>& decisions) {
  std::size_t refused = 0;
  std::size_t others = 0;
  const auto all_refused = static_cast<std::size_t>(std::ranges::count_if(
      decisions, [](const Json& each) { return Text(each, "verdict") == "refused"; }));
  const std::size_t for_refused = std::min(all_refused, most - most / 2);
  std::vector<Json> kept;
  for (Json& each : decisions) {
    const bool is_refused = Text(each, "verdict") == "refused";
    if (is_refused ? ++refused > for_refused : ++others > most - for_refused) continue;
    kept.push_back(std::move(each));
  }
  decisions = std::move(kept);
}

std::string Age(std::string_view created, std::chrono::system_clock::time_point now) {
  const auto at = ParseRfc3339(created);
  if (!at || *at > now) return "";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *at).count();
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

// Adds what the gateways of the namespace say.
void AddDecisions(kube::Client& client, const OverviewOptions& options, Json& overview) {
  std::vector<std::pair<std::string, std::string>> pods;  // namespace, name
  kube::ListOptions list;
  list.namespace_name = options.namespace_name;
  list.label_selector = std::string(api::kGatewayLabel);
  const auto listed = client.List(kube::kPods, list, [&pods](JsonView pod) {
    if (pod["status"]["phase"].StringOrEmpty() != "Running") return;
    pods.emplace_back(pod["metadata"]["namespace"].StringOrEmpty(),
                      pod["metadata"]["name"].StringOrEmpty());
  });
  Json& problems = overview["problems"];
  if (!listed.ok()) {
    problems.push_back("gateways cannot be listed: " + listed.status().message());
    return;
  }
  if (pods.size() > kMostGateways) {
    problems.push_back("of " + std::to_string(pods.size()) + " gateways the logs of " +
                       std::to_string(kMostGateways) + " are read; name a namespace");
    pods.resize(kMostGateways);
  }
  std::vector<Json> decisions;
  for (const auto& [in, name] : pods) {
    const auto log = client.GetText(kube::ResourcePath(kube::kPods, in, name, "log") +
                                    "?container=" + std::string(kGatewayContainer) +
                                    "&tailLines=" + std::to_string(kTailLines) +
                                    "&limitBytes=" + std::to_string(kTailBytes));
    if (!log.ok()) {
      problems.push_back("the log of gateway " + in + "/" + name +
                         " cannot be read: " + log.status().message());
      continue;
    }
    for (Json& decision : DecisionsOf(*log, in)) decisions.push_back(std::move(decision));
  }
  std::ranges::sort(decisions, std::ranges::greater(), [](const Json& each) {
    return std::tuple(Text(each, "time"), Text(each, "namespace"), Text(each, "sandbox"),
                      Text(each, "host"));
  });
  KeepNewest(options.decisions, decisions);
  overview["decisions"] = std::move(decisions);
}

// A table in columns as wide as their widest cell; the last one takes what is left.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }

  void Add(std::vector<std::string> row) {
    for (std::string& cell : row) cell = policy::EscapeControls(cell);
    rows_.push_back(std::move(row));
  }

  [[nodiscard]] std::string Print(std::size_t columns, const Colours& colours) const {
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i) {
        line += row[i];
        if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
      }
      line = Truncate(line, columns);
      text += (&row == &rows_.front() ? colours.Bold(line) : line) + "\n";
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string StateOf(const Json& condition) {
  if (condition.is_null()) return "-";
  const std::string status = Text(condition, "status");
  return status == "True" ? Text(condition, "reason") : status + ": " + Text(condition, "reason");
}

}  // namespace

Json OverviewOf(JsonView sandbox, const policy::Facts& facts) {
  const JsonView metadata = sandbox["metadata"];
  const JsonView status = sandbox["status"];
  const std::vector<api::Condition> conditions = api::DecodeConditions(status["conditions"]);
  const auto decoded = api::DecodeAgentSandbox(sandbox);
  Json one = {
      {"namespace", metadata["namespace"].StringOrEmpty()},
      {"name", metadata["name"].StringOrEmpty()},
      {"created", metadata["creationTimestamp"].StringOrEmpty()},
      {"ready", ConditionOf(conditions, "Ready")},
      {"isolated", ConditionOf(conditions, "EgressIsolated")},
      {"compliant", ConditionOf(conditions, "PolicyCompliant")},
      {"isolation", decoded.ok() ? api::IsolationName(decoded->spec.isolation) : "?"},
      {"suspended", decoded.ok() && decoded->spec.operating_mode == api::OperatingMode::kSuspended},
      {"pod", status["podName"].StringOrEmpty()},
      {"node", status["nodeName"].StringOrEmpty()},
      {"gateway", status["egress"]["gateway"].StringOrEmpty()},
      {"findings", FindingsOf(sandbox, facts)},
  };
  Json& listed = one["conditions"] = Json::array();
  for (const api::Condition& condition : conditions) {
    listed.push_back({{"type", condition.type},
                      {"status", condition.status},
                      {"reason", condition.reason},
                      {"message", condition.message}});
  }
  Json& controls = one["controls"] = Json::array();
  status["controls"].ForEachElement([&controls](std::size_t, JsonView control) {
    controls.push_back({{"name", control["name"].StringOrEmpty()},
                        {"state", control["state"].StringOrEmpty()},
                        {"detail", control["detail"].StringOrEmpty()}});
  });
  return one;
}

Json DecisionsOf(std::string_view log, std::string_view namespace_name) {
  Json decisions = Json::array();
  for (const std::string_view line : Split(log, '\n')) {
    const auto parsed = codec::JsonDocument::Parse(line);
    if (!parsed.ok()) continue;
    const JsonView entry = parsed->root();
    const std::string_view kind = entry["kind"].StringOrEmpty();
    const bool refused = IsRefused(entry);
    // A CONNECT that is let through is followed by what goes through it, and of the two lines of a
    // tunnel one has its method.
    const bool counts = kind == "request" || kind == "refused" ||
                        (kind == "tunnel" && (refused || entry["method"].IsString())) ||
                        (kind == "connect" && refused);
    if (!counts) continue;
    decisions.push_back({{"time", entry["time"].StringOrEmpty()},
                         {"namespace", namespace_name},
                         {"sandbox", NameInUri(entry["sandbox"].StringOrEmpty())},
                         {"kind", kind},
                         {"host", entry["host"].StringOrEmpty()},
                         {"method", entry["method"].StringOrEmpty()},
                         {"status", entry["status"].ToJson()},
                         {"rule", entry["rule"].StringOrEmpty()},
                         {"verdict", refused                                    ? "refused"
                                     : entry["rule"].StringOrEmpty() == "audit" ? "audited"
                                                                                : "allowed"}});
  }
  return decisions;
}

Json ReadOverview(kube::Client& client, const OverviewOptions& options,
                  const policy::Facts& facts) {
  const std::string now =
      FormatTime(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  Json overview = {{"time", now},
                   {"namespace", options.namespace_name},
                   {"sandboxes", Json::array()},
                   {"decisions", Json::array()},
                   {"problems", Json::array()}};
  kube::ListOptions list;
  list.namespace_name = options.namespace_name;
  const auto listed = client.List(sandbox_operator::kAgentSandboxes, list, [&](JsonView sandbox) {
    overview["sandboxes"].push_back(OverviewOf(sandbox, facts));
  });
  if (!listed.ok()) {
    overview["problems"].push_back("AgentSandboxes cannot be listed: " + listed.status().message());
    return overview;
  }
  auto& sandboxes = overview["sandboxes"].get_ref<Json::array_t&>();
  std::ranges::sort(sandboxes, {}, [](const Json& one) {
    return std::tuple(Text(one, "namespace"), Text(one, "name"));
  });
  AddDecisions(client, options, overview);
  return overview;
}

std::string TextOf(const Json& overview, std::size_t columns, bool colour) {
  const Colours colours(colour);
  const auto now = ParseRfc3339(Text(overview, "time")).value_or(std::chrono::system_clock::now());
  const bool everywhere = Text(overview, "namespace").empty();
  Table table({everywhere ? "SANDBOX (NAMESPACE/NAME)" : "SANDBOX", "READY", "TIER", "NETWORK",
               "NOT ENFORCED", "FINDINGS", "AGE"});
  for (const Json& one : overview["sandboxes"]) {
    std::string open;
    for (const Json& control : one["controls"]) {
      if (Text(control, "state") != "Unenforced") continue;
      open += (open.empty() ? "" : ",") + Text(control, "name");
    }
    table.Add({(everywhere ? Text(one, "namespace") + "/" : "") + Text(one, "name"),
               StateOf(one["ready"]), Text(one, "isolation"), StateOf(one["isolated"]),
               open.empty() ? "-" : open, std::to_string(one["findings"].size()),
               Age(Text(one, "created"), now)});
  }
  std::string text = table.Print(columns, colours);
  if (overview["sandboxes"].empty()) text += "no AgentSandbox\n";
  Table decisions({"EGRESS", "SANDBOX", "VERDICT", "METHOD", "HOST", "RULE"});
  for (const Json& one : overview["decisions"]) {
    decisions.Add({Text(one, "time"), Text(one, "namespace") + "/" + Text(one, "sandbox"),
                   Text(one, "verdict"), Text(one, "method"), Text(one, "host"),
                   Text(one, "rule")});
  }
  if (!overview["decisions"].empty()) text += "\n" + decisions.Print(columns, colours);
  for (const Json& problem : overview["problems"]) {
    text += policy::EscapeControls(problem.get<std::string>()) + "\n";
  }
  return text;
}

}  // namespace stockade::cli
