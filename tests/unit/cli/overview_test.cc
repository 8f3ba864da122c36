#include "cli/overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "codec/yaml.h"

namespace stockade::cli {
namespace {

using codec::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kUri = R"("sandbox":"spiffe://stockade.local/ns/agents/sandbox/coder")";

std::string Line(const std::string& rest) {
  return R"({"time":"2026-01-01T00:00:00Z",)" + kUri + "," + rest + "}\n";
}

TEST(OverviewTest, DecisionsAreWhatWasAskedAndWhetherItPassed) {
  const std::string log =
      Line(R"("kind":"connect","host":"a.example.com:443","rule":"allow[0]","status":200)") +
      Line(R"("kind":"request","host":"a.example.com","method":"GET","path":"/secret/path",)"
           R"("rule":"allow[0]","status":200)") +
      Line(R"("kind":"connect","host":"b.example.com:443","rule":"default","status":403)") +
      Line(R"("kind":"request","host":"a.example.com","rule":"deny[1]","status":403)") +
      Line(R"("kind":"request","host":"c.example.com","rule":"audit","status":200)") +
      Line(R"("kind":"refused","host":"d.example.com:443","status":null)") +
      Line(R"("kind":"request","host":"e.example.com","rule":"allow[0]",)"
           R"("details":"rbac_access_denied_matched_policy[private-address]")") +
      Line(R"("kind":"request","host":"f.example.com","rule":"trace","status":405)") +
      Line(R"("kind":"connect","host":"g.example.com:80","rule":"plain-http","status":403)") +
      Line(R"("kind":"request","host":"a.example.com","rule":"allow[0]","status":429,)"
           R"("details":"local_rate_limited")") +
      Line(R"("kind":"tunnel","host":"h.example.com:443","method":"CONNECT","rule":"allow[2]")") +
      Line(R"("kind":"tunnel","host":"h.example.com:443","method":null,"rule":"allow[2]")") +
      "[info] a line that is none\n\n";
  const Json decisions = DecisionsOf(log, "agents");
  ASSERT_EQ(decisions.size(), 10U) << decisions.dump(1);
  EXPECT_EQ(decisions[0]["verdict"], "allowed");
  EXPECT_EQ(decisions[0]["sandbox"], "coder");
  EXPECT_EQ(decisions[1]["verdict"], "refused");
  EXPECT_EQ(decisions[2]["verdict"], "refused");
  EXPECT_EQ(decisions[3]["verdict"], "audited");
  EXPECT_EQ(decisions[4]["verdict"], "refused");
  for (const std::size_t refused : {5U, 6U, 7U, 8U}) {
    EXPECT_EQ(decisions[refused]["verdict"], "refused") << decisions[refused].dump();
  }
  EXPECT_EQ(decisions[9]["host"], "h.example.com:443");
  EXPECT_EQ(decisions[9]["verdict"], "allowed");
  EXPECT_THAT(decisions.dump(), Not(HasSubstr("/secret/path")));
}

Json Stored(const std::string& status) {
  const auto document = codec::ParseYaml(
      "{apiVersion: stockade.dev/v1alpha1, kind: AgentSandbox, "
      "metadata: {name: coder, namespace: agents, creationTimestamp: \"2026-01-01T00:00:00Z\"}, "
      "spec: {podTemplate: {spec: {hostPID: true, containers: [{name: agent, image: "
      "\"example.com/agent:1\"}]}}}, status: " +
      status + "}");
  EXPECT_TRUE(document.ok());
  return OverviewOf(document->root(), {});
}

TEST(OverviewTest, ASandboxHasItsControlsConditionsAndFindings) {
  const Json one = Stored(
      "{podName: asb-coder, controls: [{name: NoDNS, state: Enforced, detail: d}], conditions: ["
      "{type: Ready, status: \"False\", reason: PodPending, message: m}]}");
  EXPECT_EQ(one["name"], "coder");
  EXPECT_EQ(one["isolation"], "GVisor");
  EXPECT_EQ(one["ready"]["reason"], "PodPending");
  EXPECT_TRUE(one["isolated"].is_null());
  EXPECT_EQ(one["controls"][0]["name"], "NoDNS");
  ASSERT_EQ(one["findings"].size(), 1U);
  EXPECT_EQ(one["findings"][0]["code"], "HostNamespace");
}

TEST(OverviewTest, TheTextFitsTheTerminalAndControlsNothing) {
  Json overview = {{"time", "2026-01-01T01:00:00Z"},
                   {"namespace", "agents"},
                   {"sandboxes", Json::array({Stored("{}")})},
                   {"decisions", DecisionsOf(Line(R"("kind":"request","host":"\u001b[2Jx",)"
                                                  R"("method":"GET","rule":"default")"),
                                             "agents")},
                   {"problems", Json::array({"the log of \x1b[1m cannot be read"})}};
  const std::string text = TextOf(overview, 200, /*colour=*/false);
  EXPECT_THAT(text, AllOf(HasSubstr("coder"), HasSubstr("60m"), HasSubstr("refused"),
                          HasSubstr("cannot be read"), Not(HasSubstr("\x1b"))));
  for (const std::size_t columns : {20U, 60U}) {
    const std::string narrow = TextOf(overview, columns, /*colour=*/false);
    std::size_t begin = 0;
    for (std::size_t end; (end = narrow.find('\n', begin)) != std::string::npos; begin = end + 1) {
      // A problem is a sentence, and not cut.
      if (narrow.compare(begin, 3, "the") == 0) continue;
      EXPECT_LE(end - begin, columns + 2) << narrow.substr(begin, end - begin);
    }
  }
  overview["sandboxes"] = Json::array();
  EXPECT_THAT(TextOf(overview, 200, false), HasSubstr("no AgentSandbox"));
}

}  // namespace
}  // namespace stockade::cli
