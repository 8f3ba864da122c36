#include "schema/validation_rules.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/yaml.h"

namespace stockade::schema {
namespace {

struct RuleCase {
  const char* rule;  // how it begins, enough to tell it
  std::vector<const char*> satisfied;
  std::vector<const char*> violated;
};

// Values in YAML. That the API server judges alike is tested in tests/integration/test_lint.py.
const RuleCase kCases[] = {
    {"isCIDR(self)",
     {"10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "'2001:db8::/32'", "'::/0'", "7"},
     {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "10.0.0/8", "010.0.0.0/8",
      "'2001:db8::/129'", "'::ffff:10.0.0.0/104'", "'fe80::1%eth0/64'", "10.0.0.0/-1",
      "'10.0.0.0 /8'", "''", "/8", "\"10.0.0.0\\0/8\""}},
    {"has(self.ipBlock) !=",
     {"{ipBlock: {}}", "{podSelector: {}}", "{namespaceSelector: {}}",
      "{podSelector: {}, namespaceSelector: {}}"},
     {"{}", "{ipBlock: {}, podSelector: {}}", "{ipBlock: null}"}},
    {"type(self) == int ? self >= 1",
     {"1", "65535", "http", "a-b", "abcdefghijklmno", "true"},
     {"0", "65536", "-1", "HTTP", "abcdefghijklmnop", "'-a'", "''"}},
    {"!has(self.endPort)",
     {"{}", "{port: 80}", "{port: 80, endPort: 80}", "{port: 80, endPort: 90}"},
     {"{endPort: 80}", "{port: 80, endPort: 79}", "{port: http, endPort: 90}"}},
    {"!self.matches('/[.]{0,2}(/|$)",
     {"/a", "/a/b.c", "/a/..b/c..", "/.config", "a", "."},
     {"/", "/a/", "//a", "/a//b", "/./a", "/a/.", "/a/../b", "/a/..", "\"/a\\nb\"", "\"/a\\x7f\""}},
    {"has(self.suspendAfterSeconds) || has(self.deleteAfterSeconds)",
     {"{suspendAfterSeconds: 60}", "{deleteAfterSeconds: 60}"},
     {"{}"}},
    {"!has(self.suspendAfterSeconds) || !has(self.deleteAfterSeconds) || self.deleteAfterSeconds > "
     "self.suspendAfterSeconds",
     {"{suspendAfterSeconds: 60}", "{deleteAfterSeconds: 60}",
      "{suspendAfterSeconds: 60, deleteAfterSeconds: 61}"},
     {"{suspendAfterSeconds: 60, deleteAfterSeconds: 60}",
      "{suspendAfterSeconds: 600, deleteAfterSeconds: 60}"}},
    {"self.maxSeconds >= self.initialSeconds",
     {"{}", "{initialSeconds: 300}", "{maxSeconds: 10}", "{initialSeconds: 20, maxSeconds: 20}"},
     {"{initialSeconds: 301}", "{maxSeconds: 9}", "{initialSeconds: 20, maxSeconds: 19}"}},
    {"!self.startsWith('stockade-')", {"agent", "my-stockade-x", "stockade"}, {"stockade-x"}},
    {"type(self) == int ? self > 0 :",
     {"1", "1Gi", "500m", "0.5", "'1'"},
     {"0", "-1", "'0'", "-1Gi", "much", "''"}},
    {"[has(self.persistentVolumeClaim)",
     {"{empty: {}}", "{image: {}, configMap: null}"},
     {"{}", "{empty: {}, image: {}}"}},
    {"[has(self.anthropic)",
     {"{anthropic: {}}", "{vertex: {}, custom: null}"},
     {"{}", "{anthropic: {}, foundry: {}}"}},
    {"[has(self.header)",
     {"{aws: {}}", "{name: a, header: {}}"},
     {"{name: a}", "{header: {}, basicAuth: {}}"}},
    {"[has(self.url)",
     {"{url: 'https://a.b/'}", "{command: [a], url: null}"},
     {"{}", "{url: 'https://a.b/', command: [a]}"}},
    {"!(has(self.credential) && self.tls",
     {"{credential: a, tls: Terminate}", "{tls: Tunnel}", "{credential: a}"},
     {"{credential: a, tls: Tunnel}"}},
    {"!(has(self.credential) && self.host",
     {"{credential: a, host: a.b}", "{host: '*.a.b'}"},
     {"{credential: a, host: '*.a.b'}"}},
    {"(self.access == 'Ephemeral')",
     {"{access: Ephemeral, empty: {}}", "{image: {}}", "{access: Persistent}"},
     {"{access: Ephemeral}", "{empty: {}}", "{access: ReadOnly, empty: {}}"}},
    {"self.access != 'Persistent'",
     {"{}", "{access: Persistent, persistentVolumeClaim: {}}",
      "{access: Persistent, volumeClaimTemplate: {}}"},
     {"{access: Persistent, image: {}}"}},
    {"!has(self.sizeLimit)", {"{}", "{sizeLimit: 1, empty: {}}"}, {"{sizeLimit: 1, image: {}}"}},
    {"self.all(m, self.exists_one(n, n.mountPath",
     {"[]", "[{mountPath: /a}, {mountPath: /b}, {}, {}]"},
     {"[{mountPath: /a}, {mountPath: /a}]"}},
    {"self.all(t, self.exists_one(u, u.metadata.name",
     {"[{metadata: {name: a}}, {metadata: {name: b}}]"},
     {"[{metadata: {name: a}}, {metadata: {name: a}}]"}},
    {"self.size() == 1 ||",
     {"[{}]", "[{name: a}, {name: b}]"},
     {"[{name: a}, {}]", "[{name: a}, {name: a}]"}},
    {"!has(self.mounts) ||",
     {"{}", "{mounts: [{}]}",
      "{mounts: [{volumeClaimTemplate: {name: a}}], volumeClaimTemplates: [{metadata: {name: "
      "a}}]}"},
     {"{mounts: [{volumeClaimTemplate: {name: a}}]}",
      "{mounts: [{volumeClaimTemplate: {name: a}}], volumeClaimTemplates: [{metadata: {name: "
      "b}}]}"}},
    {"self.operator in ['In', 'NotIn']",
     {"{operator: In, values: [a]}", "{operator: Exists}", "{operator: DoesNotExist, values: []}"},
     {"{operator: In}", "{operator: NotIn, values: []}", "{operator: Exists, values: [a]}"}},
    {"!self.contains('*')",
     {"ghcr.io/acme", "registry.example.com:5000/a", "''"},
     {"ghcr.io/*", "https://ghcr.io", "ghcr.io/a@sha256", "ghcr.io/"}},
    {"has(self.templateRef) != has(self.poolRef)",
     {"{templateRef: {name: a}}", "{poolRef: {name: a}}"},
     {"{}", "{templateRef: {name: a}, poolRef: {name: a}}"}},
    {"self == 'Running'", {"Running"}, {"Suspended", "''"}},
    {"!has(self.volumePolicy)", {"{}", "{volumePolicy: Delete}"}, {"{volumePolicy: Retain}"}},
    {"!has(self.shutdownPolicy)", {"{}", "{shutdownPolicy: Retain}"}, {"{shutdownPolicy: Delete}"}},
    {"!has(self.shutdownTime)", {"{}"}, {"{shutdownTime: '2030-01-01T00:00:00Z'}"}},
    // About updates, of which nothing is known offline.
    {"has(self.templateRef) == has(oldSelf.templateRef)", {"{}"}, {}},
    {"has(self.env) == has(oldSelf.env)", {"{}"}, {}},
    {"has(self.podMetadata) == has(oldSelf.podMetadata)", {"{}"}, {}},
    {"self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,42}",
     {"{metadata: {name: a}}", "{metadata: {}}", "{}",
      "{metadata: {name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee}}"},
     {"{metadata: {name: a.b}}",
      "{metadata: {name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee}}"}},
    {"self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,48}",
     {"{metadata: {name: a}}", "{metadata: {name: 0-b}}", "{metadata: {}}", "{}",
      "{metadata: {name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee}}"},
     {"{metadata: {name: a.b}}", "{metadata: {name: A}}", "{metadata: {name: a-}}",
      "{metadata: {name: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeef}}"}},
};

bool Holds(const RuleEquivalent& rule, const char* yaml) {
  // A document on its own may not be a scalar that YAML leaves out.
  const auto document = codec::ParseYaml("{self: " + std::string(yaml) + "}");
  EXPECT_TRUE(document.ok()) << yaml << ": " << document.status().ToString();
  return document.ok() && rule.holds(document->root()["self"]);
}

TEST(ValidationRulesTest, JudgeAsTheirText) {
  std::set<std::string_view> seen;
  for (const RuleCase& test : kCases) {
    SCOPED_TRACE(test.rule);
    const RuleEquivalent* found = nullptr;
    for (const RuleEquivalent& rule : RuleEquivalents()) {
      if (!rule.rule.starts_with(test.rule)) continue;
      EXPECT_EQ(found, nullptr) << "the beginning fits two rules";
      found = &rule;
    }
    ASSERT_NE(found, nullptr);
    seen.insert(found->rule);
    EXPECT_EQ(FindRuleEquivalent(found->rule), found);
    for (const char* yaml : test.satisfied) EXPECT_TRUE(Holds(*found, yaml)) << yaml;
    for (const char* yaml : test.violated) EXPECT_FALSE(Holds(*found, yaml)) << yaml;
  }
  for (const RuleEquivalent& rule : RuleEquivalents()) {
    EXPECT_TRUE(seen.contains(rule.rule)) << "no case for " << rule.rule;
  }
  EXPECT_EQ(FindRuleEquivalent("true"), nullptr);
}

// The schema says that the type is wrong; a rule says nothing beside it, and never fails.
TEST(ValidationRulesTest, WrongTypesAreTheSchemasAffair) {
  for (const RuleEquivalent& rule : RuleEquivalents()) {
    for (const char* yaml : {"null", "true", "1.5"}) {
      const bool of_an_object = rule.rule.find("has(self.") != std::string_view::npos ||
                                rule.rule.starts_with("self.operator");
      EXPECT_TRUE(of_an_object || Holds(rule, yaml)) << rule.rule << " " << yaml;
    }
    for (const char* yaml : {"[1, {}, [[]]]", "{metadata: 1, mounts: 2, access: []}", "text"}) {
      static_cast<void>(Holds(rule, yaml));
    }
  }
}

}  // namespace
}  // namespace stockade::schema
