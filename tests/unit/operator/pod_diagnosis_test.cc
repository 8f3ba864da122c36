#include "operator/pod_diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json.h"

namespace stockade::sandbox_operator {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  const char* status;  // of the pod, as JSON
  bool deleting;
  PodOutcome outcome;
  const char* reason;
  const char* message_part;
};

const Case kCases[] = {
    {"JustCreated", R"({"phase":"Pending"})", false, PodOutcome::kProgressing, "PodStarting",
     "waits for a node"},
    {"Ready", R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"}]})", false,
     PodOutcome::kReady, "PodReady", "ready"},
    {"RunningNotReady",
     R"({"phase":"Running","conditions":[{"type":"Ready","status":"False",
         "message":"containers with unready status: [agent]"}]})",
     false, PodOutcome::kProgressing, "PodNotReady", "unready status: [agent]"},
    {"Unschedulable",
     R"({"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False",
         "reason":"Unschedulable","message":"0/3 nodes are available: 3 Insufficient cpu."}]})",
     false, PodOutcome::kTroubled, "Unschedulable", "3 Insufficient cpu"},
    {"ImagePull",
     R"({"phase":"Pending","containerStatuses":[{"name":"agent","restartCount":0,"state":
         {"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"x\""}}}]})",
     false, PodOutcome::kTroubled, "ImagePullFailed", "container \"agent\""},
    {"InvalidImageName",
     R"({"phase":"Pending","containerStatuses":[{"name":"agent","restartCount":0,"state":
         {"waiting":{"reason":"InvalidImageName","message":"couldn't parse"}}}]})",
     false, PodOutcome::kHopeless, "InvalidImageName", "correct the image"},
    {"CrashLoop",
     R"({"phase":"Running","containerStatuses":[{"name":"agent","restartCount":7,
         "state":{"waiting":{"reason":"CrashLoopBackOff"}},
         "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]})",
     false, PodOutcome::kTroubled, "CrashLoop",
     "7 restarts so far, last exit code 137 (OOMKilled)"},
    {"CrashLoopOfAnInitContainer",
     R"({"phase":"Pending","initContainerStatuses":[{"name":"setup","restartCount":1,
         "state":{"waiting":{"reason":"CrashLoopBackOff"}}}]})",
     false, PodOutcome::kTroubled, "CrashLoop", "container \"setup\""},
    {"MissingConfigMap",
     R"({"phase":"Pending","containerStatuses":[{"name":"agent","restartCount":0,"state":
         {"waiting":{"reason":"CreateContainerConfigError",
          "message":"configmap \"settings\" not found"}}}]})",
     false, PodOutcome::kTroubled, "ContainerCannotStart", "configmap \"settings\" not found"},
    {"OnlyCreating",
     R"({"phase":"Pending","containerStatuses":[{"name":"agent","restartCount":0,"state":
         {"waiting":{"reason":"ContainerCreating"}}}]})",
     false, PodOutcome::kProgressing, "PodStarting", ""},
    {"Succeeded", R"({"phase":"Succeeded"})", false, PodOutcome::kFinished, "PodSucceeded", ""},
    {"FailedByItself",
     R"({"phase":"Failed","containerStatuses":[{"name":"agent","restartCount":0,
         "state":{"terminated":{"exitCode":3,"reason":"Error"}}}]})",
     false, PodOutcome::kFinished, "PodFailed", "\"agent\" ended with exit code 3 (Error)"},
    {"Evicted",
     R"({"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory."})",
     false, PodOutcome::kLost, "PodLost", "Evicted"},
    {"Preempted",
     R"({"phase":"Failed","conditions":[{"type":"DisruptionTarget","status":"True"}]})", false,
     PodOutcome::kLost, "PodLost", "created again"},
    {"Unknown", R"({"phase":"Unknown"})", false, PodOutcome::kTroubled, "NodeUnreachable", "node"},
    {"Terminating", R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"}]})", true,
     PodOutcome::kTerminating, "PodTerminating", "being deleted"},
    {"FailedAndDeleted", R"({"phase":"Failed","reason":"Evicted"})", true, PodOutcome::kTerminating,
     "PodTerminating", ""},
};

class PodDiagnosisTest : public ::testing::TestWithParam<Case> {};

TEST_P(PodDiagnosisTest, SaysWhatTheStatusMeans) {
  codec::Json pod = {{"metadata", {{"name", "asb-x"}, {"namespace", "ns"}}},
                     {"spec", codec::Json::object()},
                     {"status", codec::Json::parse(GetParam().status)}};
  if (GetParam().deleting) pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  const auto document = codec::ParseTrusted(pod);
  const auto decoded = DecodePod(document.root());
  ASSERT_TRUE(decoded.ok());
  const PodDiagnosis diagnosis = DiagnosePod(*decoded);
  EXPECT_EQ(diagnosis.outcome, GetParam().outcome);
  EXPECT_EQ(diagnosis.reason, GetParam().reason);
  EXPECT_THAT(diagnosis.message, HasSubstr(GetParam().message_part));
  EXPECT_FALSE(diagnosis.message.empty());
}

INSTANTIATE_TEST_SUITE_P(All, PodDiagnosisTest, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(PodDiagnosisTest, BoundsTheMessagesOfOthers) {
  CachedPod pod;
  pod.phase = "Pending";
  pod.scheduled = "False";
  pod.scheduled_message = std::string(100'000, 'x');
  EXPECT_LT(DiagnosePod(pod).message.size(), 2000U);
}

}  // namespace
}  // namespace stockade::sandbox_operator
