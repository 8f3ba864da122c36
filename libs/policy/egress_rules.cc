#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "policy/egress_hosts.h"
#include "policy/egress_size.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for spec.egress: which hosts may be listed, and how.
namespace stockade::policy {
namespace {

using api::EgressEntry;

// Calls f(entry, path, allows) for each entry of egress.allow and egress.deny.
template <typename F>
void ForEachEntry(const Subject& s, F&& f) {
  if (!s.sandbox->spec.egress) return;
  const api::Egress& egress = *s.sandbox->spec.egress;
  for (const bool allows : {true, false}) {
    const auto& list = allows ? egress.allow : egress.deny;
    const char* name = allows ? "spec.egress.allow" : "spec.egress.deny";
    for (std::size_t i = 0; i < list.size(); ++i) f(list[i], IndexedPath(name, i), allows);
  }
}

const api::EgressModel* ModelOf(const Subject& s) {
  if (!s.sandbox->spec.egress || !s.sandbox->spec.egress->model) return nullptr;
  return &*s.sandbox->spec.egress->model;
}

std::string About(const char* what, std::string_view value, const std::string& problem) {
  return std::string(what) + " " + Quote(value) + " " + problem;
}

constexpr const char* kCustomHostPath = "spec.egress.model.custom.host";

void CheckEgressHost(const Subject& s, Report& report) {
  ForEachEntry(s, [&](const EgressEntry& entry, const std::string& path, bool) {
    if (const auto problem = HostProblem(entry.host)) {
      report.Add(path + ".host", About("the host", entry.host, *problem));
    }
  });
  const api::EgressModel* model = ModelOf(s);
  if (model == nullptr || model->provider != api::ModelProvider::kCustom) return;
  if (const auto problem = HostProblem(model->host)) {
    report.Add(kCustomHostPath, About("the host", model->host, *problem));
  }
}

void CheckEgressWildcard(const Subject& s, Report& report) {
  ForEachEntry(s, [&](const EgressEntry& entry, const std::string& path, bool allows) {
    if (!api::IsWildcardHost(entry.host) || !allows) return;
    if (const auto problem = WildcardProblem(entry.host)) {
      report.Add(path + ".host", About("the host", entry.host, *problem));
    }
    if (!entry.credential.empty()) {
      report.Add(path + ".credential", "a credential would go to whichever host the agent names");
    }
  });
  const api::EgressModel* model = ModelOf(s);
  if (model != nullptr && model->provider == api::ModelProvider::kCustom &&
      api::IsWildcardHost(model->host)) {
    report.Add(kCustomHostPath, "the model's host is a wildcard");
  }
}

void CheckEgressPort(const Subject& s, Report& report) {
  ForEachEntry(s, [&](const EgressEntry& entry, const std::string& path, bool allows) {
    std::set<std::int64_t> ports;
    for (std::size_t i = 0; i < entry.ports.size(); ++i) {
      const std::int64_t port = entry.ports[i];
      if (!ports.insert(port).second) {
        report.Add(IndexedPath(path + ".ports", i),
                   "the port " + std::to_string(port) + " stands there twice");
      } else if (allows && api::IsWildcardHost(entry.host) && port != api::kHttpsPort) {
        report.Add(IndexedPath(path + ".ports", i),
                   "a wildcard host with the port " + std::to_string(port));
      }
    }
  });
}

void CheckEgressPrivateAddress(const Subject& s, Report& report) {
  ForEachEntry(s, [&](const EgressEntry& entry, const std::string& path, bool allows) {
    if (!allows) return;
    if (const auto problem = InsideNameProblem(entry.host, !entry.private_ranges.empty())) {
      report.Add(path + ".host", About("the host", entry.host, *problem));
    }
    for (std::size_t i = 0; i < entry.private_ranges.size(); ++i) {
      if (const auto problem = PrivateRangeProblem(entry.private_ranges[i])) {
        report.Add(IndexedPath(path + ".privateRanges", i),
                   About("the range", entry.private_ranges[i], *problem));
      }
    }
  });
}

// The model's host may be listed for more requests. Its tls and its credential are the model's.
constexpr std::string_view kLeaveToModel = "leave out tls and credential of this entry";

void CheckAgainstModel(const api::EgressModel& model, const EgressEntry& entry,
                       const std::string& path, Report& report) {
  const std::vector<std::int64_t> ports = api::AllowedPorts(entry);
  if (entry.host != api::ModelHost(model) ||
      std::ranges::find(ports, api::kHttpsPort) == ports.end()) {
    return;
  }
  if (entry.tls != api::TlsMode::kTerminate) {
    report.Add(path + ".tls", "egress.model has the same host and port with tls: Terminate",
               kLeaveToModel);
  } else if (!entry.credential.empty() && entry.credential != model.credential) {
    report.Add(path + ".credential",
               "egress.model has the same host and port with another credential, which goes with "
               "every request there",
               kLeaveToModel);
  }
}

void CheckEgressDuplicate(const Subject& s, Report& report) {
  if (!s.sandbox->spec.egress) return;
  const std::vector<EgressEntry>& allow = s.sandbox->spec.egress->allow;
  for (std::size_t i = 0; i < allow.size(); ++i) {
    const std::string path = IndexedPath("spec.egress.allow", i);
    const std::vector<std::int64_t> ports = api::AllowedPorts(allow[i]);
    if (const api::EgressModel* model = ModelOf(s)) {
      CheckAgainstModel(*model, allow[i], path, report);
    }
    for (std::size_t j = 0; j < i; ++j) {
      const EgressEntry& other = allow[j];
      const std::vector<std::int64_t> others = api::AllowedPorts(other);
      if (other.host != allow[i].host || std::ranges::find_first_of(ports, others) == ports.end()) {
        continue;
      }
      const std::string where = IndexedPath("egress.allow", j);
      if (other.tls != allow[i].tls) {
        report.Add(path + ".tls", where + " has the same host and port with the other tls");
      } else if (other.credential != allow[i].credential) {
        report.Add(path + ".credential",
                   where + " has the same host and port with another credential");
      } else if (std::tie(other.methods, other.paths) ==
                 std::tie(allow[i].methods, allow[i].paths)) {
        report.Add(path, where + " says the same of this host and port");
      }
    }
  }
}

void CheckEgressSize(const Subject& s, Report& report) {
  if (!s.sandbox->spec.egress) return;
  const std::int64_t bytes = EstimateGatewayBytes(*s.sandbox->spec.egress);
  if (bytes <= kMaxGatewayBytes) return;
  report.Add("spec.egress.allow", "the gateway's configuration would take about " +
                                      std::to_string(bytes / 1000) + " kB, and " +
                                      std::to_string(kMaxGatewayBytes / 1000) + " kB are the most");
}

void CheckEgressRequestRule(const Subject& s, Report& report) {
  ForEachEntry(s, [&](const EgressEntry& entry, const std::string& path, bool allows) {
    for (std::size_t i = 0; i < entry.paths.size(); ++i) {
      if (const auto problem = PathProblem(entry.paths[i])) {
        report.Add(IndexedPath(path + ".paths", i), About("the path", entry.paths[i], *problem));
      }
    }
    for (std::size_t i = 0; i < entry.methods.size(); ++i) {
      if (const auto problem = MethodProblem(entry.methods[i])) {
        report.Add(IndexedPath(path + ".methods", i),
                   About("the method", entry.methods[i], *problem));
      }
    }
    if (!allows || entry.tls != api::TlsMode::kTunnel) return;
    constexpr std::string_view kRemedy =
        "leave it out, or use tls: Terminate: of what goes through a tunnel the gateway sees the "
        "host alone";
    const auto unseen = [&](const char* field, bool set) {
      if (set) report.Add(path + "." + field, std::string(field) + " of a Tunnel host", kRemedy);
    };
    unseen("methods", !entry.methods.empty());
    unseen("paths", !entry.paths.empty());
    unseen("encodedSlash", entry.encoded_slash);
    unseen("webSocket", entry.web_socket);
    unseen("clientCredentials", entry.client_credentials == api::ClientCredentials::kPass);
  });
}

bool IsLabel(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= 40 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, allowed);
}

bool IsModelId(std::string_view id) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".:/_-").find(c) != std::string_view::npos;
  };
  return !id.empty() && id.size() <= 256 && std::ranges::all_of(id, allowed);
}

