#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "api/pod_view.h"
#include "policy/evaluate.h"
#include "render_testing.h"
#include "tests/source_dir.h"

// The two libraries know the same floor from two sides: what the rules let pass, rendering makes
// into a pod that passes them once more.
namespace stockade::render {
namespace {

std::string ErrorsIn(const std::vector<policy::Finding>& findings) {
  std::string text;
  for (const policy::Finding& finding : findings) {
    if (finding.severity != policy::Severity::kError) continue;
    text += finding.field + ": [" + std::string(finding.code) + "] " + finding.message + "\n";
  }
  return text;
}

void ExpectAgreement(const api::AgentSandbox& sandbox) {
  const codec::JsonDocument pod_template = api::ToDocument(sandbox.spec.pod_template);
  EXPECT_EQ(ErrorsIn(policy::EvaluateSandbox(
                sandbox, api::PodView(pod_template.root(), "spec.podTemplate"), {})),
            "");
  const Profile profile;
  const codec::JsonDocument pod = codec::ParseTrusted(Render(sandbox, profile).pod);
  EXPECT_EQ(ErrorsIn(policy::EvaluateRenderedPod(
                api::PodView(pod.root(), ""), profile.RuntimeClassFor(sandbox.spec.isolation), {})),
            "");
}

TEST(RenderPolicyAgreementTest, EveryExampleAndGoldenInputRendersToAPodThatPasses) {
  std::size_t sandboxes = 0;
  for (const char* directory : {"/examples", "/tests/golden/render"}) {
    for (const auto& file : FilesIn(STOCKADE_SOURCE_DIR + std::string(directory), ".yaml")) {
      SCOPED_TRACE(file.filename().string());
      for (const api::AgentSandbox& sandbox : SandboxesIn(ReadFile(file))) {
        ++sandboxes;
        ExpectAgreement(sandbox);
      }
    }
  }
  EXPECT_GE(sandboxes, 14U);
}

// The list is of what users may add; a narrow one must not stop every sandbox.
TEST(RenderPolicyAgreementTest, LabelsOfTheOperatorNeedNoAllowance) {
  policy::Facts facts;
  facts.allowed_metadata_prefixes.clear();
  const auto sandbox = SandboxWithPod("{containers: [{name: a, image: 'example.com/a:v1'}]}");
  const codec::JsonDocument pod = codec::ParseTrusted(Render(sandbox, {}).pod);
  EXPECT_EQ(ErrorsIn(policy::EvaluateRenderedPod(api::PodView(pod.root(), ""), "gvisor", facts)),
            "");
}

// The rendered pod is judged for what the template leaves unset too: an empty one must not pass.
TEST(RenderPolicyAgreementTest, TemplateItselfWouldNotPassAsAPod) {
  const codec::JsonDocument pod = codec::ParseTrusted(
      {{"metadata", {{"name", "asb-box"}}},
       {"spec", FromYaml("{containers: [{name: agent, image: 'registry.example.com/a:v1'}]}")}});
  EXPECT_TRUE(
      policy::HasErrors(policy::EvaluateRenderedPod(api::PodView(pod.root(), ""), "gvisor", {})));
}

}  // namespace
}  // namespace stockade::render
