#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules for spec.credentials: what the gateway adds, to which hosts, and in which header.
namespace stockade::policy {
namespace {

using api::Credential;
using api::EgressEntry;

constexpr std::size_t kMaxPrefixBytes = 64;

// Each place that names a credential: the name and the path.
struct Use {
  std::string name;
  std::string path;
};

std::vector<Use> UsesOf(const Subject& s) {
  std::vector<Use> uses;
  if (!s.sandbox->spec.egress) return uses;
  const api::Egress& egress = *s.sandbox->spec.egress;
  if (egress.model && !egress.model->credential.empty()) {
    const auto provider = static_cast<std::size_t>(egress.model->provider);
    uses.push_back(
        {egress.model->credential,
         "spec.egress.model." + std::string(api::kModelProviderNames[provider]) + ".credential"});
  }
  for (std::size_t i = 0; i < egress.allow.size(); ++i) {
    if (egress.allow[i].credential.empty()) continue;
    uses.push_back({egress.allow[i].credential, IndexedPath("spec.egress.allow", i, "credential")});
  }
  return uses;
}

void CheckCredentialUnknown(const Subject& s, Report& report) {
  for (const Use& use : UsesOf(s)) {
    if (std::ranges::find(s.sandbox->spec.credentials, use.name, &Credential::name) ==
        s.sandbox->spec.credentials.end()) {
      report.Add(use.path, "there is no credential " + Quote(use.name));
    }
  }
}

void CheckCredentialUnused(const Subject& s, Report& report) {
  const std::vector<Use> uses = UsesOf(s);
  for (std::size_t i = 0; i < s.sandbox->spec.credentials.size(); ++i) {
    const std::string& name = s.sandbox->spec.credentials[i].name;
    if (std::ranges::find(uses, name, &Use::name) == uses.end()) {
      report.Add(IndexedPath("spec.credentials", i), "no host uses the credential " + Quote(name));
    }
  }
}

void CheckCredentialOverTunnel(const Subject& s, Report& report) {
  if (!s.sandbox->spec.egress) return;
  const std::vector<EgressEntry>& allow = s.sandbox->spec.egress->allow;
  for (std::size_t i = 0; i < allow.size(); ++i) {
    if (allow[i].tls == api::TlsMode::kTunnel && !allow[i].credential.empty()) {
      report.Add(IndexedPath("spec.egress.allow", i, "credential"),
                 "the host's tls is Tunnel, in which the gateway can add nothing");
    }
  }
}

// What belongs to the connection, to routing or to the proxies.
constexpr std::array<std::string_view, 18> kRefusedHeaders = {"accept-encoding",
                                                              "connection",
                                                              "content-encoding",
                                                              "content-length",
                                                              "content-type",
                                                              "date",
                                                              "expect",
                                                              "host",
                                                              "keep-alive",
                                                              "proxy-authenticate",
                                                              "proxy-authorization",
                                                              "proxy-connection",
                                                              "te",
                                                              "trailer",
                                                              "transfer-encoding",
                                                              "upgrade",
                                                              "via",
                                                              "forwarded"};

// By these some servers take another method or path than the gateway has judged.
constexpr std::array<std::string_view, 7> kOverridingHeaders = {
    "x-http-method",  "x-http-method-override", "x-method-override", "x-original-uri",
    "x-original-url", "x-rewrite-uri",          "x-rewrite-url"};

bool IsRefusedHeader(std::string name) {
  // Many servers take one for the other.
  std::ranges::replace(name, '_', '-');
  return std::ranges::find(kRefusedHeaders, name) != kRefusedHeaders.end() ||
         std::ranges::find(kOverridingHeaders, name) != kOverridingHeaders.end() ||
         name.starts_with("x-forwarded-") || name.starts_with("x-envoy-") ||
         name.starts_with("x-stockade-") || name.starts_with("sec-");
}

bool IsTokenCharacter(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

void CheckCredentialHeader(const Subject& s, Report& report) {
  for (std::size_t i = 0; i < s.sandbox->spec.credentials.size(); ++i) {
    const Credential& credential = s.sandbox->spec.credentials[i];
    if (credential.kind != api::CredentialKind::kHeader) continue;
    const std::string path = IndexedPath("spec.credentials", i, "header");
    const std::string name = ToLower(credential.header);
    if (name.empty() || !std::ranges::all_of(name, IsTokenCharacter)) {
      report.Add(path + ".name", Quote(credential.header) + " is no name of a header");
    } else if (IsRefusedHeader(name)) {
      report.Add(path + ".name", "the header " + Quote(credential.header) +
                                     " belongs to the connection, to the message or to the "
                                     "proxies, or steers the request");
    }
    const auto is_printable = [](char c) { return c >= ' ' && c < 0x7f; };
    if (credential.prefix.size() > kMaxPrefixBytes ||
        !std::ranges::all_of(credential.prefix, is_printable)) {
      report.Add(path + ".prefix", "the prefix is not at most 64 printable ASCII characters",
                 "write what stands before the value, as \"Bearer \"");
    }
  }
}

bool IsSecretKey(std::string_view key) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !key.empty() && key.size() <= 253 && std::ranges::all_of(key, allowed) && key != "." &&
         !key.starts_with("..");
}

bool IsPlain(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, allowed);
}

void CheckCredentialSource(const Subject& s, Report& report) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < s.sandbox->spec.credentials.size(); ++i) {
    const Credential& credential = s.sandbox->spec.credentials[i];
    const std::string path = IndexedPath("spec.credentials", i);
    if (!IsDnsLabel(credential.name) || credential.name.starts_with(api::kReservedNamePrefix)) {
      report.Add(path + ".name", "the name is " + Quote(credential.name));
    } else if (!names.insert(credential.name).second) {
      report.Add(path + ".name", "another credential has the name " + Quote(credential.name));
    }
    if (credential.kind == api::CredentialKind::kAws) {
      constexpr std::string_view kRemedy =
          "write the ARN of an IAM role, a region and a service as signatures carry them";
      if (!credential.role_arn.starts_with("arn:aws") ||
          credential.role_arn.find(":role/") == std::string::npos) {
        report.Add(path + ".aws.roleARN", "the role is " + Quote(credential.role_arn), kRemedy);
      }
      if (!IsPlain(credential.region)) {
        report.Add(path + ".aws.region", "the region is " + Quote(credential.region), kRemedy);
      }
      if (!IsPlain(credential.service)) {
        report.Add(path + ".aws.service", "the service is " + Quote(credential.service), kRemedy);
      }
      continue;
    }
    const std::string source =
        path + "." +
        std::string(api::kCredentialKindNames[static_cast<std::size_t>(credential.kind)]);
    constexpr std::string_view kRemedy =
        "name a Secret of the sandbox's namespace and one of its keys";
    if (!IsDnsSubdomain(credential.secret.name)) {
      report.Add(source + ".secretKeyRef.name", "the Secret is " + Quote(credential.secret.name),
                 kRemedy);
    }
    if (!IsSecretKey(credential.secret.key)) {
      report.Add(source + ".secretKeyRef.key", "the key is " + Quote(credential.secret.key),
                 kRemedy);
    }
    // RFC 7617: the user's name ends at the first colon.
    if (credential.kind == api::CredentialKind::kBasicAuth &&
        credential.username.find_first_of(":\r\n") != std::string::npos) {
      report.Add(source + ".username", "the user's name is " + Quote(credential.username),
                 "use a name without a colon or a line break");
    }
  }
}

