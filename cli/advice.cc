#include "cli/advice.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "api/egress.h"
#include "api/pod_view.h"
#include "cli/wrap.h"
#include "policy/image_reference.h"
#include "policy/quoting.h"

namespace stockade::cli {
namespace {

using api::AgentSandbox;
using api::EgressEntry;

constexpr std::array<std::string_view, 4> kRiskNames = {"low", "moderate", "high", "critical"};
constexpr std::array<std::string_view, 3> kWeightNames = {"has", "should", "could"};

std::string EntryPath(std::size_t index) {
  return "spec.egress.allow[" + std::to_string(index) + "]";
}

// The three that together let an injected instruction do harm.
struct Exposure {
  bool reads_others = false;
  std::vector<std::string> worth;     // what there is to take
  std::vector<std::string> ways_out;  // where it could go, or stay

  [[nodiscard]] int Count() const {
    return int{reads_others} + int{!worth.empty()} + int{!ways_out.empty()};
  }
};

bool MaySend(const EgressEntry& entry) {
  constexpr std::array<std::string_view, 3> kReading = {"GET", "HEAD", "OPTIONS"};
  return entry.tls == api::TlsMode::kTunnel || entry.web_socket || entry.methods.empty() ||
         std::ranges::any_of(entry.methods, [&kReading](const std::string& method) {
           return std::ranges::find(kReading, method) == kReading.end();
         });
}

Exposure ExposureOf(const AgentSandbox& sandbox) {
  Exposure exposure;
  const api::AgentSandboxSpec& spec = sandbox.spec;
  exposure.reads_others = spec.input_trust == api::InputTrust::kUntrusted;
  for (const api::Credential& credential : spec.credentials) {
    exposure.worth.push_back("the use of the credential " + policy::Quote(credential.name));
  }
  for (const api::Mount& mount : spec.mounts) {
    const bool claim = mount.source == api::MountSource::kPersistentVolumeClaim;
    if (claim) exposure.worth.push_back("the volume " + policy::Quote(mount.claim_name));
    if (mount.access == api::MountAccess::kPersistent) {
      exposure.ways_out.push_back("what is written to " + policy::Quote(mount.mount_path) +
                                  " outlives the session");
    }
  }
  if (!spec.egress) return exposure;
  for (const EgressEntry& entry : spec.egress->allow) {
    exposure.ways_out.push_back(policy::Quote(entry.host) +
                                (MaySend(entry)
                                     ? " can be sent anything"
                                     : " can be told a little in each address asked for"));
  }
  if (spec.egress->audit) exposure.ways_out.push_back("audit lets every host pass");
  return exposure;
}

Risk RiskOf(const Exposure& exposure) {
  if (!exposure.reads_others) return exposure.Count() == 2 ? Risk::kModerate : Risk::kLow;
  if (exposure.Count() == 3) return Risk::kCritical;
  return exposure.Count() == 2 ? Risk::kHigh : Risk::kModerate;
}

std::vector<std::string> ReasonsFor(const Exposure& exposure) {
  std::vector<std::string> reasons;
  reasons.push_back(exposure.reads_others
                        ? "it reads what others wrote (inputTrust Untrusted), which can instruct it"
                        : "it reads what its owner wrote alone (inputTrust Trusted)");
  const auto list = [&reasons](const std::string& head, const std::vector<std::string>& of,
                               const std::string& none) {
    if (of.empty()) {
      reasons.push_back(none);
      return;
    }
    constexpr std::size_t kMost = 5;
    std::string text = head;
    for (std::size_t i = 0; i < std::min(of.size(), kMost); ++i)
      text += (i > 0 ? ", " : "") + of[i];
    if (of.size() > kMost) text += " and " + std::to_string(of.size() - kMost) + " more";
    reasons.push_back(std::move(text));
  };
  list("it has something worth taking: ", exposure.worth,
       "it has no credential and no volume of its owner's");
  list("what it has could leave or stay: ", exposure.ways_out,
       "nothing leaves it and nothing stays behind");
  return reasons;
}

// Collects the controls of one sandbox.
class Adviser {
 public:
  Adviser(const AgentSandbox& sandbox, Risk risk) : spec_(sandbox.spec), risk_(risk) {}

