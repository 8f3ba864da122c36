#include <algorithm>
#include <array>
#include <string>

#include "api/gateway_names.h"
#include "base/strings.h"
#include "policy/predicates.h"
#include "policy/quoting.h"
#include "policy/report.h"
#include "policy/rule_groups.h"
#include "policy/subject.h"

// Rules that keep credentials out of the agent's reach: what the agent can read, an injected prompt
// can send away.
namespace stockade::policy {
namespace {

using codec::JsonView;

// Of a rendered pod: the one Secret that it may have, by which its proxy is known to the gateway.
bool IsIdentity(const Subject& s, JsonView volume) {
  return s.rendered() && volume["name"].AsString() == api::kIdentityVolume;
}

// None but the proxy mounts it, and nobody changes it.
void CheckIdentityMounts(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    const bool proxy = c.view.position() == api::ContainerPosition::kSidecar &&
                       c.name.AsString() == api::kProxyContainer;
    c.volumeMounts.ForEachElement([&](std::size_t index, JsonView mount) {
      if (mount["name"].AsString() != api::kIdentityVolume) return;
      if (proxy && mount["readOnly"].IsTrue()) return;
      report.Add(c.Path("volumeMounts", index, "name"),
                 "the volume shows " + Quote(c.name) + " the sandbox's identity");
    });
  }
}

void CheckSecretInAgent(const Subject& s, Report& report) {
  if (s.rendered()) CheckIdentityMounts(s, report);
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    const JsonView secret = volume["secret"];
    if (!secret.IsUnset() && !IsIdentity(s, volume)) {
      report.Add(s.Path("volumes", index, "secret"),
                 "the volume shows the agent the Secret " + Quote(secret["secretName"]));
    }
    volume["projected"]["sources"].ForEachElement([&](std::size_t source_index, JsonView source) {
      for (const std::string_view kind : {"secret", "podCertificate"}) {
        if (source[kind].IsUnset()) continue;
        report.Add(s.Path("volumes", index, IndexedPath("projected.sources", source_index, kind)),
                   kind == "secret"
                       ? "the volume shows the agent the Secret " + Quote(source[kind]["name"])
                       : std::string("the volume gives the agent a private key and a certificate"));
      }
    });
  });
  for (const Container& c : s.containers) {
    c.env.ForEachElement([&](std::size_t index, JsonView variable) {
      const JsonView secret = variable["valueFrom"]["secretKeyRef"];
      if (secret.IsUnset()) return;
      report.Add(c.Path("env", index, "valueFrom.secretKeyRef"),
                 "the variable " + Quote(variable["name"]) + " shows the agent the Secret " +
                     Quote(secret["name"]));
    });
    c.envFrom.ForEachElement([&](std::size_t index, JsonView source) {
      const JsonView secret = source["secretRef"];
      if (secret.IsUnset()) return;
      report.Add(c.Path("envFrom", index, "secretRef"),
                 "the variables show the agent the Secret " + Quote(secret["name"]));
    });
  }
}

void CheckServiceAccountToken(const Subject& s, Report& report) {
  const JsonView automount = s.spec.automountServiceAccountToken;
  if (IsSetAndNot(automount, false) || (s.rendered() && automount.IsUnset())) {
    report.Add(s.Path("automountServiceAccountToken"),
               "automountServiceAccountToken is " + Quote(automount));
  }
  s.spec.volumes.ForEachElement([&](std::size_t index, JsonView volume) {
    volume["projected"]["sources"].ForEachElement([&](std::size_t source_index, JsonView source) {
      if (source["serviceAccountToken"].IsUnset()) return;
      report.Add(s.Path("volumes", index,
                        IndexedPath("projected.sources", source_index, "serviceAccountToken")),
                 "the volume gives the agent a service account token");
    });
  });
}

void CheckServiceAccountName(const Subject& s, Report& report) {
  const auto check = [&](std::string_view field, JsonView name) {
    if (IsNonEmptyString(name) && name.AsString() != "default") {
      report.Add(s.Path(field), std::string(field) + " is " + Quote(name));
    }
  };
  check("serviceAccountName", s.spec.serviceAccountName);
  check("serviceAccount", s.spec.serviceAccount);
}

