#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "render_testing.h"
#include "tests/source_dir.h"

namespace stockade::render {
namespace {

using ::testing::HasSubstr;

std::vector<Control> ControlsOf(api::Isolation isolation, const Profile& profile = {}) {
  api::AgentSandbox sandbox;
  sandbox.spec.isolation = isolation;
  return Controls(sandbox, profile);
}

Control ControlNamed(const std::vector<Control>& controls, const std::string& name) {
  const auto found = std::ranges::find(controls, name, &Control::name);
  if (found != controls.end()) return *found;
  ADD_FAILURE() << "no control " << name;
  return {};
}

TEST(RenderControlsTest, StateOfEachControlByTier) {
  struct Row {
    const char* name;
    std::array<const char*, 3> states;  // of Container, GVisor and MicroVM
  };
  const std::vector<Row> rows = {
      {"RuntimeIsolation", {"Unenforced", "Enforced", "Enforced"}},
      {"NetworkDenyAll", {"Declared", "Declared", "Declared"}},
      {"NoDNS", {"Enforced", "Enforced", "Enforced"}},
      {"NoServiceAccountToken", {"Enforced", "Enforced", "Enforced"}},
      {"NonRoot", {"Enforced", "Enforced", "Enforced"}},
      {"ReadOnlyRootFilesystem", {"Enforced", "Enforced", "Enforced"}},
      {"NoCapabilities", {"Enforced", "Enforced", "Enforced"}},
      {"NoPrivilegeEscalation", {"Enforced", "Enforced", "Enforced"}},
      {"SeccompProfile", {"Enforced", "Unenforced", "Declared"}},
      {"AppArmorProfile", {"Declared", "Unenforced", "Unenforced"}},
      {"ResourceLimits", {"Enforced", "Enforced", "Enforced"}},
      {"EphemeralStorageLimit", {"Enforced", "Enforced", "Declared"}},
      {"ProcessLimit", {"Declared", "Unenforced", "Unenforced"}},
      {"NoExecScratch", {"Unenforced", "Unenforced", "Unenforced"}},
  };
  for (std::size_t tier = 0; tier < 3; ++tier) {
    const auto controls = ControlsOf(static_cast<api::Isolation>(tier));
    ASSERT_EQ(controls.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(controls[i].name, rows[i].name);
      EXPECT_EQ(controls[i].state, rows[i].states[tier]) << rows[i].name << " of tier " << tier;
    }
  }
}

// "| `NoDNS` | Enforced | Enforced | Enforced | ..." for each of them, in their order.
TEST(RenderControlsTest, TheSecurityModelHasTheStatesByTier) {
  std::ifstream file(STOCKADE_SOURCE_DIR "/docs/security-model.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::regex row("\n\\| `(\\w+)` \\| (\\w+) \\| (\\w+) \\| (\\w+) \\|");
  std::vector<std::vector<std::string>> documented;
  for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end; ++it) {
    documented.push_back({(*it)[1], (*it)[2], (*it)[3], (*it)[4]});
  }
  std::vector<std::vector<std::string>> made;
  for (const Control& control : ControlsOf(api::Isolation::kContainer)) {
    made.push_back({control.name, control.state});
  }
  for (const api::Isolation tier : {api::Isolation::kGVisor, api::Isolation::kMicroVM}) {
    const std::vector<Control> controls = ControlsOf(tier);
    ASSERT_EQ(controls.size(), made.size());
    for (std::size_t i = 0; i < made.size(); ++i) made[i].push_back(controls[i].state);
  }
  EXPECT_EQ(documented, made);
}

TEST(RenderControlsTest, EveryControlIsNamedOnceAndSaysWhy) {
  for (const auto tier :
       {api::Isolation::kContainer, api::Isolation::kGVisor, api::Isolation::kMicroVM}) {
    std::set<std::string> names;
    for (const Control& control : ControlsOf(tier)) {
      EXPECT_TRUE(names.insert(control.name).second) << control.name;
      EXPECT_TRUE(control.detail.ends_with('.')) << control.detail;
    }
  }
}

TEST(RenderControlsTest, WhatTheOperatorDoesNotServeIsUnenforced) {
  api::AgentSandbox sandbox;
  sandbox.spec.egress.emplace();
  const auto with_egress = Controls(sandbox, {});
  EXPECT_EQ(ControlNamed(with_egress, "EgressGateway").state, "Unenforced");
  EXPECT_EQ(std::ranges::count(with_egress, "CredentialsBrokered", &Control::name), 0);
  sandbox.spec.credentials.emplace_back();
  EXPECT_EQ(ControlNamed(Controls(sandbox, {}), "CredentialsBrokered").state, "Unenforced");
  Profile profile;
  profile.egress_gateways = true;
  const auto served = Controls(sandbox, profile);
  EXPECT_EQ(std::ranges::count(served, "EgressGateway", &Control::name), 0);
  EXPECT_EQ(std::ranges::count(served, "CredentialsBrokered", &Control::name), 0);
}

TEST(RenderControlsTest, TunnelsAreUnenforcedWhereThereAreAny) {
  Profile profile;
  profile.egress_gateways = true;
  api::AgentSandbox sandbox;
  sandbox.spec.egress.emplace().allow = {{.host = "a.example.com"}};
  const auto names_tunnels = [&] {
    return std::ranges::any_of(Controls(sandbox, profile), [](const Control& control) {
      return control.name == "TunnelHost" && control.state == "Unenforced";
    });
  };
  EXPECT_FALSE(names_tunnels());
  sandbox.spec.egress->allow.push_back({.host = "b.example.com", .tls = api::TlsMode::kTunnel});
  EXPECT_TRUE(names_tunnels());
}

TEST(RenderControlsTest, RulesOfTheAgentAreDeclaredWhereThereAreAny) {
  api::AgentSandbox sandbox;
  sandbox.spec.agent_settings.emplace();
  EXPECT_EQ(ControlNamed(Controls(sandbox, {}), "AgentPermissions").state, "Declared");
  const auto without = ControlsOf(api::Isolation::kGVisor);
  EXPECT_EQ(std::ranges::count(without, "AgentPermissions", &Control::name), 0);
}

TEST(RenderControlsTest, IsolationNamesTheRuntimeClass) {
  Profile profile;
  profile.runtime_classes = {"", "sandboxed", "machines"};
  EXPECT_THAT(ControlNamed(ControlsOf(api::Isolation::kGVisor, profile), "RuntimeIsolation").detail,
              HasSubstr("RuntimeClass sandboxed:"));
  EXPECT_THAT(
      ControlNamed(ControlsOf(api::Isolation::kMicroVM, profile), "RuntimeIsolation").detail,
      HasSubstr("RuntimeClass machines:"));
}

TEST(RenderControlsTest, IsolationWithoutARuntimeClassIsUnenforced) {
  Profile profile;
  profile.runtime_classes = {"", "", ""};
  const Control control =
      ControlNamed(ControlsOf(api::Isolation::kMicroVM, profile), "RuntimeIsolation");
  EXPECT_EQ(control.state, "Unenforced");
  EXPECT_THAT(control.detail, HasSubstr("no RuntimeClass for the tier MicroVM"));
}

// A RuntimeClass of the weakest tier is no boundary of ours to promise.
TEST(RenderControlsTest, TierContainerIsUnenforcedUnderAnyRuntimeClass) {
  Profile profile;
  profile.runtime_classes[0] = "runc";
  EXPECT_EQ(ControlNamed(ControlsOf(api::Isolation::kContainer, profile), "RuntimeIsolation").state,
            "Unenforced");
}

}  // namespace
}  // namespace stockade::render