  std::vector<Advice> Run() {
    Tier();
    Ways();
    if (spec_.egress) Gateway();
    Entry();
    Time();
    Traces();
    Image();
    Agent();
    // What is missing first, in the order in which it was found.
    std::vector<Advice> sorted;
    for (const Weight weight : {Weight::kShould, Weight::kCould, Weight::kHas}) {
      for (Advice& advice : advice_) {
        if (advice.weight == weight) sorted.push_back(std::move(advice));
      }
    }
    return sorted;
  }

 private:
  [[nodiscard]] Weight From(Risk least) const {
    return risk_ >= least ? Weight::kShould : Weight::kCould;
  }

  void Add(bool has, Weight missing, Advice advice) {
    advice.weight = has ? Weight::kHas : missing;
    advice_.push_back(std::move(advice));
  }

  void Tier() {
    const std::string kernel =
        "flaws of the node's kernel: the agent's system calls never reach it";
    const bool gvisor = spec_.isolation >= api::Isolation::kGVisor;
    Add(gvisor, From(Risk::kModerate),
        {.control = "tier",
         .field = "spec.isolation",
         .what = gvisor ? std::string(api::IsolationName(spec_.isolation)) : "GVisor",
         .stops = kernel,
         .costs = "0.7 s more of a start with a gateway of its own, and slower system calls"});
    if (risk_ < Risk::kCritical || spec_.isolation > api::Isolation::kGVisor) return;
    Add(false, Weight::kCould,
        {.control = "microvm",
         .field = "spec.isolation",
         .what = "MicroVM, where nodes can run virtual machines and strangers share them",
         .stops = "flaws of gVisor itself, by the processor's own virtualization",
         .costs = "nodes with KVM, and the memory of a kernel for each sandbox"});
  }

  void Ways() {
    if (!spec_.egress) {
      Add(true, Weight::kCould,
          {.control = "no-egress",
           .field = "spec.egress",
           .what = "no way out",
           .stops = "everything that needs one",
           .costs = "nothing"});
      return;
    }
    Add(!spec_.egress->audit, Weight::kShould,
        {.control = "listed-only",
         .field = "spec.egress.audit",
         .what = spec_.egress->audit ? "take it out once the log has shown which hosts are needed"
                                     : "what is not listed is refused",
         .stops = "every host that nobody has listed",
         .costs = "nothing"});
    for (std::size_t i = 0; i < spec_.egress->allow.size(); ++i) Host(i, spec_.egress->allow[i]);
  }

  void Host(std::size_t index, const EgressEntry& entry) {
    const std::string path = EntryPath(index);
    const std::string host = policy::Quote(entry.host);
    if (entry.tls == api::TlsMode::kTunnel) {
      Add(false, From(Risk::kHigh),
          {.control = "terminate",
           .field = path + ".tls",
           .what = "Terminate for " + host + ", and trust the gateway's authority in the image",
           .stops = "requests that nobody sees: methods, paths and credentials cannot be judged",
           .costs = "1.6 ms for a new connection, 0.3 ms for a request"});
      return;
    }
    Add(!entry.methods.empty(), From(Risk::kHigh),
        {.control = "methods",
         .field = path + ".methods",
         .what = entry.methods.empty() ? "list those that are needed of " + host + ", such as [GET]"
                                       : "only what is listed of " + host,
         .stops = "uploads to a host that is meant to be read",
         .costs = "nothing"});
    if (!entry.credential.empty()) {
      Add(!entry.paths.empty(), From(Risk::kHigh),
          {.control = "paths",
           .field = path + ".paths",
           .what = entry.paths.empty() ? "list what is needed of " + host
                                       : "only what is listed of " + host,
           .stops = "the credential being used for anything that its owner may do there",
           .costs = "nothing"});
    }
    if (api::IsWildcardHost(entry.host)) {
      Add(false, From(Risk::kHigh),
          {.control = "hosts",
           .field = path + ".host",
           .what = "name the hosts that are needed below " + host,
           .stops = "data sent as a name: any label below it is one that somebody may answer for",
           .costs = "nothing"});
    }
    if (entry.client_credentials == api::ClientCredentials::kPass) {
      Add(false, From(Risk::kHigh),
          {.control = "strip",
           .field = path + ".clientCredentials",
           .what = "Strip for " + host + ", with a credential of spec.credentials",
           .stops = "data sent to an attacker's own account of an allowed host",
           .costs = "nothing"});
    }
    if (entry.web_socket) {
      Add(false, Weight::kCould,
          {.control = "web-socket",
           .field = path + ".webSocket",
           .what = "take it out where " + host + " can do without",
           .stops = "messages that nobody sees once the connection stands",
           .costs = "nothing"});
    }
    if (!entry.private_ranges.empty()) {
      Add(false, Weight::kCould,
          {.control = "private-ranges",
           .field = path + ".privateRanges",
           .what = "as narrow as the addresses of " + host,
           .stops = "other hosts of that network, should the name be made to resolve to them",
           .costs = "nothing"});
    }
  }