void CheckEgressModel(const Subject& s, Report& report) {
  const api::EgressModel* model = ModelOf(s);
  if (model == nullptr) return;
  const std::string path =
      "spec.egress.model." +
      std::string(api::kModelProviderNames[static_cast<std::size_t>(model->provider)]);
  const auto label = [&](const char* field, const std::string& value) {
    if (!IsLabel(value)) {
      report.Add(path + "." + field,
                 std::string(field) + " is " + Quote(value) + ", which no host can hold");
    }
  };
  switch (model->provider) {
    case api::ModelProvider::kBedrock:
      label("region", model->region);
      if (!model->role_arn.starts_with("arn:aws") ||
          model->role_arn.find(":role/") == std::string::npos) {
        report.Add(path + ".roleARN", "the role is " + Quote(model->role_arn),
                   "write the ARN of an IAM role: arn:aws:iam::ACCOUNT:role/NAME");
      }
      for (std::size_t i = 0; i < model->models.size(); ++i) {
        if (!IsModelId(model->models[i])) {
          report.Add(IndexedPath(path + ".models", i), "the model is " + Quote(model->models[i]),
                     "write the id or the ARN of a model or of an inference profile");
        }
      }
      break;
    case api::ModelProvider::kVertex:
      label("region", model->region);
      label("project", model->project);
      break;
    case api::ModelProvider::kFoundry:
      label("resource", model->resource);
      break;
    case api::ModelProvider::kAnthropic:
    case api::ModelProvider::kCustom:
      break;
  }
}

