#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/policy/policies.h"
#include "tests/unit/policy/policy_cases.h"

// The rules that judge egress and credentials by policies. Their tables are run by
// policy_rules_test.cc.
namespace stockade::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Allow(const std::string& entries) { return "egress: {allow: [" + entries + "]}"; }

const std::string kKey =
    "credentials: [{name: key, header: {name: x-api-key, secretKeyRef: {name: model, key: k}}}, "
    "{name: git, basicAuth: {username: x, secretKeyRef: {name: git, key: k}}}, "
    "{name: role, aws: {roleARN: 'arn:aws:iam::1:role/r', region: eu-west-1, service: s3}}]\n";

}  // namespace

std::vector<PolicyCase> EgressPolicyCases() {
  const std::string allowed = "egress: {allowedHosts: [api.example.com, '*.pkg.example']}";
  const std::string denied = "egress: {deniedHosts: [bad.example.com, '*.evil.example']}";
  const std::string host = "spec.egress.allow[0].host";
  const auto model = [](const std::string& text) { return "egress: {model: {" + text + "}}"; };
  return {
      {"Listed", allowed, Allow("{host: api.example.com}"), {}},
      {"OneLabelBelow", allowed, Allow("{host: a.pkg.example}"), {}},
      {"SameWildcard", allowed, Allow("{host: '*.pkg.example'}"), {}},
      {"NotListed", allowed, Allow("{host: other.example.com}"), {"EgressHostNotAllowed " + host}},
      {"BeginsAlike",
       allowed,
       Allow("{host: api.example.com.evil.example}"),
       {"EgressHostNotAllowed " + host}},
      {"EndsAlike", allowed, Allow("{host: evil-pkg.example}"), {"EgressHostNotAllowed " + host}},
      {"TwoLabelsBelow",
       allowed,
       Allow("{host: a.b.pkg.example}"),
       {"EgressHostNotAllowed " + host}},
      {"TheDomainItself", allowed, Allow("{host: pkg.example}"), {"EgressHostNotAllowed " + host}},
      {"WildcardOverAName",
       allowed,
       Allow("{host: '*.example.com'}"),
       {"EgressHostNotAllowed " + host}},
      {"EachEntry",
       allowed,
       Allow("{host: a.example.com}, {host: api.example.com}, {host: b.example.com}"),
       {"EgressHostNotAllowed spec.egress.allow[0].host",
        "EgressHostNotAllowed spec.egress.allow[2].host"}},
      {"DenyNeedsNoLeave", allowed, "egress: {deny: [{host: other.example.com}]}", {}},
      {"NoEgress", allowed, "", {}},
      {"EmptyListAllowsNone",
       "egress: {allowedHosts: []}",
       Allow("{host: api.example.com}"),
       {"EgressHostNotAllowed " + host}},
      {"EmptyListWithoutEgress", "egress: {allowedHosts: []}", "", {}},
      {"UnsetListAllowsAll", "egress: {}", Allow("{host: api.example.com}"), {}},
      {"ModelNotListed",
       allowed,
       kKey + model("anthropic: {credential: key}"),
       {"EgressHostNotAllowed spec.egress.model.anthropic"}},
      {"ModelListed",
       "egress: {allowedHosts: [api.anthropic.com]}",
       kKey + model("anthropic: {credential: key}"),
       {}},
      {"ModelOfARegion",
       "egress: {allowedHosts: [bedrock-runtime.eu-west-1.amazonaws.com]}",
       model("bedrock: {region: eu-west-1, roleARN: 'arn:aws:iam::1:role/r'}"),
       {}},
      {"ModelOfAnotherRegion",
       "egress: {allowedHosts: [bedrock-runtime.eu-west-1.amazonaws.com]}",
       model("bedrock: {region: us-east-1, roleARN: 'arn:aws:iam::1:role/r'}"),
       {"EgressHostNotAllowed spec.egress.model.bedrock"}},
      {"ModelOfYourOwn",
       allowed,
       kKey + model("custom: {host: llm.example.com, credential: key}"),
       {"EgressHostNotAllowed spec.egress.model.custom.host"}},

      {"NotDenied", denied, Allow("{host: api.example.com}"), {}},
      {"Denied", denied, Allow("{host: bad.example.com}"), {"EgressHostDenied " + host}},
      {"DeniedBelow", denied, Allow("{host: a.evil.example}"), {"EgressHostDenied " + host}},
      {"DeniedFarBelow", denied, Allow("{host: a.b.c.evil.example}"), {"EgressHostDenied " + host}},
      {"DomainOfADeniedWildcard", denied, Allow("{host: evil.example}"), {}},
      {"EndsLikeADeniedOne", denied, Allow("{host: not-evil.example}"), {}},
      {"WildcardBelowADeniedOne",
       denied,
       Allow("{host: '*.a.evil.example'}"),
       {"EgressHostDenied " + host}},
      {"WildcardThatIsDenied",
       denied,
       Allow("{host: '*.evil.example'}"),
       {"EgressHostDenied " + host}},
      {"WildcardOverADeniedName",
       denied,
       Allow("{host: '*.example.com'}"),
       {"EgressHostDenied " + host}},
      {"WildcardWithTheNameTakenOut",
       denied,
       "egress: {allow: [{host: '*.example.com'}], deny: [{host: bad.example.com}]}",
       {}},
      {"WildcardWithAPartTakenOut",
       denied,
       "egress: {allow: [{host: '*.example.com'}], deny: [{host: bad.example.com, paths: [/a]}, "
       "{host: bad.example.com, methods: [GET]}, {host: bad.example.com, ports: [8443]}]}",
       {"EgressHostDenied " + host}},
      {"DeniedThoughAllowed",
       "egress: {allowedHosts: ['*.example.com'], deniedHosts: [bad.example.com]}",
       Allow("{host: bad.example.com}"),
       {"EgressHostDenied " + host}},
      {"DeniedModel",
       "egress: {deniedHosts: ['*.anthropic.com']}",
       kKey + model("anthropic: {credential: key}"),
       {"EgressHostDenied spec.egress.model.anthropic"}},

      {"Tunnel",
       "egress: {forbidTunnel: true}",
       Allow("{host: a.example.com}, {host: b.example.com, tls: Tunnel}"),
       {"EgressTunnel spec.egress.allow[1].tls"}},
      {"Terminate",
       "egress: {forbidTunnel: true}",
       Allow("{host: a.example.com, tls: Terminate}"),
       {}},
      {"TunnelNotForbidden",
       "egress: {forbidTunnel: false}",
       Allow("{host: a.example.com, tls: Tunnel}"),
       {}},

      {"AsManyAsMay",
       "egress: {maxHosts: 2}",
       Allow("{host: a.example.com}, {host: b.example.com}"),
       {}},
      {"OneTooMany",
       "egress: {maxHosts: 1}",
       Allow("{host: a.example.com}, {host: b.example.com}"),
       {"EgressHostsAboveMaximum spec.egress.allow"}},
      {"OneHostTwice",
       "egress: {maxHosts: 1}",
       Allow("{host: a.example.com, methods: [GET]}, {host: a.example.com, paths: [/x]}"),
       {}},
      {"TheModelCounts",
       "egress: {maxHosts: 1}",
       kKey + "egress: {model: {anthropic: {credential: key}}, allow: [{host: a.example.com}]}",
       {"EgressHostsAboveMaximum spec.egress.allow"}},
      {"NoneMayBe",
       "egress: {maxHosts: 0}",
       Allow("{host: a.example.com}"),
       {"EgressHostsAboveMaximum spec.egress.allow"}},

      {"AuditUnderAllowedHosts",
       "egress: {allowedHosts: []}",
       "egress: {audit: true}",
       {"EgressAudit spec.egress.audit"}},
      {"AuditUnderDeniedHosts", denied, "egress: {audit: true}", {"EgressAudit spec.egress.audit"}},
      {"AuditUnderMaxHosts",
       "egress: {maxHosts: 3}",
       "egress: {audit: true}",
       {"EgressAudit spec.egress.audit"}},
      {"AuditUnderForbidTunnel",
       "egress: {forbidTunnel: true}",
       "egress: {audit: true}",
       {"EgressAudit spec.egress.audit"}},
      {"NoAudit", denied, "egress: {audit: false}", {}},
      {"AuditWhereNothingIsSaidOfEgress",
       "minimumIsolation: GVisor",
       "egress: {audit: true}",
       {"EgressAudit spec.egress.audit"}},
  };
}