  void Gateway() {
    const bool dedicated = spec_.egress->gateway == api::GatewayMode::kDedicated;
    if (!dedicated || risk_ == Risk::kCritical) {
      Add(dedicated, risk_ == Risk::kCritical ? Weight::kShould : Weight::kCould,
          {.control = "dedicated-gateway",
           .field = "spec.egress.gateway",
           .what = "Dedicated",
           .stops = "a flaw of the proxy giving one sandbox another one's credentials",
           .costs = "22 MiB of memory of its own, and 3.4 s of the first start"});
    }
    if (spec_.credentials.empty()) return;
    Add(true, Weight::kCould,
        {.control = "brokered-credentials",
         .field = "spec.credentials",
         .what = "added by the gateway",
         .stops = "keys in the agent's reach",
         .costs = "0.3 ms for a request"});
  }

  void Entry() {
    Add(spec_.access.exec == api::Permission::kDeny, From(Risk::kCritical),
        {.control = "no-exec",
         .field = "spec.access",
         .what = "exec: Deny, and attach: Deny, unless the harness works by exec",
         .stops = "users of the cluster reading what the agent has, or being read by it",
         .costs = "no shell to look for what is wrong: logs and Events remain"});
    const bool open = std::ranges::any_of(spec_.ingress, [](const api::IngressRule& rule) {
      return rule.from.text().find("\"namespaceSelector\":{}") != std::string::npos;
    });
    if (!spec_.ingress.empty()) {
      Add(!open, From(Risk::kModerate),
          {.control = "ingress",
           .field = "spec.ingress",
           .what = open ? "name the namespaces and pods that need it" : "named peers alone",
           .stops = "strangers in the cluster instructing the agent",
           .costs = "nothing"});
    }
  }

  void Time() {
    const api::Lifecycle& lifecycle = spec_.lifecycle;
    const bool ends = lifecycle.shutdown_time || lifecycle.max_lifetime || lifecycle.idle;
    Add(ends, From(Risk::kHigh),
        {.control = "end",
         .field = "spec.lifecycle",
         .what = ends ? "it ends" : "maxLifetimeSeconds, or idle.suspendAfterSeconds",
         .stops = "an instruction that was taken in being followed for weeks",
         .costs = "a session that takes longer begins anew"});
  }

  void Traces() {
    for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
      const api::Mount& mount = spec_.mounts[i];
      if (mount.access != api::MountAccess::kPersistent) continue;
      Add(false, From(Risk::kHigh),
          {.control = "no-traces",
           .field = "spec.mounts[" + std::to_string(i) + "].access",
           .what = "Ephemeral or ReadOnly for " + policy::Quote(mount.mount_path) +
                   ", or have a person look at what comes out of it",
           .stops = "files that instruct the next session, or whoever runs them",
           .costs = "what is to last is carried out by the harness"});
    }
  }

