#include "render/sandbox_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "render_testing.h"

namespace stockade::render {
namespace {

using codec::Json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

std::vector<std::string> Fields(const SandboxRuntimeSettings& exported) {
  std::vector<std::string> fields;
  for (const Unexpressed& each : exported.unexpressed) fields.push_back(each.field);
  return fields;
}

TEST(SandboxRuntimeTest, WithoutEgressNothingIsReached) {
  const auto exported = RenderSandboxRuntime(SandboxWithSpec("{podTemplate: {spec: {}}}"), {});
  EXPECT_EQ(exported.settings["network"],
            FromYaml("{allowedDomains: [], deniedDomains: [], strictAllowlist: true}"));
  EXPECT_FALSE(exported.settings.contains("credentials"));
  EXPECT_THAT(exported.settings["filesystem"]["denyRead"], Contains("~"));
  EXPECT_THAT(Fields(exported), ElementsAre("spec.isolation", "spec.podTemplate"));
}

TEST(SandboxRuntimeTest, HostsComeWithTheirPortsAndWhatCannotBeSaidIsNamed) {
  const auto exported = RenderSandboxRuntime(SandboxWithSpec(R"(
podTemplate: {spec: {}}
credentials: [{name: token, header: {name: x, secretKeyRef: {name: a, key: b}}}]
egress:
  audit: true
  allow:
    - {host: plain.example.com}
    - {host: ports.example.com, ports: [443, 8443]}
    - {host: "*.wild.example.com", tls: Tunnel}
    - {host: narrow.example.com, methods: [GET], paths: [/a/], credential: token}
    - {host: inside.example.com, privateRanges: [10.0.0.0/8]}
    - {host: plain.example.com}
    - {host: short}
  deny:
    - {host: bad.wild.example.com}
    - {host: plain.example.com, ports: [8443]}
)"),
                                             {});
  EXPECT_EQ(exported.settings["network"]["allowedDomains"],
            FromYaml("[plain.example.com:443, ports.example.com:443, ports.example.com:8443, "
                     "'*.wild.example.com:443', narrow.example.com:443, inside.example.com:443]"));
  EXPECT_EQ(exported.settings["network"]["deniedDomains"],
            FromYaml("[bad.wild.example.com, plain.example.com:8443]"));
  EXPECT_THAT(Fields(exported),
              ElementsAre("spec.isolation", "spec.podTemplate", "spec.egress.allow[2].host",
                          "spec.egress.allow[3].methods", "spec.egress.allow[3].credential",
                          "spec.egress.allow[4].privateRanges", "spec.egress.allow[6].host",
                          "spec.egress.audit"));
}

TEST(SandboxRuntimeTest, TheModelsKeyIsMaskedAndNotForTunnels) {
  const auto exported = RenderSandboxRuntime(SandboxWithSpec(R"(
podTemplate: {spec: {}}
credentials: [{name: model, header: {name: x, secretKeyRef: {name: a, key: b}}}]
egress:
  model: {anthropic: {credential: model}}
  allow: [{host: tunnel.example.com, tls: Tunnel}]
)"),
                                             {});
  EXPECT_EQ(exported.settings["credentials"],
            FromYaml("{envVars: [{name: ANTHROPIC_API_KEY, mode: mask, "
                     "injectHosts: [api.anthropic.com]}]}"));
  EXPECT_EQ(exported.settings["network"]["tlsTerminate"],
            FromYaml("{excludeDomains: [tunnel.example.com]}"));
  EXPECT_THAT(exported.settings["network"]["allowedDomains"], Contains("api.anthropic.com:443"));
}

TEST(SandboxRuntimeTest, MountsAreDirectoriesOfTheMachine) {
  const auto sandbox = SandboxWithSpec(R"(
podTemplate: {spec: {}}
mounts:
  - {name: workspace, mountPath: /workspace, access: Persistent, persistentVolumeClaim: {claimName: w}}
  - {name: reference, mountPath: /reference, persistentVolumeClaim: {claimName: r}}
  - {name: scratch, mountPath: /scratch, access: Ephemeral, empty: {}}
)");
  const auto exported = RenderSandboxRuntime(sandbox, {{"workspace", "/home/me/project"}});
  const Json& files = exported.settings["filesystem"];
  EXPECT_EQ(files["allowRead"], FromYaml("[/home/me/project, /reference, /scratch]"));
  EXPECT_EQ(files["allowWrite"], FromYaml("[/home/me/project, /scratch]"));
  EXPECT_EQ(files["denyWrite"], FromYaml("[/reference]"));
  EXPECT_THAT(Fields(exported), Not(Contains("spec.mounts[0]")));
  EXPECT_THAT(Fields(exported), Contains("spec.mounts[1]"));
  EXPECT_THAT(Fields(exported), Contains("spec.mounts[2].access"));
}

}  // namespace
}  // namespace stockade::render