void CheckImagePullSecret(const Subject& s, Report& report) {
  s.spec.imagePullSecrets.ForEachElement([&](std::size_t index, JsonView reference) {
    if (!IsDnsSubdomain(reference["name"].StringOrEmpty())) {
      report.Add(s.Path("imagePullSecrets", index, "name"),
                 Quote(reference["name"]) + " is no name of a Secret");
    }
  });
}

// How well-known credentials begin. What follows them must be long enough to be one.
constexpr std::array<std::string_view, 17> kCredentialPrefixes = {
    "sk-ant-",     "sk-proj-", "AKIA",  "ASIA",  "ghp_", "gho_",  "ghs_", "ghu_",       "ghr_",
    "github_pat_", "glpat-",   "xoxb-", "xoxp-", "npm_", "pypi-", "AIza", "-----BEGIN "};
constexpr std::size_t kShortestCredential = 20;

bool LooksLikeCredential(std::string_view value) {
  if (value.size() < kShortestCredential) return false;
  if (value.starts_with("Bearer ")) value.remove_prefix(7);
  return std::ranges::any_of(
      kCredentialPrefixes, [value](std::string_view prefix) { return value.starts_with(prefix); });
}

void CheckCredentialLiteral(const Subject& s, Report& report) {
  for (const Container& c : s.containers) {
    c.env.ForEachElement([&](std::size_t index, JsonView variable) {
      if (LooksLikeCredential(variable["value"].StringOrEmpty())) {
        // The value stays out of the message, which ends in logs.
        report.Add(c.Path("env", index, "value"),
                   "the value of " + Quote(variable["name"]) + " looks like a credential");
      }
    });
  }
}

constexpr std::array kRules = {
    Rule{
        .code = "SecretInAgent",
        .check = CheckSecretInAgent,
        .fields = "volumes[].secret, volumes[].projected.sources[], every container's "
                  "env[].valueFrom.secretKeyRef and envFrom[].secretRef",
        .summary = "No Secret and no private key comes into the sandbox, neither as a variable nor "
                   "as a file: what the agent can read, an injected prompt can send away.",
        .remedy = "remove it: credentials stay outside the sandbox; give the agent a ConfigMap for "
                  "what is not secret",
        .references = {.pod_security = "Volume Types",
                       .cve = "CVE-2024-3177",
                       .kubescape = "C-0207",
                       .principle = Principle::kLeastPrivilege}},
    Rule{
        .code = "ServiceAccountToken",
        .check = CheckServiceAccountToken,
        .fields = "automountServiceAccountToken, volumes[].projected.sources[].serviceAccountToken",
        .summary = "The agent has no identity towards the API server, nor towards anyone else who "
                   "trusts its tokens.",
        .remedy = "remove it, the operator sets automountServiceAccountToken to false",
        .references = {.kubescape = "C-0034", .principle = Principle::kLeastPrivilege}},
    Rule{.code = "ServiceAccountName",
         .check = CheckServiceAccountName,
         .fields = "serviceAccountName, serviceAccount",
         .summary = "Permissions, image pull secrets and cloud roles hang on service accounts; a "
                    "sandbox has the namespace's default one, and no token of it.",
         .remedy = "remove the field, or write default",
         .references = {.kubescape = "C-0034", .principle = Principle::kLeastPrivilege}},
    Rule{.code = "ImagePullSecret",
         .check = CheckImagePullSecret,
         .fields = "imagePullSecrets",
         .summary = "A pull secret is the kubelet's and never in the agent's reach, so it is "
                    "allowed; its name has to be one.",
         .remedy = "write the name of a Secret of type kubernetes.io/dockerconfigjson",
         .references = {.principle = Principle::kLeastPrivilege}},
    Rule{.code = "CredentialLiteral",
         .severity = Severity::kWarning,
         .judges = JudgedObject::kSandbox,
         .check = CheckCredentialLiteral,
         .fields = "every container's env[].value",
         .summary =
             "A value that begins like a well-known credential is readable for the agent and "
             "for everyone who may read the sandbox.",
         .remedy = "remove it, and revoke the credential if it is a real one",
         .references = {.kubescape = "C-0012", .principle = Principle::kLeastPrivilege}},
};

}  // namespace

std::span<const Rule> CredentialRules() { return kRules; }

}  // namespace stockade::policy
