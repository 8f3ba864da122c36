#include "operator/sandbox_events.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stockade::sandbox_operator {
namespace {

using codec::Json;

Json Condition(const char* type, const char* status, const char* reason, const char* message = "") {
  return {{"type", type}, {"status", status}, {"reason", reason}, {"message", message}};
}

Json StatusOf(std::vector<Json> conditions) { return {{"conditions", std::move(conditions)}}; }

Json NotReady(const char* reason, const char* message = "") {
  return StatusOf({Condition("Ready", "False", reason, message)});
}

Json Stalled(const char* reason, const char* message) {
  return StatusOf({Condition("Ready", "False", reason, message),
                   Condition("Stalled", "True", reason, message)});
}

Json Isolated(const char* status, const char* reason, const char* message = "") {
  return StatusOf({Condition("EgressIsolated", status, reason, message)});
}

api::AgentSandbox Sandbox() {
  api::AgentSandbox sandbox;
  sandbox.metadata.name = "agent";
  sandbox.metadata.namespace_name = "team";
  sandbox.metadata.uid = "uid-1";
  sandbox.metadata.resource_version = "7";
  return sandbox;
}

// "Reason: note" of each event, all of which must be warnings.
std::vector<std::string> Told(const Json& before, const Json& after) {
  std::vector<std::string> told;
  for (const runtime::Event& event : EventsOfChange(Sandbox(), before, after)) {
    EXPECT_EQ(event.type, runtime::EventType::kWarning);
    told.push_back(event.reason + ": " + event.note);
  }
  return told;
}

using Lines = std::vector<std::string>;
const Json kPending = StatusOf({Condition("Ready", "Unknown", "Pending")});
const Json kReady = StatusOf(
    {Condition("Ready", "True", "PodReady"), Condition("EgressIsolated", "True", "DenyAll")});

TEST(SandboxEventsTest, WhatGoesAsItShouldIsNoEvent) {
  for (const char* reason :
       {"PodMissing", "PodStarting", "PodNotReady", "PodTerminating", "Suspended", "PodSucceeded",
        "NameTaken", "NamespaceTerminating", "Deleting"}) {
    EXPECT_EQ(Told(kPending, NotReady(reason)), Lines{}) << reason;
    EXPECT_EQ(Told(kReady, NotReady(reason)), Lines{}) << reason;
  }
  EXPECT_EQ(Told(kPending, kReady), Lines{});
  EXPECT_EQ(Told(NotReady("QuotaExceeded"), kReady), Lines{});
  EXPECT_EQ(Told(nullptr, kPending), Lines{});
}

TEST(SandboxEventsTest, ANetworkThatIsNotFoundShutAnyMoreIsToldOnce) {
  const Json fails = Isolated("Unknown", "ProbeFails", "does not pass now");
  EXPECT_EQ(Told(Isolated("True", "ProvenByCanary"), fails),
            Lines{"ProbeFails: does not pass now"});
  EXPECT_EQ(Told(fails, fails), Lines{});
  EXPECT_EQ(Told(nullptr, Isolated("Unknown", "CanaryPending")), Lines{});
}

TEST(SandboxEventsTest, AnEndThatComesNearIsToldOnceAndAgainWhenItMoves) {
  const auto soon = [](const char* message) {
    return StatusOf({Condition("Ready", "True", "PodReady"),
                     Condition("ExpiresSoon", "True", "MaxLifetime", message)});
  };
  EXPECT_EQ(Told(kReady, soon("at ten")), Lines{"ExpiresSoon: at ten"});
  EXPECT_EQ(Told(soon("at ten"), soon("at ten")), Lines{});
  EXPECT_EQ(Told(soon("at ten"), soon("at nine")), Lines{"ExpiresSoon: at nine"});
  EXPECT_EQ(Told(soon("at ten"), kReady), Lines{}) << "it was put off";
}

TEST(SandboxEventsTest, AnEndThatHasComeIsToldOnceAndIsNoWarning) {
  const auto events = EventsOfChange(Sandbox(), kReady, NotReady("Expired", "it has ended"));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, runtime::EventType::kNormal);
  EXPECT_EQ(events[0].reason, "Expired");
  EXPECT_EQ(events[0].note, "it has ended");
  EXPECT_TRUE(EventsOfChange(Sandbox(), NotReady("Expired", "it is ending"),
                             NotReady("Expired", "it has ended"))
                  .empty());
}

