#include "operator/authority_keeper.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "base/base64.h"
#include "kube/transport.h"
#include "tests/fakes/fake_clock.h"

namespace stockade::sandbox_operator {
namespace {

using codec::Json;
using std::chrono::hours;
using ::stockade::testing::FakeClock;

constexpr auto kDay = hours(24);

// An API server with room for one Secret, which minds resourceVersions.
struct OneSecret {
  std::optional<Json> secret;
  std::int64_t version = 0;
  int writes = 0;
  bool refuses = false;
};

class SecretTransport final : public kube::Transport {
 public:
  explicit SecretTransport(OneSecret& server) : server_(server) {}

  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
    if (request.method == "GET") {
      return server_.secret ? Answer(200, *server_.secret) : Answer(404, Json::object());
    }
    if (server_.refuses) return Answer(500, Json::object());
    Json wanted = Json::parse(request.body);
    if (request.method == "POST" && server_.secret) return Answer(409, Json::object());
    if (request.method == "PUT" &&
        (!server_.secret || wanted["metadata"]["resourceVersion"] !=
                                (*server_.secret)["metadata"]["resourceVersion"])) {
      return Answer(409, Json::object());
    }
    wanted["metadata"]["resourceVersion"] = std::to_string(++server_.version);
    ++server_.writes;
    server_.secret = std::move(wanted);
    return Answer(200, *server_.secret);
  }

 private:
  static kube::HttpResponse Answer(int status, const Json& body) {
    kube::HttpResponse answer;
    answer.status = status;
    answer.body = body.dump();
    return answer;
  }

  OneSecret& server_;
};

class AuthorityKeeperTest : public ::testing::Test {
 protected:
  AuthorityKeeperTest() { keeper_ = NewKeeper(); }

  std::unique_ptr<AuthorityKeeper> NewKeeper() {
    auto keeper = std::make_unique<AuthorityKeeper>(
        client_, clock_, logger_,
        AuthorityKeeper::Settings{.namespace_name = "stockade-system",
                                  .identity = {.lifetime = 180 * kDay, .overlap = kDay},
                                  .interception = {.lifetime = 730 * kDay, .overlap = 30 * kDay}});
    keeper->NotifyTo([this] { ++notified_; });
    return keeper;
  }

  void Settle() {
    const auto result = keeper_->Reconcile();
    ASSERT_TRUE(result.status.ok()) << result.status.ToString();
    ASSERT_TRUE(result.requeue_after.has_value());
  }

