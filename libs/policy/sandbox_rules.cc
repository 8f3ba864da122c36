#include <array>
#include <charconv>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "api/label_selector.h"
#include "base/strings.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for the fields of an AgentSandbox beside its pod and its mounts.
namespace stockade::policy {
namespace {

using codec::Json;

void CheckSandboxName(const Subject& s, Report& report) {
  const std::string& name = s.sandbox->metadata.name;
  // A name that is still to be generated is judged once it is there.
  if (name.empty()) return;
  if (!IsDnsLabel(name) || name.size() > api::kMaxSandboxNameBytes) {
    report.Add("metadata.name", "the name is " + Quote(name));
  }
}

void CheckUntrustedInputIsolation(const Subject& s, Report& report) {
  if (s.sandbox->spec.input_trust == api::InputTrust::kUntrusted &&
      s.sandbox->spec.isolation < api::Isolation::kGVisor) {
    report.Add("spec.isolation",
               "isolation is Container, but the agent reads untrusted content, as inputTrust says "
               "or leaves open");
  }
}

bool IsSet(const Json& object, const char* key) {
  const auto member = object.find(key);
  return member != object.end() && !member->is_null();
}

// The widest prefix that a network of somebody's own has: 10.0.0.0/8, fd00::/8. A few of fewer bits
// hold every address of their family, and one is most of what is in use.
constexpr int kWidestPrefixBits = 8;

bool IsTooWide(const Json& peer) {
  const Json block = peer.value("ipBlock", Json::object());
  if (!block.is_object()) return false;
  const auto cidr = block.find("cidr");
  if (cidr == block.end() || !cidr->is_string()) return false;
  const auto& text = cidr->get_ref<const std::string&>();
  const std::size_t slash = text.rfind('/');
  if (slash == std::string::npos) return false;
  int bits = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, bits);
  return error == std::errc() && rest == end && bits < kWidestPrefixBits;
}

bool SelectsEverything(const Json& selector) {
  return api::LabelSelector(codec::ParseTrusted(selector).root()).SelectsEverything();
}

// Every pod of every namespace. Without a namespaceSelector it would be those of its own.
bool IsEveryPod(const Json& peer) {
  return IsSet(peer, "namespaceSelector") && SelectsEverything(peer["namespaceSelector"]) &&
         (!IsSet(peer, "podSelector") || SelectsEverything(peer["podSelector"]));
}

// Calls f(peer, path) for each peer of spec.ingress that is an object, and g(path) where a rule or
// a peer is none.
template <typename F, typename G>
void ForEachPeer(const Subject& s, F&& f, G&& g) {
  for (std::size_t i = 0; i < s.sandbox->spec.ingress.size(); ++i) {
    const Json from = s.sandbox->spec.ingress[i].from.ToJson();
    const std::string path = IndexedPath("spec.ingress", i, "from");
    if (!from.is_array() || from.empty()) {
      g(path);
      continue;
    }
    for (std::size_t j = 0; j < from.size(); ++j) {
      if (from[j].is_object()) {
        f(from[j], IndexedPath(path, j));
      } else {
        g(IndexedPath(path, j));
      }
    }
  }
}

void CheckIngressPeer(const Subject& s, Report& report) {
  ForEachPeer(
      s,
      [&report](const Json& peer, const std::string& path) {
        const bool block = IsSet(peer, "ipBlock");
        const bool selector = IsSet(peer, "podSelector") || IsSet(peer, "namespaceSelector");
        if (block == selector) {
          report.Add(path, block ? "the peer has an ipBlock and a selector"
                                 : "the peer has neither an ipBlock nor a selector");
        }
      },
      [&report](const std::string& path) {
        report.Add(path, "the rule names nobody, which a NetworkPolicy would take for everybody");
      });
}

void CheckIngressFromEverywhere(const Subject& s, Report& report) {
  ForEachPeer(
      s,
      [&report](const Json& peer, const std::string& path) {
        if (IsTooWide(peer)) {
          report.Add(path + ".ipBlock.cidr",
                     "so wide a range lets in whoever reaches the cluster's network");
        }
        if (IsEveryPod(peer)) {
          report.Add(path + ".namespaceSelector", "every pod of the cluster may connect");
        }
      },
      [](const std::string&) {});
}

void CheckServicePort(const Subject& s, Report& report) {
  const auto& ports = s.sandbox->spec.service_ports;
  std::set<std::pair<std::int64_t, std::string>> numbers;
  std::set<std::string> names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const api::ServicePort& port = ports[i];
    if (!numbers.emplace(port.port, port.protocol).second) {
      report.Add(IndexedPath("spec.service.ports", i, "port"),
                 "another port is " + std::to_string(port.port) + " as well");
    }
    if (port.name.empty() ? ports.size() > 1 : !names.insert(port.name).second) {
      report.Add(IndexedPath("spec.service.ports", i, "name"),
                 port.name.empty() ? std::string("the port has no name, but is not the only one")
                                   : "another port has the name " + Quote(port.name));
    }
  }
}

constexpr std::array kRules = {
    Rule{.code = "SandboxName",
         .judges = JudgedObject::kSandbox,
         .check = CheckSandboxName,
         .fields = "metadata.name",
         .summary = "The names of the pod, the Service and the claims are made from the sandbox's.",
         .remedy = "use at most 50 lower-case letters, digits and \"-\", with a letter or digit at "
                   "both ends",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "UntrustedInputIsolation",
         .judges = JudgedObject::kSandbox,
         .check = CheckUntrustedInputIsolation,
         .fields = "isolation, inputTrust",
         .summary = "What an agent reads can take it over. Unless all of it is under its owner's "
                    "control, more than a container has to stand between the agent and the node's "
                    "kernel.",
         .remedy = "use GVisor or MicroVM; or set inputTrust to Trusted, if nobody else can write "
                   "what the agent reads",
         .references = {.cve = "CVE-2022-0185, CVE-2024-1086", .principle = Principle::kIsolation}},
    Rule{.code = "IngressPeer",
         .judges = JudgedObject::kSandbox,
         .check = CheckIngressPeer,
         .fields = "ingress[].from[]",
         .summary = "Each rule says who may connect: an empty list would be everybody.",
         .remedy = "name each peer by an ipBlock, or by a podSelector, a namespaceSelector or both",
         .references = {.kubescape = "C-0260", .principle = Principle::kIsolation}},
    Rule{.code = "IngressFromEverywhere",
         .severity = Severity::kWarning,
         .judges = JudgedObject::kSandbox,
         .check = CheckIngressFromEverywhere,
         .fields = "ingress[].from[].ipBlock.cidr, .namespaceSelector and .podSelector",
         .summary = "A range of all addresses opens the agent to whoever reaches it. So does one "
                    "wider than /8, of which a few hold all addresses, and a "
                    "namespaceSelector that selects every namespace, unless a podSelector says "
                    "which of their pods.",
         .remedy = "name the peers by labels in podSelector and namespaceSelector, or by a "
                   "narrower range",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "ServicePort",
         .judges = JudgedObject::kSandbox,
         .check = CheckServicePort,
         .fields = "service.ports[]",
         .summary = "Ports of a Service differ in number or protocol, and where there are several "
                    "each has a name of its own; the API server takes no other Service.",
         .remedy = "give each port a number and a name of its own",
         .references = {.principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> SandboxRules() { return kRules; }

}  // namespace stockade::policy