TEST(SandboxEventsTest, ASuspensionByTheOperatorIsToldOnceAndIsNoWarning) {
  const auto events = EventsOfChange(Sandbox(), kReady, NotReady("Idle", "nothing used it"));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, runtime::EventType::kNormal);
  EXPECT_EQ(events[0].reason, "Idle");
  EXPECT_EQ(events[0].action, "Suspend");
  EXPECT_TRUE(EventsOfChange(Sandbox(), NotReady("Idle", "its pod is ending"),
                             NotReady("Idle", "its pod is gone"))
                  .empty());
}

TEST(SandboxEventsTest, ReasonToActOnIsToldWhenItAppears) {
  for (const char* reason :
       {"RuntimeClassMissing", "QuotaExceeded", "PodSecurityViolation", "PodMutated",
        "CreationForbidden", "Unschedulable", "ImagePullFailed", "CrashLoop",
        "ContainerCannotStart", "NodeUnreachable", "PodLost", "PodFailed", "PrivilegedContainer"}) {
    const Lines told{std::string(reason) + ": why"};
    EXPECT_EQ(Told(kPending, NotReady(reason, "why")), told);
    EXPECT_EQ(Told(nullptr, NotReady(reason, "why")), told);
    EXPECT_EQ(Told(kReady, NotReady(reason, "why")), told);
    EXPECT_EQ(Told(NotReady("PodStarting", "why"), NotReady(reason, "why")), told);
  }
}

TEST(SandboxEventsTest, ReasonThatStaysIsToldOnce) {
  EXPECT_EQ(Told(NotReady("QuotaExceeded", "used 3"), NotReady("QuotaExceeded", "used 4")),
            Lines{});
  EXPECT_EQ(Told(Stalled("NameConflict", "a"), Stalled("NameConflict", "a")), Lines{});
}

TEST(SandboxEventsTest, NewMessageOfOneThatIsStalledIsTold) {
  EXPECT_EQ(Told(Stalled("NameConflict", "a"), Stalled("NameConflict", "b")),
            Lines{"NameConflict: b"});
}

TEST(SandboxEventsTest, PolicyThatWidensIsToldOnceForEachName) {
  const Json shut = Isolated("True", "DenyAll");
  EXPECT_EQ(Told(shut, Isolated("False", "WidenedBy", "x")), Lines{"WidenedBy: x"});
  EXPECT_EQ(Told(Isolated("False", "WidenedBy", "x"), Isolated("False", "WidenedBy", "x")),
            Lines{});
  EXPECT_EQ(Told(Isolated("False", "WidenedBy", "x"), Isolated("False", "WidenedBy", "y")),
            Lines{"WidenedBy: y"});
  EXPECT_EQ(Told(Isolated("False", "WidenedBy", "x"), shut), Lines{});
  EXPECT_EQ(Told(shut, Isolated("Unknown", "DenyAllMissing")), Lines{});
}

TEST(SandboxEventsTest, RegardsTheSandbox) {
  const auto events = EventsOfChange(Sandbox(), kPending, NotReady("CrashLoop"));
  ASSERT_EQ(events.size(), 1U);
  const runtime::ObjectReference& regarding = events[0].regarding;
  EXPECT_EQ(regarding.api_version, "stockade.dev/v1alpha1");
  EXPECT_EQ(regarding.kind, "AgentSandbox");
  EXPECT_EQ(regarding.namespace_name, "team");
  EXPECT_EQ(regarding.name, "agent");
  EXPECT_EQ(regarding.uid, "uid-1");
  EXPECT_EQ(regarding.resource_version, "7");
  EXPECT_EQ(events[0].action, "Reconcile");
}

TEST(SandboxEventsTest, RepairIsNormal) {
  const runtime::Event event = RepairEvent(ReferenceTo(Sandbox()), "it was changed");
  EXPECT_EQ(event.type, runtime::EventType::kNormal);
  EXPECT_EQ(event.reason, "Repaired");
  EXPECT_EQ(event.action, "Repair");
  EXPECT_EQ(event.note, "it was changed");
}

}  // namespace
}  // namespace stockade::sandbox_operator
