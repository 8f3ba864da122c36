#include "operator/gateway_diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stockade::sandbox_operator {
namespace {

using ::testing::HasSubstr;

ContainerTrouble Ended(const char* container, const char* message) {
  ContainerTrouble trouble;
  trouble.container = container;
  trouble.waiting_reason = "CrashLoopBackOff";
  trouble.restarts = 3;
  trouble.exit_code = 1;
  trouble.exit_message = message;
  return trouble;
}

CachedPod Ready() {
  CachedPod pod;
  pod.phase = "Running";
  pod.ready = "True";
  pod.scheduled = "True";
  return pod;
}

template <typename T>
typename runtime::Store<T>::Change Change(const T& before, const T& after) {
  return {std::make_shared<const T>(before), std::make_shared<const T>(after)};
}

TEST(GatewayDiagnosisTest, PodThatRunsOrEndsIsNoTrouble) {
  EXPECT_EQ(DiagnoseGatewayPod(Ready()), GatewayTrouble());
  CachedPod ending = Ready();
  ending.ready = "False";
  ending.deleting = true;
  EXPECT_EQ(DiagnoseGatewayPod(ending), GatewayTrouble());
}

TEST(GatewayDiagnosisTest, MissingKeysComeBeforeAllElse) {
  CachedPod pod;
  pod.phase = "Pending";
  pod.troubles = {Ended("stockade-credentials", "the exchange failed"),
                  Ended("stockade-prepare", "Secret \"keys\" has no key \"api\"")};
  const GatewayTrouble trouble = DiagnoseGatewayPod(pod);
  EXPECT_TRUE(trouble.credentials_missing);
  EXPECT_EQ(trouble.message, "Secret \"keys\" has no key \"api\"");
}

TEST(GatewayDiagnosisTest, ExchangeThatFailsSpeaksForItself) {
  CachedPod pod;
  pod.phase = "Pending";
  pod.troubles = {Ended("stockade-credentials", "STS refused the token")};
  EXPECT_EQ(DiagnoseGatewayPod(pod), (GatewayTrouble{"STS refused the token", false}));
}

TEST(GatewayDiagnosisTest, EveryOtherTroubleIsThePods) {
  CachedPod pod;
  pod.phase = "Pending";
  pod.scheduled = "False";
  pod.scheduled_reason = "Unschedulable";
  pod.scheduled_message = "0/3 nodes are available: 3 Insufficient cpu.";
  EXPECT_THAT(DiagnoseGatewayPod(pod).message, HasSubstr("3 Insufficient cpu"));
}

TEST(GatewayDiagnosisTest, DeploymentConcernsSharersWhereItAnswersOtherwise) {
  const CachedDeployment before;
  EXPECT_FALSE(ConcernsSharers(Change(before, before)));
  CachedDeployment later = before;
  later.resource_version = 7;
  EXPECT_FALSE(ConcernsSharers(Change(before, later)));
  const auto concerns = [&before](const auto& change) {
    CachedDeployment after = before;
    change(after);
    return ConcernsSharers(Change(before, after));
  };
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.available = true; }));
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.rolled_out = true; }));
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.deleting = true; }));
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.uid = "another"; }));
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.fingerprint = "changed"; }));
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.issued = "changed"; }));
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.labels = {{"a", "b"}}; }));
  EXPECT_TRUE(concerns([](CachedDeployment& d) { d.owner.uid = "somebody"; }));
  EXPECT_TRUE(ConcernsSharers(runtime::Store<CachedDeployment>::Change{
      nullptr, std::make_shared<const CachedDeployment>(before)}));
}

TEST(GatewayDiagnosisTest, PodConcernsSharersWhereItSaysSomethingElse) {
  CachedPod troubled = Ready();
  troubled.ready = "False";
  troubled.ready_message = "containers with unready status: [stockade-gateway]";
  EXPECT_FALSE(ConcernsSharers(Change(Ready(), Ready())));
  EXPECT_TRUE(ConcernsSharers(Change(Ready(), troubled)));
  const runtime::Store<CachedPod>::Change gone{std::make_shared<const CachedPod>(Ready()), nullptr};
  EXPECT_FALSE(ConcernsSharers(gone));
  CachedPod labelled = Ready();
  labelled.labels = {{"app", "web"}};
  EXPECT_TRUE(ConcernsSharers(Change(Ready(), labelled))) << "a policy may select it now";
}

}  // namespace
}  // namespace stockade::sandbox_operator
