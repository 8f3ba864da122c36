#include "operator/cached_objects.h"

#include <gtest/gtest.h>

#include "api/label_selector.h"
#include "base/clock.h"
#include "operator/caches.h"
#include "tests/fakes/fake_clock.h"

namespace stockade::sandbox_operator {
namespace {

codec::JsonDocument Parse(const char* text) {
  auto document = codec::JsonDocument::Parse(text);
  EXPECT_TRUE(document.ok()) << document.status().ToString();
  return std::move(document).value();
}

TEST(CachedObjectsTest, ControllerOwnerIsTheOneThatControls) {
  const auto metadata = Parse(R"({"ownerReferences":[
    {"apiVersion":"v1","kind":"ConfigMap","name":"other","uid":"u0"},
    {"apiVersion":"stockade.dev/v1alpha1","kind":"AgentSandbox","name":"a","uid":"u1",
     "controller":true}]})");
  const ControllerOwner owner = DecodeControllerOwner(metadata.root());
  EXPECT_EQ(owner.kind, "AgentSandbox");
  EXPECT_EQ(owner.name, "a");
  EXPECT_EQ(owner.uid, "u1");
  EXPECT_EQ(DecodeControllerOwner(Parse("{}").root()).uid, "");
}

TEST(CachedObjectsTest, PolicyKnowsWhatItLetsThrough) {
  struct {
    const char* spec;
    bool egress;
    bool ingress;
  } const cases[] = {
      {R"({"podSelector":{},"policyTypes":["Egress"],"egress":[{}]})", true, false},
      {R"({"podSelector":{},"policyTypes":["Ingress"],"ingress":[{}]})", false, true},
      {R"({"podSelector":{},"policyTypes":["Ingress","Egress"]})", false, false},
      // Rules of a type that the policy does not have are not in force.
      {R"({"podSelector":{},"policyTypes":["Ingress"],"egress":[{}]})", false, false},
      {R"({"podSelector":{},"policyTypes":["Egress"],"egress":[]})", false, false},
  };
  for (const auto& test : cases) {
    const auto object =
        Parse((std::string(R"({"metadata":{"name":"p","namespace":"n"},"spec":)") + test.spec + "}")
                  .c_str());
    const auto policy = DecodePolicy(object.root());
    ASSERT_TRUE(policy.ok());
    EXPECT_EQ(policy->allows_egress, test.egress) << test.spec;
    EXPECT_EQ(policy->allows_ingress, test.ingress) << test.spec;
  }
}

TEST(CachedObjectsTest, FinalizerIsOursOnlyByItsName) {
  const auto ours = Parse(
      R"({"metadata":{"name":"p","finalizers":["other/x","stockade.dev/pods-gone"]},"spec":{}})");
  EXPECT_TRUE(DecodePolicy(ours.root())->has_finalizer);
  const auto others = Parse(R"({"metadata":{"name":"p","finalizers":["other/x"]},"spec":{}})");
  EXPECT_FALSE(DecodePolicy(others.root())->has_finalizer);
}

TEST(CachedObjectsTest, PolicyOfOneSandboxesWayOutConcernsThatSandboxAlone) {
  const auto selected = [](const std::string& labels) {
    const auto object = Parse((R"({"metadata":{"name":"p","namespace":"n"},"spec":{"podSelector":)"
                               R"({"matchLabels":)" +
                               labels + "}}}")
                                  .c_str());
    return SelectedSandbox(*DecodePolicy(object.root())).name;
  };
  EXPECT_EQ(selected(R"({"stockade.dev/sandbox":"a"})"), "a");
  EXPECT_EQ(selected(R"({"stockade.dev/egress":"asg-a"})"), "a");
  EXPECT_EQ(selected(R"({"stockade.dev/gateway":"asg-a"})"), "a");
  EXPECT_EQ(selected(R"({"stockade.dev/egress":"asg--0123"})"), "") << "a shared one is of several";
  EXPECT_EQ(selected(R"({"app":"a"})"), "");
}