constexpr std::array kRules = {
    Rule{.code = "EgressHost",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressHost,
         .fields = "egress.allow[].host, egress.deny[].host, egress.model.custom.host",
         .summary = "A host is a name in its one canonical form. An IP address, in whatever form, "
                    "says nothing about who answers there, and two forms of one name are a way "
                    "past a list.",
         .remedy = "write the name in lower case, without a port, a path or a dot at its end; in "
                   "punycode where it has other letters",
         .references = {.cve = "CVE-2021-29921", .principle = Principle::kIsolation}},
    Rule{.code = "EgressWildcard",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressWildcard,
         .fields = "egress.allow[].host, egress.allow[].credential, egress.model.custom.host",
         .summary = "A wildcard stands for one label below a domain of one owner. Where anybody "
                    "can have a name it is a way out, and no credential goes to a host that the "
                    "agent chooses.",
         .remedy = "list the hosts one by one",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "EgressPort",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressPort,
         .fields = "egress.allow[].ports, egress.deny[].ports",
         .summary = "Each port is listed once, and a wildcard host is reached at port 443 alone.",
         .remedy = "list each port once; for other ports than 443 list the hosts one by one",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "EgressPrivateAddress",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressPrivateAddress,
         .fields = "egress.allow[].host, egress.allow[].privateRanges[]",
         .summary = "The way out does not lead back inside: no names of the cluster or of metadata "
                    "services, and private addresses only where an entry names them.",
         .remedy = "name a host outside; one in a private network needs privateRanges with the "
                   "narrowest range that holds it",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "EgressDuplicate",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressDuplicate,
         .fields = "egress.allow[], egress.model",
         .summary = "Several entries for one host and port add to each other, so they agree on "
                    "tls and credential, and differ in methods or paths. A model is an entry for "
                    "its host.",
         .remedy = "make one entry of the two, or let them differ in methods or paths alone",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "EgressSize",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressSize,
         .fields = "egress.allow[], egress.deny[]",
         .summary = "The configuration of a gateway is one ConfigMap, which holds 1 MiB. Each host "
                    "and port takes some 28 kB of it, so there may be about 35, and each path "
                    "of a host that has many takes its share.",
         .remedy = "list fewer hosts, ports and paths: a wildcard for the hosts of one owner, a "
                   "prefix for several paths, or a second sandbox for what another task needs",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "EgressRequestRule",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressRequestRule,
         .fields = "egress.allow[] and egress.deny[]: paths, methods, encodedSlash, webSocket, "
                   "clientCredentials",
         .summary = "Methods and paths are compared with what is left of a request after it is "
                    "normalised; of a tunnel the gateway sees none.",
         .remedy = "write methods in capitals, and paths as plain prefixes that begin with \"/\"",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "EgressModel",
         .judges = JudgedObject::kSandbox,
         .check = CheckEgressModel,
         .fields = "egress.model",
         .summary = "The region, project and resource of a model provider become parts of its "
                    "host and paths.",
         .remedy = "use lower-case letters, digits and \"-\"",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

std::span<const Rule> EgressRules() { return kRules; }

}  // namespace stockade::policy