std::vector<PolicyCase> CredentialPolicyCases() {
  const std::string allowed =
      "credentials: {allowedSecrets: [{name: git}, {name: model, hosts: [api.anthropic.com, "
      "'*.llm.example']}]}";
  const std::string one = kKey +
                          "egress: {model: {anthropic: {credential: key}}, allow: ["
                          "{host: git.example.com, credential: git}]}";
  return {
      {"AllowedSecrets", allowed, one, {}},
      {"AnotherSecret",
       "credentials: {allowedSecrets: [{name: git}]}",
       one,
       {"CredentialSecret spec.credentials[0].header.secretKeyRef.name"}},
      {"AnotherSecretOfBasicAuth",
       "credentials: {allowedSecrets: [{name: model}]}",
       one,
       {"CredentialSecret spec.credentials[1].basicAuth.secretKeyRef.name"}},
      {"SecretThatBeginsAlike",
       "credentials: {allowedSecrets: [{name: git}, {name: model-2}, {name: mode}]}",
       one,
       {"CredentialSecret spec.credentials[0].header.secretKeyRef.name"}},
      {"EmptyListAllowsNoSecret",
       "credentials: {allowedSecrets: []}",
       one,
       {"CredentialSecret spec.credentials[0].header.secretKeyRef.name",
        "CredentialSecret spec.credentials[1].basicAuth.secretKeyRef.name"}},
      {"UnsetListAllowsEverySecret", "credentials: {}", one, {}},
      {"NoCredentials", "credentials: {allowedSecrets: []}", "", {}},
      {"SecretOneLabelBelowItsHost",
       allowed,
       kKey + Allow("{host: a.llm.example, credential: key}"),
       {}},
      {"SecretToAnotherHost",
       allowed,
       kKey + Allow("{host: a.llm.example, credential: key}, {host: b.example.com, credential: "
                    "key}, {host: c.example.com, credential: git}"),
       {"CredentialHost spec.egress.allow[1].credential"}},
      {"SecretToAnotherModel",
       allowed,
       kKey + "egress: {model: {custom: {host: llm.example.com, credential: key}}}",
       {"CredentialHost spec.egress.model.custom.credential"}},
      {"SecretToNoHost",
       "credentials: {allowedSecrets: [{name: git, hosts: []}, {name: model}]}",
       kKey + Allow("{host: git.example.com, credential: git}"),
       {"CredentialHost spec.egress.allow[0].credential"}},
      // Two names of one Secret are one Secret.
      {"SecretByAnotherName",
       allowed,
       "credentials: [{name: other, header: {name: x, secretKeyRef: {name: model, key: k}}}]\n" +
           Allow("{host: b.example.com, credential: other}"),
       {"CredentialHost spec.egress.allow[0].credential"}},
  };
}