  OneSecret server_;
  kube::Client client_{std::make_unique<SecretTransport>(server_)};
  FakeClock clock_;
  Logger logger_{clock_, LogLevel::kError};
  int notified_ = 0;
  std::unique_ptr<AuthorityKeeper> keeper_;
};

TEST_F(AuthorityKeeperTest, MakesBothAuthoritiesInOneWrite) {
  EXPECT_EQ(keeper_->Current(), nullptr);
  EXPECT_FALSE(keeper_->LookedUp());
  Settle();
  EXPECT_TRUE(keeper_->LookedUp());
  EXPECT_EQ(server_.writes, 1);
  EXPECT_EQ(notified_, 1);
  const auto current = keeper_->Current();
  ASSERT_NE(current, nullptr);
  EXPECT_FALSE(current->identity.signer.certificate() ==
               current->interception.signer.certificate());
  EXPECT_EQ((*server_.secret)["metadata"]["name"], kAuthoritiesSecret);
}

TEST_F(AuthorityKeeperTest, WritesNothingWhileNothingIsDue) {
  Settle();
  Settle();
  clock_.Advance(10 * kDay);
  Settle();
  EXPECT_EQ(server_.writes, 1);
  EXPECT_EQ(notified_, 1);
}

TEST_F(AuthorityKeeperTest, AnotherOperatorGoesOnWithTheSameAuthorities) {
  Settle();
  const auto before = keeper_->Current();
  keeper_ = NewKeeper();
  Settle();
  EXPECT_EQ(server_.writes, 1);
  EXPECT_EQ(keeper_->Current()->identity.bundle, before->identity.bundle);
}

TEST_F(AuthorityKeeperTest, RotatesIdentitiesByOverlap) {
  Settle();
  const auto first = keeper_->Current();
  clock_.Advance(121 * kDay);  // the last third has begun
  Settle();
  const auto published = keeper_->Current();
  EXPECT_EQ(published->identity.signer.certificate(), first->identity.signer.certificate());
  EXPECT_NE(published->identity.bundle, first->identity.bundle);
  EXPECT_EQ(published->interception.bundle, first->interception.bundle);
  clock_.Advance(kDay + hours(1));
  Settle();
  const auto active = keeper_->Current();
  EXPECT_FALSE(active->identity.signer.certificate() == first->identity.signer.certificate());
  EXPECT_EQ(active->identity.bundle, published->identity.bundle);
  clock_.Advance(kDay + hours(1));
  Settle();
  EXPECT_EQ(keeper_->Current()->identity.bundle, active->identity.signer.certificate().ToPem());
}

TEST_F(AuthorityKeeperTest, TellsLongBeforeAnotherAuthorityIsShownToAgents) {
  Settle();
  const auto first = keeper_->Current();
  ASSERT_EQ(first->shown_to_agents.size(), 1U);
  EXPECT_EQ(first->shown_to_agents[0].certificate, first->interception.signer.certificate());
  clock_.Advance(490 * kDay);  // the last third has begun
  const pki::TimePoint told = clock_.Now();
  Settle();
  const auto announced = keeper_->Current();
  ASSERT_EQ(announced->shown_to_agents.size(), 2U);
  EXPECT_EQ(announced->shown_to_agents[0].certificate, first->interception.signer.certificate());
  EXPECT_EQ(announced->interception.signer.certificate(), first->interception.signer.certificate());
  EXPECT_EQ(announced->shown_to_agents[1].published, told);
  EXPECT_EQ(announced->shown_to_agents[1].signs_from, told + 30 * kDay);
  clock_.Advance(31 * kDay);
  Settle();
  const auto shown = keeper_->Current();
  ASSERT_EQ(shown->shown_to_agents.size(), 1U);
  EXPECT_EQ(shown->shown_to_agents[0].certificate, announced->shown_to_agents[1].certificate);
}

TEST_F(AuthorityKeeperTest, SecretThatIsGoneIsMadeAgainFromMemory) {
  Settle();
  const auto before = keeper_->Current();
  server_.secret.reset();
  Settle();
  EXPECT_EQ(server_.writes, 2);
  EXPECT_EQ(keeper_->Current()->identity.bundle, before->identity.bundle);
}

TEST_F(AuthorityKeeperTest, SecretThatIsNoneOfOursIsLeftAndNamed) {
  server_.secret = Json{{"metadata", {{"name", "stockade-authorities"}}},
                        {"data", {{"identity", EncodeBase64("{}")}}}};
  const auto result = keeper_->Reconcile();
  EXPECT_FALSE(result.status.ok());
  EXPECT_NE(result.status.message().find("Secret stockade-authorities: identity"),
            std::string::npos)
      << result.status.message();
  EXPECT_EQ(server_.writes, 0);
  EXPECT_EQ(keeper_->Current(), nullptr);
}

TEST_F(AuthorityKeeperTest, NothingIsSignedByAnAuthorityThatWasNotStored) {
  server_.refuses = true;
  EXPECT_FALSE(keeper_->Reconcile().status.ok());
  EXPECT_EQ(keeper_->Current(), nullptr);
  EXPECT_TRUE(keeper_->LookedUp()) << "so that it is told that there are none";
  EXPECT_EQ(notified_, 0);
}

}  // namespace
}  // namespace stockade::sandbox_operator
