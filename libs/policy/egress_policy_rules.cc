#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "policy/compiled_policy.h"
#include "policy/policy_report.h"
#include "policy/policy_subject.h"
#include "policy/quoting.h"
#include "policy/rule_groups.h"

// Rules that an AgentSandboxPolicy brings for spec.egress and spec.credentials: each judges a
// sandbox by one policy, and finds nothing where the policy does not ask for it.
namespace stockade::policy {
namespace {

using api::EgressEntry;

constexpr const char* kAllowPath = "spec.egress.allow";

// The first of many, for a sentence.
std::string Some(const std::vector<std::string>& texts) {
  constexpr std::size_t kMost = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, texts.size()); ++i) {
    if (i > 0) text += ", ";
    text += Truncate(texts[i], 80);
  }
  if (texts.size() > kMost) text += ", ...";
  return text;
}

void CheckHostNotAllowed(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  const auto& allowed = policy.allowed_hosts();
  if (!allowed) return;
  for (const ListedHost& listed : s.hosts()) {
    if (allowed->Covers(listed.host)) continue;
    const std::vector<std::string> texts = allowed->Texts();
    report.Add(
        listed.Path(), "the host " + Quote(listed.host) + " is none of allowedHosts",
        texts.empty() ? "remove it: the policy allows no host" : "use a host of " + Some(texts),
        listed.host);
  }
}

// Whether the sandbox itself refuses every request to that name.
bool DeniesAltogether(const Subject& s, std::string_view name) {
  return std::ranges::any_of(s.sandbox->spec.egress->deny, [name](const EgressEntry& entry) {
    return entry.ports.empty() && entry.methods.empty() && entry.paths.empty() &&
           api::CoversHost(entry.host, name);
  });
}

void CheckHostDenied(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  const DeniedHosts& denied = policy.denied_hosts();
  if (denied.empty()) return;
  for (const ListedHost& listed : s.hosts()) {
    const std::string denier = denied.DenierOf(listed.host);
    if (!denier.empty()) {
      report.Add(
          listed.Path(),
          "the host " + Quote(listed.host) + " is denied by " + Quote(denier) + " of deniedHosts",
          "remove it", listed.host + " by " + denier);
      continue;
    }
    if (!api::IsWildcardHost(listed.host)) continue;
    for (const std::string_view name : denied.NamesWithin(listed.host)) {
      if (DeniesAltogether(s.subject(), name)) continue;
      report.Add(
          listed.Path(),
          "the host " + Quote(listed.host) + " stands for " + Quote(name) + " of deniedHosts too",
          "list the hosts that are needed one by one, or deny it in egress.deny as well",
          listed.host + " by " + std::string(name));
    }
  }
}

void CheckTunnel(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  if (!policy.forbids_tunnel() || !s->sandbox->spec.egress) return;
  const std::vector<EgressEntry>& allow = s->sandbox->spec.egress->allow;
  for (std::size_t i = 0; i < allow.size(); ++i) {
    if (allow[i].tls != api::TlsMode::kTunnel) continue;
    report.Add(IndexedPath(kAllowPath, i, "tls"),
               "tls of the host " + Quote(allow[i].host) + " is Tunnel, and forbidTunnel is set",
               "use tls: Terminate", allow[i].host);
  }
}

void CheckHostCount(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  const auto maximum = policy.max_hosts();
  if (!maximum || s.hosts().size() <= static_cast<std::size_t>(*maximum)) return;
  std::set<std::string_view> different;
  for (const ListedHost& listed : s.hosts()) different.insert(listed.host);
  if (different.size() <= static_cast<std::size_t>(*maximum)) return;
  const std::string count = std::to_string(different.size());
  report.Add(kAllowPath,
             "the sandbox lists " + count + " different hosts, the model's among them, and " +
                 "maxHosts is " + std::to_string(*maximum),
             "list fewer", "hosts", api::Quantity::Parse(count).value());
}

void CheckAudit(PolicySubject& s, const CompiledPolicy& /*policy*/, PolicyReport& report) {
  if (!s->sandbox->spec.egress || !s->sandbox->spec.egress->audit) return;
  report.Add("spec.egress.audit",
             "audit lets hosts pass that no entry lists, which no policy leaves room for",
             "remove it, and list the hosts that are needed", "audit");
}

// The field that names the Secret.
std::string SecretPath(const api::Credential& credential, std::size_t index) {
  const auto kind = static_cast<std::size_t>(credential.kind);
  return IndexedPath("spec.credentials", index, api::kCredentialKindNames[kind]) +
         ".secretKeyRef.name";
}

