#include "operator/pod_metadata.h"

#include <gtest/gtest.h>

#include "api/names.h"

namespace stockade::sandbox_operator {
namespace {

codec::Json Rendered(const api::StringMap& template_labels) {
  codec::Json pod = {{"metadata", {{"labels", template_labels}, {"annotations", {{"a", "1"}}}}},
                     {"spec", codec::Json::object()}};
  pod["metadata"]["labels"]["stockade.dev/sandbox"] = "x";
  pod["metadata"]["annotations"][std::string(api::kSpecHashAnnotation)] = "new-hash";
  api::PodTemplate pod_template;
  pod_template.labels = template_labels;
  pod_template.annotations = {{"a", "1"}};
  AnnotateRenderedPod(pod, pod_template);
  return pod;
}

CachedPod LiveFrom(const codec::Json& rendered) {
  CachedPod pod;
  pod.labels = rendered["metadata"]["labels"].get<api::StringMap>();
  pod.annotations = rendered["metadata"]["annotations"].get<api::StringMap>();
  return pod;
}

void Annotate(CachedPod& pod, std::string_view key, const std::string& value) {
  api::StringMap annotations = *pod.annotations;
  annotations.insert_or_assign(std::string(key), value);
  pod.annotations = annotations;
}

TEST(PodMetadataTest, NothingDiffersNothingIsPatched) {
  const codec::Json rendered = Rendered({{"app", "web"}});
  EXPECT_EQ(MetadataPatch(LiveFrom(rendered), rendered), std::nullopt);
}

TEST(PodMetadataTest, RestoresALabelThatWasTakenOff) {
  const codec::Json rendered = Rendered({});
  CachedPod live = LiveFrom(rendered);
  live.labels.erase("stockade.dev/sandbox");
  const auto patch = MetadataPatch(live, rendered);
  ASSERT_TRUE(patch.has_value());
  EXPECT_EQ(*patch, codec::Json::parse(R"({"metadata":{"labels":{"stockade.dev/sandbox":"x"}}})"));
}

TEST(PodMetadataTest, RemovesWhatTheTemplateNoLongerNamesAndKeepsWhatOthersAdded) {
  CachedPod live = LiveFrom(Rendered({{"app", "web"}, {"old", "1"}}));
  live.labels["topology.kubernetes.io/zone"] = "z1";
  const auto patch = MetadataPatch(live, Rendered({{"app", "web"}}));
  ASSERT_TRUE(patch.has_value());
  EXPECT_EQ((*patch)["metadata"]["labels"], codec::Json::parse(R"({"old":null})"));
}

TEST(PodMetadataTest, LeavesTheDigestsOfTheLivePodAlone) {
  const codec::Json rendered = Rendered({});
  CachedPod live = LiveFrom(rendered);
  Annotate(live, api::kSpecHashAnnotation, "old-hash");
  Annotate(live, api::kFingerprintAnnotation, "old-fingerprint");
  EXPECT_EQ(MetadataPatch(live, rendered), std::nullopt);
}

TEST(PodMetadataTest, SurvivesARecordThatSomebodyBroke) {
  const codec::Json rendered = Rendered({});
  CachedPod live = LiveFrom(rendered);
  Annotate(live, api::kTemplateKeysAnnotation, "}{");
  const auto patch = MetadataPatch(live, rendered);
  ASSERT_TRUE(patch.has_value());
  EXPECT_TRUE(
      (*patch)["metadata"]["annotations"].contains(std::string(api::kTemplateKeysAnnotation)));
}

}  // namespace
}  // namespace stockade::sandbox_operator