TEST(CachedObjectsTest, PolicyOfASharedGatewayConcernsThoseThatShareItAlone) {
  const auto selected = [](const std::string& selector) {
    const auto object = Parse(
        (R"({"metadata":{"name":"p","namespace":"n"},"spec":{"podSelector":)" + selector + "}}")
            .c_str());
    return SelectedSharedGateway(*DecodePolicy(object.root()));
  };
  EXPECT_EQ(selected(R"({"matchLabels":{"stockade.dev/egress":"asg--0123"}})"), "asg--0123");
  EXPECT_EQ(selected(R"({"matchLabels":{"stockade.dev/gateway":"asg--0123"}})"), "asg--0123");
  EXPECT_EQ(selected(R"({"matchLabels":{"stockade.dev/gateway":"asg-a"}})"), "");
  EXPECT_EQ(selected("{}"), "");
  EXPECT_EQ(selected(R"({"matchExpressions":[{"key":"stockade.dev/egress","operator":"Exists"}]})"),
            "");
}

TEST(CachedObjectsTest, SandboxKnowsTheGatewayThatItShares) {
  const auto decode = [](const std::string& egress) {
    const auto object = Parse((R"({"metadata":{"name":"a","namespace":"n","uid":"u"},"spec":{)"
                               R"("podTemplate":{"spec":{"containers":[]}},"egress":)" +
                               egress + "}}")
                                  .c_str());
    return *DecodeSandbox(object.root());
  };
  const std::string shared =
      decode(R"({"gateway":"Shared","allow":[{"host":"a.example.com"}]})").shared_gateway;
  EXPECT_TRUE(shared.starts_with("asg--")) << shared;
  EXPECT_EQ(decode(R"({"allow":[{"host":"a.example.com"}],"gateway":"Shared"})").shared_gateway,
            shared);
  EXPECT_NE(decode(R"({"gateway":"Shared","allow":[{"host":"b.example.com"}]})").shared_gateway,
            shared);
  EXPECT_EQ(decode(R"({"allow":[{"host":"a.example.com"}]})").shared_gateway, "");
  EXPECT_EQ(decode("null").shared_gateway, "");
}

TEST(CachedObjectsTest, PodKnowsWhenTheOldestOfTheAgentsContainersBegan) {
  const auto oldest = [](const std::string& init, const std::string& containers) {
    const auto object =
        Parse((R"({"metadata":{"name":"p","namespace":"n"},"status":{"initContainerStatuses":[)" +
               init + R"(],"containerStatuses":[)" + containers + "]}}")
                  .c_str());
    const auto pod = DecodePod(object.root());
    EXPECT_TRUE(pod.ok());
    return pod->oldest_start ? FormatTime(*pod->oldest_start) : std::string("none");
  };
  const auto running = [](const char* name, const char* since) {
    return std::string(R"({"name":")") + name + R"(","state":{"running":{"startedAt":")" + since +
           "\"}}}";
  };
  const std::string ended =
      R"({"name":"setup","state":{"terminated":{"exitCode":0,"startedAt":"2026-01-01T00:00:00Z"}}})";
  EXPECT_EQ(oldest("", ""), "none");
  EXPECT_EQ(oldest(running("stockade-proxy", "2026-01-01T00:00:00Z"), ended), "none");
  EXPECT_EQ(oldest(ended, running("agent", "2026-01-03T00:00:00Z")), "2026-01-03T00:00:00Z");
  EXPECT_EQ(oldest(running("cache", "2026-01-02T00:00:00Z"),
                   running("agent", "2026-01-03T00:00:00Z") + "," +
                       running("helper", "2026-01-04T00:00:00Z")),
            "2026-01-02T00:00:00Z");
  EXPECT_EQ(oldest("", R"({"name":"agent","state":{"waiting":{"reason":"CrashLoopBackOff"}}})"),
            "none");
}

TEST(CachedObjectsTest, PodKnowsHowLongItRan) {
  const auto run_time = [](const std::string& status) {
    const std::string text = R"({"metadata":{"name":"p"},"spec":{},"status":)" + status + "}";
    return DecodePod(Parse(text.c_str()).root())->ran_for;
  };
  EXPECT_EQ(run_time(R"({"startTime":"2026-01-01T00:00:00Z","containerStatuses":[
      {"state":{"terminated":{"finishedAt":"2026-01-01T00:09:00Z"}}},
      {"state":{"terminated":{"finishedAt":"2026-01-01T00:10:00Z"}}}]})"),
            std::chrono::minutes(10));
  EXPECT_EQ(run_time(R"({"startTime":"2026-01-01T00:00:00Z"})"), std::nullopt);
  EXPECT_EQ(run_time(R"({"containerStatuses":[
      {"state":{"terminated":{"finishedAt":"2026-01-01T00:10:00Z"}}}]})"),
            std::nullopt);
}