constexpr std::array kRules = {
    Rule{.code = "CredentialUnknown",
         .judges = JudgedObject::kSandbox,
         .check = CheckCredentialUnknown,
         .fields = "egress.allow[].credential, egress.model.*.credential",
         .summary = "A host names a credential of spec.credentials.",
         .remedy = "name one of spec.credentials, or add it there",
         .references = {.principle = Principle::kDefenceInDepth}},
    Rule{.code = "CredentialUnused",
         .severity = Severity::kWarning,
         .judges = JudgedObject::kSandbox,
         .check = CheckCredentialUnused,
         .fields = "credentials[]",
         .summary = "The gateway holds no credential that no host needs.",
         .remedy = "take it out, or name it at the host that needs it",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "CredentialOverTunnel",
         .judges = JudgedObject::kSandbox,
         .check = CheckCredentialOverTunnel,
         .fields = "egress.allow[].credential, egress.allow[].tls",
         .summary = "A credential is added to requests, which a tunnel hides from the gateway.",
         .remedy = "use tls: Terminate for this host, or take out the credential",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "CredentialHeader",
         .judges = JudgedObject::kSandbox,
         .check = CheckCredentialHeader,
         .fields = "credentials[].header",
         .summary = "A credential stands in a header of its own: one that steers the connection or "
                    "the request would let a Secret decide where the request goes.",
         .remedy = "use Authorization, x-api-key or whichever header the host documents",
         .references = {.principle = Principle::kIsolation}},
    Rule{.code = "CredentialSource",
         .judges = JudgedObject::kSandbox,
         .check = CheckCredentialSource,
         .fields = "credentials[]: name, secretKeyRef, username, aws",
         .summary = "Names of credentials, Secrets and keys become names of volumes and files in "
                    "the gateway.",
         .remedy = "use lower-case letters, digits and \"-\", once, and not \"stockade-\" at the "
                   "beginning",
         .references = {.principle = Principle::kDefenceInDepth}},
};

}  // namespace

std::span<const Rule> EgressCredentialRules() { return kRules; }

}  // namespace stockade::policy
