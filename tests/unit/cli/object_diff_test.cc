#include "cli/object_diff.h"

#include <gtest/gtest.h>

namespace stockade::cli {
namespace {

using codec::Json;

Json Parse(const char* text) { return Json::parse(text); }

TEST(ObjectDiffTest, WhatNobodyRenderedIsNotShown) {
  const Json live = Parse(R"({"metadata": {"name": "a", "uid": "u", "labels": {"x": "1", "y": "2"}},
                              "spec": {"hostUsers": false, "nodeName": "n"}, "status": {}})");
  const Json rendered =
      Parse(R"({"metadata": {"name": "a", "labels": {"x": "2"}}, "spec": {"hostUsers": true}})");
  EXPECT_EQ(ProjectLive(live, rendered, rendered),
            Parse(R"({"metadata": {"name": "a", "labels": {"x": "1"}},
                      "spec": {"hostUsers": false}})"));
}

TEST(ObjectDiffTest, WhatWasRenderedBeforeIsShownAsItGoes) {
  const Json live = Parse(R"({"spec": {"a": 1, "b": 2, "c": 3}})");
  EXPECT_EQ(ProjectLive(live, Parse(R"({"spec": {"a": 1}})"), Parse(R"({"spec": {"b": 2}})")),
            Parse(R"({"spec": {"a": 1, "b": 2}})"));
}

TEST(ObjectDiffTest, ElementsAreMatchedByTheirName) {
  const Json live = Parse(R"({"volumes": [{"name": "injected"}, {"name": "data", "x": 1, "y": 2}],
                              "tolerations": [{"key": "a", "effect": "E"}]})");
  const Json rendered = Parse(R"({"volumes": [{"name": "data", "x": 0}]})");
  EXPECT_EQ(ProjectLive(live, rendered, rendered),
            Parse(R"({"volumes": [{"name": "data", "x": 1}]})"));
}

TEST(ObjectDiffTest, MountsOfOneVolumeAreMatchedByTheirPath) {
  const Json live = Parse(R"({"volumeMounts": [{"name": "v", "mountPath": "/b", "readOnly": true},
                                 {"name": "v", "mountPath": "/a", "recursiveReadOnly": "x"}]})");
  const Json rendered = Parse(
      R"({"volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]})");
  EXPECT_EQ(ProjectLive(live, rendered, rendered),
            Parse(R"({"volumeMounts": [{"name": "v", "mountPath": "/b"},
                                       {"name": "v", "mountPath": "/a"}]})"));
}

TEST(ObjectDiffTest, StrangersContainersAreShown) {
  const Json live = Parse(R"({"containers": [{"name": "agent", "image": "a", "tty": true},
                                             {"name": "sidecar", "image": "s"}],
                              "ephemeralContainers": [{"name": "debug"}]})");
  const Json rendered = Parse(R"({"containers": [{"name": "agent", "image": "a"}]})");
  EXPECT_EQ(ProjectLive(live, rendered, rendered),
            Parse(R"({"containers": [{"name": "agent", "image": "a"},
                                     {"name": "sidecar", "image": "s"}],
                      "ephemeralContainers": [{"name": "debug"}]})"));
}

TEST(ObjectDiffTest, JsonOfAConfigMapIsShownByLines) {
  Json map = Parse(R"({"kind": "ConfigMap", "data": {"a.json": "{\"x\": {\"y\": 1}}", "b": "text",
                                                     "c": "[1]", "d": "{\"x\": "}})");
  UnfoldJson(map);
  EXPECT_EQ(map["data"], Parse(R"({"a.json": {"x": {"y": 1}}, "b": "text", "c": "[1]",
                                   "d": "{\"x\": "})"));
  Json secret = Parse(R"({"kind": "Secret", "data": {"a": "{}"}})");
  UnfoldJson(secret);
  EXPECT_EQ(secret["data"]["a"], "{}");
}

TEST(ObjectDiffTest, BookkeepingIsNobodysBusiness) {
  Json object = Parse(R"({"metadata": {"name": "a", "ownerReferences": [], "finalizers": ["f"],
                          "annotations": {"stockade.dev/spec-hash": "x"}}})");
  DropBookkeeping(object);
  EXPECT_EQ(object, Parse(R"({"metadata": {"name": "a"}})"));
  Json kept =
      Parse(R"({"metadata": {"annotations": {"stockade.dev/fingerprint": "x", "a": "b"}}})");
  DropBookkeeping(kept);
  EXPECT_EQ(kept, Parse(R"({"metadata": {"annotations": {"a": "b"}}})"));
}

}  // namespace
}  // namespace stockade::cli