TEST(DecodeKnownSandboxTest, OneThatHasEndedSharesNoGatewayAnyMore) {
  codec::Json object = codec::Json::parse(R"({
      "metadata": {"name": "a", "namespace": "n", "uid": "u", "generation": 2,
                   "resourceVersion": "5"},
      "spec": {"podTemplate": {"spec": {"containers": []}},
               "egress": {"gateway": "Shared", "allow": [{"host": "a.example"}]},
               "lifecycle": {"maxLifetimeSeconds": 60}}})");
  const auto running = DecodeSandbox(codec::ParseTrusted(object).root());
  ASSERT_TRUE(running.ok());
  EXPECT_FALSE(running->ended);
  EXPECT_FALSE(running->shared_gateway.empty());

  object["metadata"]["resourceVersion"] = "6";
  object["status"] = codec::Json::parse(R"({"observedGeneration": 2, "conditions": [
      {"type": "Finished", "status": "True", "reason": "Expired"}]})");
  const auto ended = DecodeKnownSandbox(codec::ParseTrusted(object).root(), *running);
  ASSERT_TRUE(ended.ok());
  EXPECT_TRUE(ended->ended);
  EXPECT_EQ(ended->shared_gateway, "");
  EXPECT_EQ(DecodeSandbox(codec::ParseTrusted(object).root())->shared_gateway, "");

  object["metadata"]["resourceVersion"] = "7";
  object["metadata"]["generation"] = 3;
  object["spec"]["lifecycle"] = nullptr;
  const auto again = DecodeKnownSandbox(codec::ParseTrusted(object).root(), *ended);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->ended);
  EXPECT_EQ(again->shared_gateway, running->shared_gateway);
}

TEST(CachesTest, ListThoseThatShareAGateway) {
  testing::FakeClock clock;
  Logger logger(clock, LogLevel::kError, [](std::string_view) {});
  Caches caches(logger);
  std::uint64_t version = 0;
  const runtime::ObjectKey gateway{"n", "asg--0123"};
  const auto record = [&](const char* name, const char* shared, api::OperatingMode mode,
                          const char* namespace_name = "n") {
    CachedSandbox sandbox;
    sandbox.key = {namespace_name, name};
    sandbox.uid = std::string(namespace_name) + name;
    sandbox.resource_version = ++version;
    sandbox.shared_gateway = shared;
    sandbox.sandbox.spec.operating_mode = mode;
    caches.sandboxes.store().RecordWrite(std::move(sandbox));
  };
  EXPECT_FALSE(caches.AnySharers(gateway));
  record("a", "asg--0123", api::OperatingMode::kSuspended);
  record("b", "asg--0123", api::OperatingMode::kRunning);
  record("c", "", api::OperatingMode::kRunning);
  record("d", "asg--4567", api::OperatingMode::kRunning);
  record("e", "asg--0123", api::OperatingMode::kRunning, "other");
  EXPECT_TRUE(caches.AnySharers(gateway));
  EXPECT_EQ(caches.SharersOf(gateway).size(), 2U);
  EXPECT_EQ(caches.FirstRunningSharer(gateway)->key.name, "b");
  record("b", "asg--0123", api::OperatingMode::kSuspended);
  EXPECT_EQ(caches.FirstRunningSharer(gateway), nullptr);
  record("a", "asg--4567", api::OperatingMode::kSuspended);
  caches.sandboxes.store().RecordDelete({"n", "b"}, "nb");
  EXPECT_FALSE(caches.AnySharers(gateway));
}

TEST(CachedObjectsTest, DeploymentIsRolledOutWhenAllOfItsPodsAreNewAndAnswer) {
  const auto decode = [](const std::string& status) {
    const auto object = Parse((R"({"metadata":{"name":"d","generation":2,"annotations":)"
                               R"({"stockade.dev/issued":"x@1"}},"spec":{},"status":)" +
                               status + "}")
                                  .c_str());
    return *DecodeDeployment(object.root());
  };
  const CachedDeployment done =
      decode(R"({"observedGeneration":2,"replicas":1,"updatedReplicas":1,"availableReplicas":1})");
  EXPECT_TRUE(done.available);
  EXPECT_TRUE(done.rolled_out);
  EXPECT_EQ(done.issued, "x@1");
  const CachedDeployment old =
      decode(R"({"observedGeneration":1,"replicas":1,"updatedReplicas":1,"availableReplicas":1})");
  EXPECT_TRUE(old.available);
  EXPECT_FALSE(old.rolled_out);
  EXPECT_FALSE(decode(R"({"observedGeneration":2,"replicas":2,"updatedReplicas":1,)"
                      R"("availableReplicas":1})")
                   .rolled_out);
  EXPECT_FALSE(decode(R"({"observedGeneration":2})").available);
}

