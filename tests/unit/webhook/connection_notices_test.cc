#include "webhook/connection_notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_cluster_view.h"

namespace stockade::webhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConnectionNoticesTest : public ::testing::Test {
 protected:
  ConnectionNoticesTest() {
    cluster_.sandboxes[{"team", "agent"}].idling_uid = "uid-agent";
    cluster_.sandboxes[{"team", "other"}].idling_uid = "uid-other";
    cluster_.sandboxes[{"team", "plain"}] = {};
    request_.operation = Operation::kConnect;
    request_.resource = "pods";
    request_.sub_resource = "exec";
    request_.namespace_name = "team";
    request_.name = "asb-agent";
    request_.user_name = "alice";
  }

  void Note(bool allowed = true) {
    AdmissionResponse answer;
    answer.allowed = allowed;
    notices_.Note(request_, answer);
  }
  [[nodiscard]] std::vector<std::string> Notes() const {
    std::vector<std::string> notes;
    for (const runtime::Event& event : told_) notes.push_back(event.note);
    return notes;
  }

  testing::FakeClusterView cluster_;
  testing::FakeClock clock_;
  std::vector<runtime::Event> told_;
  ConnectionNotices notices_{cluster_, clock_,
                             [this](runtime::Event event) { told_.push_back(std::move(event)); }};
  AdmissionRequest request_;
};

TEST_F(ConnectionNoticesTest, TellsWhoEntersAndHow) {
  Note();
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].regarding.kind, "AgentSandbox");
  EXPECT_EQ(told_[0].regarding.namespace_name, "team");
  EXPECT_EQ(told_[0].regarding.name, "agent");
  EXPECT_EQ(told_[0].regarding.uid, "uid-agent");
  EXPECT_EQ(told_[0].type, runtime::EventType::kNormal);
  EXPECT_EQ(told_[0].reason, "Connected");
  for (const char* sub_resource : {"attach", "portforward"}) {
    clock_.Advance(ConnectionNotices::kPause);
    request_.sub_resource = sub_resource;
    Note();
  }
  EXPECT_THAT(Notes(), ElementsAre("an exec by alice begins: the sandbox is in use",
                                   "an attach by alice begins: the sandbox is in use",
                                   "a port-forward by alice begins: the sandbox is in use"));
}

TEST_F(ConnectionNoticesTest, OfEachSandboxOnceInAWhile) {
  Note();
  clock_.Advance(ConnectionNotices::kPause - std::chrono::milliseconds(1));
  Note();
  EXPECT_THAT(told_, SizeIs(1));
  request_.name = "asb-other";
  Note();
  EXPECT_THAT(told_, SizeIs(2));
  request_.name = "asb-agent";
  clock_.Advance(std::chrono::milliseconds(1));
  Note();
  EXPECT_THAT(told_, SizeIs(3));
}

TEST_F(ConnectionNoticesTest, NotOfWhatIsRefusedOrTried) {
  Note(/*allowed=*/false);
  request_.dry_run = true;
  Note();
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(ConnectionNoticesTest, NotOfSandboxesThatMayBeIdleNorOfAnythingElse) {
  for (const char* name : {"asb-plain", "asb-gone", "asg-agent", "agent"}) {
    request_.name = name;
    Note();
  }
  request_.name = "asb-agent";
  request_.sub_resource = "proxy";
  Note();
  request_.sub_resource = "exec";
  request_.resource = "services";
  Note();
  request_.resource = "pods";
  request_.operation = Operation::kCreate;
  Note();
  EXPECT_THAT(told_, IsEmpty());
}

}  // namespace
}  // namespace stockade::webhook
