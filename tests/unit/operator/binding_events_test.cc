#include "operator/binding_events.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using Lines = std::vector<std::string>;

Json StatusOf(const char* type, const char* status, const char* reason, const char* message = "") {
  return {{"conditions",
           {{{"type", type}, {"status", status}, {"reason", reason}, {"message", message}}}}};
}

// "Warning Reason/Action: note" of each event, all of which must be of the object.
Lines Lined(const std::vector<runtime::Event>& events, const char* kind) {
  Lines lines;
  for (const runtime::Event& event : events) {
    EXPECT_EQ(event.regarding.kind, kind);
    EXPECT_EQ(event.regarding.name, "mine");
    EXPECT_EQ(event.regarding.uid, "uid-1");
    const char* type = event.type == runtime::EventType::kWarning ? "Warning " : "Normal ";
    lines.push_back(type + event.reason + "/" + event.action + ": " + event.note);
  }
  return lines;
}

template <typename T>
T Mine() {
  T mine;
  mine.metadata.name = "mine";
  mine.metadata.namespace_name = "team";
  mine.metadata.uid = "uid-1";
  return mine;
}

Lines ToldOfClaim(const Json& before, const Json& after) {
  return Lined(EventsOfChange(Mine<api::AgentSandboxClaim>(), before, after), "AgentSandboxClaim");
}

Lines ToldOfPool(const Json& before, const Json& after) {
  return Lined(EventsOfChange(Mine<api::AgentSandboxPool>(), before, after), "AgentSandboxPool");
}

TEST(BindingEventsTest, WhatGoesAsItShouldIsNoEvent) {
  const Json pending = StatusOf("Bound", "False", "Pending");
  EXPECT_EQ(ToldOfClaim(nullptr, pending), Lines{});
  EXPECT_EQ(ToldOfClaim(pending, StatusOf("Bound", "True", "Bound")), Lines{});
  EXPECT_EQ(ToldOfClaim(pending, StatusOf("Ready", "False", "PodStarting")), Lines{});
  const Json filling = StatusOf("Ready", "False", "Filling");
  EXPECT_EQ(ToldOfPool(nullptr, filling), Lines{});
  EXPECT_EQ(ToldOfPool(filling, StatusOf("Ready", "True", "Full")), Lines{});
}

TEST(BindingEventsTest, WhatKeepsAClaimFromItsSandboxIsToldOnce) {
  const Json refused = StatusOf("Bound", "False", "SandboxRefused", "no room");
  EXPECT_EQ(ToldOfClaim(StatusOf("Bound", "False", "Pending"), refused),
            Lines{"Warning SandboxRefused/Bind: no room"});
  EXPECT_EQ(ToldOfClaim(refused, StatusOf("Bound", "False", "SandboxRefused", "3 of 4")), Lines{});
  EXPECT_EQ(ToldOfClaim(refused, StatusOf("Bound", "False", "TemplateNotFound", "gone")),
            Lines{"Warning TemplateNotFound/Bind: gone"});
}

TEST(BindingEventsTest, TheEndOfAClaimIsToldAndToldBefore) {
  const Json soon = StatusOf("ExpiresSoon", "True", "MaxLifetime", "at noon");
  EXPECT_EQ(ToldOfClaim(nullptr, soon), Lines{"Warning ExpiresSoon/Expire: at noon"});
  EXPECT_EQ(ToldOfClaim(soon, soon), Lines{});
  EXPECT_EQ(ToldOfClaim(soon, StatusOf("ExpiresSoon", "True", "MaxLifetime", "at one")),
            Lines{"Warning ExpiresSoon/Expire: at one"});
  const Json over = StatusOf("Finished", "True", "Expired", "it is over");
  EXPECT_EQ(ToldOfClaim(soon, over), Lines{"Normal Expired/Finish: it is over"});
  EXPECT_EQ(ToldOfClaim(over, over), Lines{});
  EXPECT_EQ(ToldOfClaim(nullptr, StatusOf("Finished", "True", "TimedOut", "for nothing")),
            Lines{"Warning TimedOut/Finish: for nothing"});
}

TEST(BindingEventsTest, APoolThatCannotFillIsToldOnce) {
  const Json backing_off = StatusOf("Ready", "False", "BackingOff", "1 of 2");
  EXPECT_EQ(ToldOfPool(StatusOf("Ready", "False", "Filling"), backing_off),
            Lines{"Warning BackingOff/Fill: 1 of 2"});
  EXPECT_EQ(ToldOfPool(backing_off, StatusOf("Ready", "False", "BackingOff", "0 of 2")), Lines{});
}

}  // namespace
}  // namespace stockade::sandbox_operator