TEST(CachedObjectsTest, PodTellsWhatTheCanaryFound) {
  const auto decode = [](const std::string& canary, const std::string& proxy_ready) {
    const auto object = Parse((R"({"metadata":{"name":"p"},"spec":{},"status":)"
                               R"({"initContainerStatuses":[{"name":"stockade-canary","state":)" +
                               canary + R"(},{"name":"stockade-proxy","ready":)" + proxy_ready +
                               R"(,"state":{"running":{}}}]}})")
                                  .c_str());
    return *DecodePod(object.root());
  };
  const CachedPod passed = decode(R"({"terminated":{"exitCode":0}})", "true");
  EXPECT_TRUE(passed.canary_passed);
  EXPECT_TRUE(passed.proxy_ready);
  const CachedPod open =
      decode(R"({"terminated":{"exitCode":1,"reason":"Error","message":"it is open"}})", "false");
  EXPECT_FALSE(open.canary_passed);
  EXPECT_FALSE(open.proxy_ready);
  ASSERT_EQ(open.troubles.size(), 1U);
  EXPECT_EQ(open.troubles[0].exit_message, "it is open");
  EXPECT_FALSE(decode(R"({"running":{}})", "false").canary_passed);
}

CachedPod WithActivity(const std::string& sidecar, const std::string& message = "") {
  const auto object = Parse(
      (R"({"metadata":{"name":"p"},"spec":{},"status":{"conditions":[{"type":"Ready",)"
       R"("status":"False","message":")" +
       message + R"("}],"initContainerStatuses":[{"name":"stockade-activity",)" + sidecar + "}]}}")
          .c_str());
  return *DecodePod(object.root());
}

std::string Ended(const char* which, int code, const char* when = "2026-01-01T00:00:00Z") {
  return "\"" + std::string(which) + R"(":{"terminated":{"exitCode":)" + std::to_string(code) +
         R"(,"finishedAt":")" + when + "\"}}";
}

TEST(CachedObjectsTest, PodTellsWhenItWasLastIdle) {
  EXPECT_FALSE(WithActivity(R"("state":{"running":{}})").idle_exit);
  EXPECT_FALSE(WithActivity(Ended("state", 0)).idle_exit);
  EXPECT_FALSE(WithActivity(Ended("state", 4)).idle_exit);
  const auto when = [](const CachedPod& pod) { return FormatTime(pod.idle_exit.value()); };
  EXPECT_EQ(when(WithActivity(Ended("state", 10))), "2026-01-01T00:00:00Z");
  EXPECT_EQ(when(WithActivity(R"("state":{"running":{}},)" + Ended("lastState", 10))),
            "2026-01-01T00:00:00Z");
  EXPECT_EQ(
      when(WithActivity(Ended("state", 10, "2026-01-01T00:20:00Z") + "," + Ended("lastState", 10))),
      "2026-01-01T00:20:00Z");
}

TEST(CachedObjectsTest, AnIdlePodIsInNoTroubleAndAsReadyAsItsAgent) {
  constexpr const char* kBecauseOfIt = "containers with unready status: [stockade-activity]";
  const std::string waits =
      R"("state":{"waiting":{"reason":"CrashLoopBackOff"}},)" + Ended("lastState", 10);
  const CachedPod idle = WithActivity(waits, kBecauseOfIt);
  EXPECT_TRUE(idle.troubles.empty());
  EXPECT_EQ(idle.ready, "True");
  EXPECT_EQ(WithActivity(waits, "containers with unready status: [agent stockade-activity]").ready,
            "False");
  const CachedPod broken =
      WithActivity(R"("state":{"waiting":{"reason":"CrashLoopBackOff"}},)" + Ended("lastState", 4),
                   kBecauseOfIt);
  EXPECT_EQ(broken.ready, "False");
  EXPECT_EQ(broken.troubles.size(), 1U) << "it cannot tell, and somebody has to know";
}

