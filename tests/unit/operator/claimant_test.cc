#include "operator/claimant.h"

#include <gtest/gtest.h>

namespace stockade::sandbox_operator {
namespace {

api::AgentSandbox Sandbox() {
  api::AgentSandbox sandbox;
  sandbox.metadata.name = "box";
  sandbox.metadata.namespace_name = "team";
  sandbox.metadata.uid = "uid-1";
  return sandbox;
}

ControllerOwner SandboxOwner(const std::string& name, const std::string& uid) {
  return {"stockade.dev/v1alpha1", "AgentSandbox", name, uid};
}

api::StringMap GatewayLabels(const std::string& gateway, const std::string& manager = "stockade") {
  return {{"app.kubernetes.io/managed-by", manager}, {"stockade.dev/gateway", gateway}};
}

TEST(ClaimantTest, KnowsWhatIsOfASandboxByItsOwner) {
  const Claimant claimant = Sandbox();
  EXPECT_EQ(claimant.namespace_name(), "team");
  const auto judge = [&](const ControllerOwner& owner, bool deleting = false) {
    return claimant.Judge(owner, GatewayLabels("asg-box"), deleting);
  };
  EXPECT_EQ(judge(SandboxOwner("box", "uid-1")), Claimed::kOurs);
  EXPECT_TRUE(claimant.IsOwner(SandboxOwner("box", "uid-1")));
  EXPECT_FALSE(claimant.IsOwner(SandboxOwner("box", "uid-0")));
  EXPECT_EQ(judge(SandboxOwner("box", "uid-1"), true), Claimed::kWaiting);
  EXPECT_EQ(judge(SandboxOwner("box", "uid-0")), Claimed::kWaiting) << "of an earlier one";
  EXPECT_EQ(judge(SandboxOwner("other", "uid-0")), Claimed::kStrangers);
  EXPECT_EQ(judge({"apps/v1", "Deployment", "box", "uid-0"}), Claimed::kStrangers);
  EXPECT_EQ(judge({}), Claimed::kStrangers) << "labels alone make nothing a sandbox's";
  // Nor does its uid in a reference that the guards do not know as one to a sandbox.
  for (const ControllerOwner& forged :
       {ControllerOwner{"stockade.dev", "AgentSandbox", "box", "uid-1"},
        {"stockade.device/v1", "AgentSandbox", "box", "uid-1"},
        {"stockade.dev/v1alpha1", "Foo", "box", "uid-1"},
        {"v1", "ConfigMap", "box", "uid-1"},
        {"stockade.dev/v1alpha1", "AgentSandbox", "other", "uid-1"}}) {
    EXPECT_EQ(judge(forged), Claimed::kStrangers) << forged.api_version << " " << forged.kind;
    EXPECT_FALSE(claimant.IsOwner(forged)) << forged.api_version << " " << forged.kind;
    EXPECT_EQ(judge(forged, true), Claimed::kStrangers) << forged.api_version << " " << forged.kind;
  }
}

CachedClaim Claim(const std::string& retained_for, const std::string& sandbox = "box") {
  CachedClaim claim;
  claim.labels = {{"app.kubernetes.io/managed-by", "stockade"}, {"stockade.dev/sandbox", sandbox}};
  if (!retained_for.empty()) claim.labels["stockade.dev/retained-for"] = retained_for;
  return claim;
}

TEST(ClaimantTest, AClaimThatOutlivesItsSandboxIsKnownByItsLabels) {
  const Claimant plain = Sandbox();
  EXPECT_EQ(plain.Judge(Claim("uid-1")), Claimed::kOurs) << "volumePolicy was Retain until now";
  EXPECT_EQ(plain.Judge(Claim("uid-0")), Claimed::kStrangers) << "kept from an earlier one";
  EXPECT_EQ(plain.Judge(Claim("")), Claimed::kStrangers);

  api::AgentSandbox sandbox = Sandbox();
  sandbox.spec.lifecycle.volume_policy = api::VolumePolicy::kRetain;
  const Claimant retaining = sandbox;
  EXPECT_EQ(retaining.Judge(Claim("uid-1")), Claimed::kOurs);
  EXPECT_EQ(retaining.Judge(Claim("uid-0")), Claimed::kOurs) << "which would keep it as well";
  EXPECT_EQ(retaining.Judge(Claim("uid-0", "other")), Claimed::kStrangers);
  EXPECT_EQ(retaining.Judge(Claim("")), Claimed::kStrangers) << "nobody kept it";
  CachedClaim claim = Claim("uid-0");
  claim.deleting = true;
  EXPECT_EQ(retaining.Judge(claim), Claimed::kWaiting);
  claim = Claim("uid-0");
  claim.labels["app.kubernetes.io/managed-by"] = "Helm";
  EXPECT_EQ(retaining.Judge(claim), Claimed::kStrangers);
  claim = Claim("uid-1");
  claim.owner = {"apps/v1", "StatefulSet", "box", "uid-9"};
  EXPECT_EQ(retaining.Judge(claim), Claimed::kStrangers) << "an owner says more than a label";
  claim.owner = SandboxOwner("box", "uid-1");
  EXPECT_EQ(retaining.Judge(claim), Claimed::kOurs) << "volumePolicy was Delete until now";
}

TEST(ClaimantTest, KnowsWhatIsOfASharedGatewayByItsLabels) {
  const Claimant claimant = Claimant::OfSharedGateway({"team", "asg--0123"});
  EXPECT_EQ(claimant.namespace_name(), "team");
  EXPECT_EQ(claimant.Judge({}, GatewayLabels("asg--0123"), false), Claimed::kOurs);
  EXPECT_EQ(claimant.Judge({}, GatewayLabels("asg--0123"), true), Claimed::kWaiting);
  EXPECT_EQ(claimant.Judge({}, GatewayLabels("asg--4567"), false), Claimed::kStrangers);
  EXPECT_EQ(claimant.Judge({}, GatewayLabels("asg--0123", "Helm"), false), Claimed::kStrangers);
  EXPECT_EQ(claimant.Judge({}, {{"stockade.dev/gateway", "asg--0123"}}, false),
            Claimed::kStrangers);
  EXPECT_EQ(claimant.Judge({}, {}, false), Claimed::kStrangers);
  // What somebody owns goes with its owner, whatever its labels say.
  EXPECT_EQ(claimant.Judge(SandboxOwner("box", "uid-1"), GatewayLabels("asg--0123"), false),
            Claimed::kStrangers);
}

TEST(ClaimantTest, AGatewaysNameTellsWhoseItsObjectsAre) {
  const Claimant dedicated = Claimant::OfGateway(Sandbox(), "asg-box");
  EXPECT_EQ(dedicated.Judge(SandboxOwner("box", "uid-1"), {}, false), Claimed::kOurs);
  EXPECT_EQ(dedicated.Judge({}, GatewayLabels("asg-box"), false), Claimed::kStrangers);
  const Claimant shared = Claimant::OfGateway(Sandbox(), "asg--0123");
  EXPECT_EQ(shared.namespace_name(), "team");
  EXPECT_EQ(shared.Judge({}, GatewayLabels("asg--0123"), false), Claimed::kOurs);
}

TEST(ClaimantTest, LabelsOfADedicatedGatewayNameNoSharedOne) {
  EXPECT_EQ(SharedGatewayNamed(GatewayLabels("asg--0123")), "asg--0123");
  EXPECT_EQ(SharedGatewayNamed(GatewayLabels("asg-box")), "");
  EXPECT_EQ(SharedGatewayNamed(GatewayLabels("--0123")), "");
  EXPECT_EQ(SharedGatewayNamed({{"stockade.dev/gateway", "asg--0123"}}), "");
}

}  // namespace
}  // namespace stockade::sandbox_operator