  void Image() {
    const codec::JsonDocument document = api::ToDocument(spec_.pod_template);
    document.root()["spec"]["containers"].ForEachElement(
        [this](std::size_t index, codec::JsonView container) {
          const std::string image(container["image"].StringOrEmpty());
          const auto parts = policy::ParseImageReference(image);
          const bool pinned = parts && !parts->digest.empty();
          Add(pinned, From(Risk::kCritical),
              {.control = "digest",
               .field = "spec.podTemplate.spec.containers[" + std::to_string(index) + "].image",
               .what = pinned ? "named by digest" : "name " + policy::Quote(image) + " by digest",
               .stops = "another image under the same tag tomorrow",
               .costs = "a change of the manifest for each new image"});
        });
  }

  void Agent() {
    Add(spec_.agent_settings.has_value(), Weight::kCould,
        {.control = "agent-settings",
         .field = "spec.agentSettings",
         .what = spec_.agent_settings ? "permission rules of the agent itself"
                                      : "permission rules, where the agent is Claude Code",
         .stops = "mistakes of an agent that nobody has taken over, before the boundary has to",
         .costs = "nothing"});
  }

  const api::AgentSandboxSpec& spec_;
  const Risk risk_;
  std::vector<Advice> advice_;
};

// Of examples/profiles.
std::string ProfileFor(const AgentSandbox& sandbox, const Exposure& exposure, Risk risk) {
  if (risk == Risk::kLow) return "trusted";
  if (!exposure.reads_others) return "team";
  if (sandbox.spec.egress == std::nullopt) return "untrusted-code";
  return risk == Risk::kCritical ? "multi-tenant" : "web-research";
}

}  // namespace

std::string_view RiskName(Risk risk) { return kRiskNames[static_cast<std::size_t>(risk)]; }

std::string_view WeightName(Weight weight) {
  return kWeightNames[static_cast<std::size_t>(weight)];
}

bool Assessment::Lacks() const {
  return std::ranges::find(advice, Weight::kShould, &Advice::weight) != advice.end();
}

Assessment Assess(const AgentSandbox& sandbox) {
  const Exposure exposure = ExposureOf(sandbox);
  Assessment assessment;
  assessment.risk = RiskOf(exposure);
  assessment.reasons = ReasonsFor(exposure);
  assessment.tier =
      assessment.risk == Risk::kLow ? api::Isolation::kContainer : api::Isolation::kGVisor;
  assessment.profile = ProfileFor(sandbox, exposure, assessment.risk);
  assessment.advice = Adviser(sandbox, assessment.risk).Run();
  return assessment;
}

std::string TextOf(const Assessment& assessment, std::string_view title) {
  std::string text(title);
  text += ": risk " + std::string(RiskName(assessment.risk)) + "\n";
  for (const std::string& reason : assessment.reasons) text += "  - " + Wrap(reason, 4);
  text += "  tier: " + std::string(api::IsolationName(assessment.tier)) +
          " at least; nearest profile: examples/profiles/" + assessment.profile + ".yaml\n";
  std::string has;
  std::optional<Weight> head;
  for (const Advice& advice : assessment.advice) {
    if (advice.weight == Weight::kHas) {
      has += (has.empty() ? "" : ", ") + advice.control;
      continue;
    }
    if (head != advice.weight) text += "  " + std::string(WeightName(advice.weight)) + ":\n";
    head = advice.weight;
    text += "    " + Wrap(advice.field + " [" + advice.control + "]: " + advice.what, 6);
    text += "      " + Wrap("stops " + advice.stops, 8);
    text += "      " + Wrap("costs " + advice.costs, 8);
  }
  if (!has.empty()) text += "  has: " + Wrap(has, 4);
  return text;
}

codec::Json ToJson(const Assessment& assessment, std::string_view title) {
  codec::Json advice = codec::Json::array();
  for (const Advice& each : assessment.advice) {
    advice.push_back({{"weight", WeightName(each.weight)},
                      {"control", each.control},
                      {"field", each.field},
                      {"what", each.what},
                      {"stops", each.stops},
                      {"costs", each.costs}});
  }
  return {{"object", title},
          {"risk", RiskName(assessment.risk)},
          {"reasons", assessment.reasons},
          {"tier", api::IsolationName(assessment.tier)},
          {"profile", assessment.profile},
          {"advice", std::move(advice)}};
}

}  // namespace stockade::cli