TEST(CachedObjectsTest, SandboxTellsWhetherItWasSuspendedForIdleness) {
  const auto decode = [](const std::string& manager, const std::string& fields) {
    const auto object =
        Parse((R"({"metadata":{"name":"a","managedFields":[{"manager":"kubectl","fieldsV1":)"
               R"({"f:spec":{"f:podTemplate":{}}}},{"manager":")" +
               manager + R"(","time":"2026-01-01T00:00:00Z","fieldsV1":)" + fields +
               R"(}]},"spec":{"podTemplate":{"spec":{}}}})")
                  .c_str());
    const auto sandbox = DecodeSandbox(object.root());
    EXPECT_TRUE(sandbox.ok()) << sandbox.status().ToString();
    return sandbox->idle_suspended;
  };
  const std::string mode = R"({"f:spec":{"f:operatingMode":{}}})";
  EXPECT_TRUE(decode("stockade-idle", mode).has_value());
  EXPECT_FALSE(decode("kubectl", mode).has_value()) << "somebody else has set it since";
  EXPECT_FALSE(decode("stockade-idle", R"({"f:spec":{}})").has_value());
}

TEST(CachedObjectsTest, ConnectionIsTheLastThatItsEventTellsOf) {
  const auto decode = [](const std::string& times) {
    return DecodeConnection(Parse((R"({"metadata":{"name":"a.1","namespace":"n"},"regarding":)"
                                   R"({"namespace":"n","name":"a","uid":"u"})" +
                                   times + "}")
                                      .c_str())
                                .root());
  };
  const auto once = decode(R"(,"eventTime":"2026-01-01T00:00:00.000000Z")");
  ASSERT_TRUE(once.ok());
  EXPECT_EQ(once->sandbox.ToString(), "n/a");
  EXPECT_EQ(once->sandbox_uid, "u");
  EXPECT_EQ(FormatTime(once->last), "2026-01-01T00:00:00Z");
  const auto repeated = decode(R"(,"eventTime":"2026-01-01T00:00:00.000000Z","series":{"count":2,)"
                               R"("lastObservedTime":"2026-01-01T00:05:00.000000Z"})");
  ASSERT_TRUE(repeated.ok());
  EXPECT_EQ(FormatTime(repeated->last), "2026-01-01T00:05:00Z");
  EXPECT_FALSE(decode("").ok());
}

TEST(LabelSelectorTest, MatchesAsKubernetesDoes) {
  struct {
    const char* selector;
    bool matches;
  } const cases[] = {
      {"{}", true},
      {R"({"matchLabels":{"app":"web"}})", true},
      {R"({"matchLabels":{"app":"db"}})", false},
      {R"({"matchLabels":{"app":"web","tier":"x"}})", false},
      {R"({"matchExpressions":[{"key":"app","operator":"In","values":["db","web"]}]})", true},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]})", false},
      // As in Kubernetes, NotIn matches where the label is missing.
      {R"({"matchExpressions":[{"key":"tier","operator":"NotIn","values":["x"]}]})", true},
      {R"({"matchExpressions":[{"key":"app","operator":"Exists"}]})", true},
      {R"({"matchExpressions":[{"key":"tier","operator":"Exists"}]})", false},
      {R"({"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]})", true},
      {R"({"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]})", false},
      {R"({"matchLabels":{"app":"web"},
           "matchExpressions":[{"key":"app","operator":"DoesNotExist"}]})",
       false},
      // An operator of a later version: taken to match.
      {R"({"matchExpressions":[{"key":"app","operator":"Resembles"}]})", true},
  };
  const api::StringMap labels = {{"app", "web"}, {"stockade.dev/sandbox", "a"}};
  for (const auto& test : cases) {
    EXPECT_EQ(api::LabelSelector(Parse(test.selector).root()).Matches(labels), test.matches)
        << test.selector;
  }
}

TEST(CompactStatusTest, GivesBackWhatItWasMadeFrom) {
  const std::string_view kStatuses[] = {
      R"(null)",
      R"({})",
      R"({"observedGeneration":3})",
      R"({"conditions":[]})",
      R"({"conditions":[{"type":"Ready","status":"True"}]})",
      R"({"conditions":[{"type":"A"},{"type":"B"}],"controls":[{"name":"x"}],"podName":"p"})",
      R"({"controls":[]})",
      R"({"conditions":"odd","controls":7,"another":null})",
      R"({"aaa":1,"conditions":[{"message":"\"\\,}"}],"zzz":[","]})",
  };
  for (const std::string_view text : kStatuses) {
    const auto status = codec::JsonDocument::Parse(text);
    ASSERT_TRUE(status.ok());
    const std::string back = CompactStatus(status->root()).text();
    EXPECT_EQ(codec::Json::parse(back), status->root().ToJson()) << back;
  }
}