namespace {

TEST(EgressPolicyRulesTest, MessagesSayWhatIsWrongAndWhatToWrite) {
  const auto message = [](const std::string& policy, const std::string& sandbox) {
    const auto findings = JudgeByPolicies(SandboxWith(sandbox), {MakePolicy("p", policy)});
    return findings.size() == 1 ? findings[0].finding.message : "";
  };
  EXPECT_EQ(message("egress: {allowedHosts: [b.example, '*.c.example', a.example]}",
                    Allow("{host: x.example}")),
            "the host \"x.example\" is none of allowedHosts; use a host of a.example, b.example, "
            "*.c.example (policy \"p\")");
  EXPECT_EQ(message("egress: {allowedHosts: []}", Allow("{host: x.example}")),
            "the host \"x.example\" is none of allowedHosts; remove it: the policy allows no host "
            "(policy \"p\")");
  EXPECT_EQ(
      message("egress: {deniedHosts: ['*.y.example']}", Allow("{host: x.y.example}")),
      "the host \"x.y.example\" is denied by \"*.y.example\" of deniedHosts; remove it (policy "
      "\"p\")");
  EXPECT_EQ(
      message("egress: {deniedHosts: [x.y.example]}", Allow("{host: '*.y.example'}")),
      "the host \"*.y.example\" stands for \"x.y.example\" of deniedHosts too; list the hosts "
      "that are needed one by one, or deny it in egress.deny as well (policy \"p\")");
  EXPECT_EQ(
      message("egress: {maxHosts: 1}", Allow("{host: a.example}, {host: b.example}")),
      "the sandbox lists 2 different hosts, the model's among them, and maxHosts is 1; list fewer "
      "(policy \"p\")");
  EXPECT_EQ(
      message("credentials: {allowedSecrets: [{name: git}, {name: model, hosts: [a.example]}]}",
              kKey + Allow("{host: b.example, credential: key}")),
      "the Secret \"model\" would be sent to \"b.example\", which is none of its hosts in "
      "allowedSecrets; use it for a.example (policy \"p\")");
}

// ---- What an update adds

std::vector<std::string> Added(const std::string& policy, const std::string& before,
                               const std::string& now) {
  const std::vector<SharedPolicy> policies = {MakePolicy("p", policy)};
  auto findings = JudgeByPolicies(SandboxWith(now), policies);
  MarkWhatStands(findings, JudgeByPolicies(SandboxWith(before), policies));
  std::erase_if(findings, [](const PolicyFinding& finding) { return finding.stands; });
  return Summaries(findings);
}

TEST(EgressPolicyRulesTest, AHostThatMovesAddsNothingAndAnotherDoes) {
  const std::string policy = "egress: {allowedHosts: [], deniedHosts: ['*.evil.example']}";
  const std::string before = Allow("{host: a.evil.example}");
  EXPECT_THAT(Added(policy, before, Allow("{host: a.evil.example, methods: [GET]}")), IsEmpty());
  EXPECT_THAT(Added(policy, before, Allow("{host: b.example}, {host: a.evil.example}")),
              ElementsAre("p EgressHostNotAllowed spec.egress.allow[0].host"));
  EXPECT_THAT(Added(policy, before, Allow("{host: b.evil.example}")), SizeIs(2));
}

TEST(EgressPolicyRulesTest, AWildcardThatStandsForADeniedNameDoesNotStandForTheName) {
  EXPECT_THAT(Added("egress: {deniedHosts: [bad.example.com]}", Allow("{host: '*.example.com'}"),
                    Allow("{host: bad.example.com}")),
              ElementsAre("p EgressHostDenied spec.egress.allow[0].host"));
}

TEST(EgressPolicyRulesTest, MoreHostsAreAddedAndFewerAreNot) {
  const std::string policy = "egress: {maxHosts: 1}";
  const std::string two = Allow("{host: a.example}, {host: b.example}");
  const std::string three = Allow("{host: a.example}, {host: b.example}, {host: c.example}");
  EXPECT_THAT(Added(policy, two, three),
              ElementsAre("p EgressHostsAboveMaximum spec.egress.allow"));
  EXPECT_THAT(Added(policy, three, two), IsEmpty());
}

TEST(EgressPolicyRulesTest, AnotherHostForASecretIsAdded) {
  const std::string policy = "credentials: {allowedSecrets: [{name: model, hosts: []}]}";
  const std::string before = kKey + Allow("{host: a.example, credential: key}");
  EXPECT_THAT(
      Added(policy, before,
            kKey + Allow("{host: b.example}, {host: a.example, credential: key, methods: [GET]}")),
      IsEmpty());
  EXPECT_THAT(Added(policy, before, kKey + Allow("{host: b.example, credential: key}")),
              ElementsAre("p CredentialHost spec.egress.allow[0].credential"));
}

}  // namespace
}  // namespace stockade::policy
