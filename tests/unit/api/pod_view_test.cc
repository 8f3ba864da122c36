#include "api/pod_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace stockade::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kPod = R"({
  "metadata": {"name": "p"},
  "spec": {
    "ephemeralContainers": [{"name": "debug", "image": "e"}],
    "containers": [{"name": "agent", "image": "a", "securityContext": {"privileged": true}},
                   {"name": "tools"}],
    "initContainers": [{"name": "prepare"},
                       {"name": "proxy", "restartPolicy": "Always"},
                       {"name": "other", "restartPolicy": "always"},
                       {"name": "exact", "restartPolicy": "OnFailure"}],
    "securityContext": {"runAsUser": 1}}})";

class PodViewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto document = codec::JsonDocument::Parse(kPod);
    ASSERT_TRUE(document.ok());
    document_.emplace(std::move(document).value());
  }
  [[nodiscard]] PodView View(std::string_view path) const { return {document_->root(), path}; }

  std::optional<codec::JsonDocument> document_;
};

TEST_F(PodViewTest, VisitsEveryContainerInEveryPosition) {
  std::vector<std::string> names;
  std::vector<ContainerPosition> positions;
  View("").ForEachContainer([&](const ContainerView& container) {
    names.emplace_back(container.name());
    positions.push_back(container.position());
  });
  EXPECT_THAT(names, ElementsAre("prepare", "proxy", "other", "exact", "agent", "tools", "debug"));
  EXPECT_THAT(positions, ElementsAre(ContainerPosition::kInit, ContainerPosition::kSidecar,
                                     ContainerPosition::kInit, ContainerPosition::kInit,
                                     ContainerPosition::kOrdinary, ContainerPosition::kOrdinary,
                                     ContainerPosition::kEphemeral));
}

TEST_F(PodViewTest, PathsAreThoseOfKubernetes) {
  std::vector<std::string> paths;
  View("spec.podTemplate").ForEachContainer([&paths](const ContainerView& container) {
    paths.push_back(container.Path("image"));
  });
  EXPECT_THAT(paths, ElementsAre("spec.podTemplate.spec.initContainers[0].image",
                                 "spec.podTemplate.spec.initContainers[1].image",
                                 "spec.podTemplate.spec.initContainers[2].image",
                                 "spec.podTemplate.spec.initContainers[3].image",
                                 "spec.podTemplate.spec.containers[0].image",
                                 "spec.podTemplate.spec.containers[1].image",
                                 "spec.podTemplate.spec.ephemeralContainers[0].image"));
  EXPECT_EQ(View("spec.podTemplate").Path("spec.hostPID"), "spec.podTemplate.spec.hostPID");
}

TEST_F(PodViewTest, PathsOfAPodBeginAtItsRoot) {
  std::vector<std::string> paths;
  View("").ForEachContainer(
      [&paths](const ContainerView& container) { paths.push_back(container.Path()); });
  EXPECT_EQ(paths.front(), "spec.initContainers[0]");
  EXPECT_EQ(paths.back(), "spec.ephemeralContainers[0]");
  EXPECT_EQ(View("").Path("spec.hostPID"), "spec.hostPID");
}

TEST_F(PodViewTest, GivesTheParts) {
  const PodView pod = View("");
  EXPECT_EQ(pod.metadata()["name"].StringOrEmpty(), "p");
  EXPECT_EQ(pod.securityContext()["runAsUser"].AsInt(), 1);
  std::vector<std::string> images;
  pod.ForEachContainer([&images](const ContainerView& container) {
    images.emplace_back(container.image());
    if (container.name() == "agent") {
      EXPECT_TRUE(container.securityContext()["privileged"].IsTrue());
      EXPECT_EQ(container["image"].StringOrEmpty(), "a");
      EXPECT_EQ(container.json().size(), 3U);
      EXPECT_EQ(container.index(), 0U);
    }
  });
  EXPECT_THAT(images, ElementsAre("", "", "", "", "a", "", "e"));
}

TEST(PodViewWithoutPodTest, HasNoContainers) {
  for (const char* text : {"null", "{}", "[]", R"({"spec": null})",
                           R"({"spec": {"containers": {}}})", R"({"spec": {"containers": "x"}})"}) {
    const auto document = codec::JsonDocument::Parse(text);
    ASSERT_TRUE(document.ok());
    std::vector<std::string> names;
    PodView(document->root(), "").ForEachContainer([&names](const ContainerView& container) {
      names.emplace_back(container.name());
    });
    EXPECT_THAT(names, IsEmpty()) << text;
  }
}

TEST(PodViewWithOddContainersTest, VisitsThemAllTheSame) {
  const auto document =
      codec::JsonDocument::Parse(R"({"spec": {"containers": [null, 5, "x", {"name": 5}]}})");
  ASSERT_TRUE(document.ok());
  int count = 0;
  PodView(document->root(), "").ForEachContainer([&count](const ContainerView& container) {
    EXPECT_EQ(container.name(), "");
    ++count;
  });
  EXPECT_EQ(count, 4);
}

}  // namespace
}  // namespace stockade::api