TEST(CompactStatusTest, IsSharedAsFarAsItIsEqual) {
  const auto make = [](const std::string& name) {
    return CompactStatus(
        codec::ParseTrusted({{"conditions", {{{"type", "Ready"}, {"message", "of many"}}}},
                             {"controls", {{{"name", "NonRoot"}}}},
                             {"podName", name}})
            .root());
  };
  const std::size_t before = InternPool<std::string>::Global().size();
  const std::vector<CompactStatus> all = {make("a"), make("b"), make("c")};
  EXPECT_EQ(InternPool<std::string>::Global().size(), before + 2);
}

TEST(DecodeSandboxTest, TheWholeSandboxHasItsStatus) {
  const codec::Json object = {
      {"metadata", {{"name", "a"}, {"namespace", "ns"}, {"uid", "u"}, {"resourceVersion", "7"}}},
      {"spec",
       {{"podTemplate",
         {{"spec", {{"containers", {{{"name", "agent"}, {"image", "registry.example/a:1"}}}}}}}}}},
      {"status",
       {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}, {"podName", "asb-a"}}}};
  const codec::JsonDocument document = codec::ParseTrusted(object);
  const auto cached = DecodeSandbox(document.root());
  ASSERT_TRUE(cached.ok()) << cached.status().ToString();
  const api::AgentSandbox whole = cached->Whole();
  EXPECT_EQ(whole.status.ToJson(), object["status"]);
  EXPECT_EQ(whole.spec.pod_template.spec.ToJson(), object["spec"]["podTemplate"]["spec"]);
  EXPECT_EQ(whole.metadata.uid, "u");
}

// A sandbox of that generation whose container has that image.
codec::JsonDocument SandboxObject(const char* uid, int generation, const char* version,
                                  const char* image) {
  return codec::ParseTrusted(
      {{"metadata",
        {{"name", "a"},
         {"namespace", "ns"},
         {"uid", uid},
         {"generation", generation},
         {"resourceVersion", version}}},
       {"spec",
        {{"podTemplate", {{"spec", {{"containers", {{{"name", "agent"}, {"image", image}}}}}}}}}},
       {"status", {{"podName", version}}}});
}

std::string ImageOf(const CachedSandbox& cached) {
  return cached.sandbox.spec.pod_template.spec.ToJson()["containers"][0]["image"];
}

TEST(DecodeKnownSandboxTest, ASpecOfTheSameGenerationIsTheKnownOne) {
  const auto known = DecodeSandbox(SandboxObject("u", 2, "7", "registry.example/a:1").root());
  ASSERT_TRUE(known.ok());
  // Another image cannot be: it shows that the spec was not read.
  const auto later =
      DecodeKnownSandbox(SandboxObject("u", 2, "8", "registry.example/b:1").root(), *known);
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(ImageOf(*later), "registry.example/a:1");
  EXPECT_EQ(later->spec_hash, known->spec_hash);
  EXPECT_EQ(later->resource_version, 8U);
  EXPECT_EQ(later->Whole().status.ToJson()["podName"], "8");
}

TEST(DecodeKnownSandboxTest, AnotherSpecIsRead) {
  const auto known = DecodeSandbox(SandboxObject("u", 2, "7", "registry.example/a:1").root());
  ASSERT_TRUE(known.ok());
  struct Case {
    const char* uid;
    int generation;
  };
  for (const Case& other : {Case{"u", 3}, Case{"v", 2}, Case{"u", 0}}) {
    const auto later = DecodeKnownSandbox(
        SandboxObject(other.uid, other.generation, "8", "registry.example/b:1").root(), *known);
    ASSERT_TRUE(later.ok());
    EXPECT_EQ(ImageOf(*later), "registry.example/b:1") << other.uid << other.generation;
    EXPECT_NE(later->spec_hash, known->spec_hash);
  }
}

}  // namespace
}  // namespace stockade::sandbox_operator