bool NamesSecret(const api::Credential& credential) {
  return credential.kind != api::CredentialKind::kAws;
}

void CheckSecret(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  if (!policy.allowed_secrets()) return;
  const std::vector<api::Credential>& credentials = s->sandbox->spec.credentials;
  for (std::size_t i = 0; i < credentials.size(); ++i) {
    const std::string& secret = credentials[i].secret.name;
    if (!NamesSecret(credentials[i]) || policy.FindSecret(secret) != nullptr) continue;
    std::vector<std::string> names;
    for (const auto& [name, hosts] : *policy.allowed_secrets()) names.push_back(name);
    report.Add(SecretPath(credentials[i], i),
               "the Secret " + Quote(secret) + " is none of allowedSecrets",
               names.empty() ? "remove the credential: the policy allows no Secret"
                             : "use one of " + Some(names),
               secret);
  }
}

void CheckSecretHost(PolicySubject& s, const CompiledPolicy& policy, PolicyReport& report) {
  if (!policy.allowed_secrets()) return;
  for (const api::Credential& credential : s->sandbox->spec.credentials) {
    const SecretHosts* secret = policy.FindSecret(credential.secret.name);
    if (!NamesSecret(credential) || secret == nullptr || !secret->second) continue;
    for (const ListedHost& listed : s.hosts()) {
      if (listed.credential != credential.name || secret->second->Covers(listed.host)) continue;
      const std::vector<std::string> texts = secret->second->Texts();
      report.Add(listed.CredentialPath(),
                 "the Secret " + Quote(credential.secret.name) + " would be sent to " +
                     Quote(listed.host) + ", which is none of its hosts in allowedSecrets",
                 texts.empty() ? "use another credential: the policy sends this one nowhere"
                               : "use it for " + Some(texts),
                 credential.secret.name + " to " + listed.host);
    }
  }
}

constexpr std::array kRules = {
    Rule{.code = "EgressHostNotAllowed",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckHostNotAllowed,
         .fields = "egress.allow[].host, egress.model",
         .summary = "With the policy's egress.allowedHosts a sandbox lists hosts of that list "
                    "alone, the host of its model among them. A wildcard is covered by the same "
                    "wildcard.",
         .remedy = "use a host of the policy's egress.allowedHosts",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "EgressHostDenied",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckHostDenied,
         .fields = "egress.allow[].host, egress.model, egress.deny[]",
         .summary = "No sandbox lists a host of the policy's egress.deniedHosts, in which a "
                    "wildcard stands for every name below it. A wildcard of the sandbox may stand "
                    "for a denied name where its own egress.deny refuses that one.",
         .remedy = "remove the host",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "EgressTunnel",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckTunnel,
         .fields = "egress.allow[].tls",
         .summary =
             "Where the policy's egress.forbidTunnel is set, the gateway sees every request: "
             "of a tunnel it knows the host and the number of bytes alone.",
         .remedy = "use tls: Terminate",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "EgressHostsAboveMaximum",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckHostCount,
         .fields = "egress.allow[].host, egress.model",
         .summary = "The policy's egress.maxHosts bounds the different hosts of one sandbox. A "
                    "wildcard counts as one; allowedHosts is what keeps it out.",
         .remedy = "list fewer hosts",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "EgressAudit",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckAudit,
         .fields = "egress.audit",
         .summary = "egress.audit, which lets pass what no entry lists, is for writing a list in a "
                    "namespace that no policy selects.",
         .remedy = "remove egress.audit",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "CredentialSecret",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckSecret,
         .fields = "credentials[].header.secretKeyRef, credentials[].basicAuth.secretKeyRef",
         .summary =
             "With the policy's credentials.allowedSecrets the gateway holds Secrets of that "
             "list alone. Roles that are assumed (aws, Bedrock, Vertex) name none.",
         .remedy = "use a Secret of the policy's credentials.allowedSecrets",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "CredentialHost",
         .judges = JudgedObject::kByPolicy,
         .check_by_policy = CheckSecretHost,
         .fields = "egress.allow[].credential, egress.model.*.credential",
         .summary = "A Secret to which the policy's credentials.allowedSecrets gives hosts is sent "
                    "to those alone.",
         .remedy = "use the credential for its hosts alone",
         .references = {.principle = Principle::kIsolation}},
};

}  // namespace

std::span<const Rule> EgressPolicyRules() { return kRules; }

}  // namespace stockade::policy
