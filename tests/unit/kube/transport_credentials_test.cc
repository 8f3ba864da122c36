// The part of the transports' conformance test that is about credentials that change under way.
#include <gtest/gtest.h>

#include "tests/unit/kube/exec_fixture.h"
#include "tests/unit/kube/transport_fixture.h"

namespace stockade::kube {
namespace {

using testing::Exchange;
using testing::ServerOptions;
using testing::TestAuthority;
using testing::TestIdentity;

class TransportCredentialsTest : public TransportTest {
 protected:
  // A server that asks for client certificates and answers with the client's name.
  void StartNamingServer() {
    ServerOptions options;
    options.identity = authority_.Issue({.alternative_names = "IP:127.0.0.1"});
    options.client_authority = authority_.certificate();
    options.handler = [](Exchange& exchange) {
      exchange.Respond(200, exchange.request().client_name);
    };
    StartServer(std::move(options));
  }
  // A server that accepts one token only.
  void StartServerFor(const std::string& token) {
    StartServer([token](Exchange& exchange) {
      const bool good = exchange.request().Header("authorization") == "Bearer " + token;
      exchange.Respond(good ? 200 : 401, "");
    });
  }

  [[nodiscard]] TestIdentity Issue(const std::string& name) const {
    return authority_.Issue({.common_name = name});
  }
  void UsePlugin() { config_.exec_plugin = fake_.Make(); }
  [[nodiscard]] std::unique_ptr<Transport> MakeWithClock() const { return Make({fake_.clock()}); }
  static std::string Get(Transport& transport) { return Text(transport.Send(Request("GET", "/"))); }

  FakePlugin fake_;
};

TEST_P(TransportCredentialsTest, NewCertificateFilesMakeNewConnections) {
  StartNamingServer();
  const testing::TemporaryDirectory& directory = fake_.directory();
  const TestIdentity one = Issue("one");
  config_.client_certificate_pem = one.certificate;
  config_.client_key_pem = one.key;
  config_.client_certificate_file = directory.Write("client.crt", one.certificate);
  config_.client_key_file = directory.Write("client.key", one.key);
  const auto transport = MakeWithClock();
  EXPECT_EQ(Get(*transport), "200 one");
  const TestIdentity two = Issue("two");
  directory.Write("client.crt", two.certificate);
  EXPECT_EQ(Get(*transport), "200 one");
  fake_.clock()->Advance(std::chrono::minutes(1));
  EXPECT_EQ(Get(*transport), "200 one") << "the key is not there yet";
  directory.Write("client.key", two.key);
  fake_.clock()->Advance(std::chrono::minutes(1));
  // Also no connection that was kept shows the old one.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Get(*transport), "200 two");
}

TEST_P(TransportCredentialsTest, ANewAuthorityIsTrustedInPlaceOfTheOldOne) {
  StartServer([](Exchange& exchange) { exchange.Respond(200, "{}"); });
  config_.ca_file = fake_.directory().Write("ca.crt", config_.ca_pem);
  const auto transport = MakeWithClock();
  EXPECT_EQ(Get(*transport), "200 {}");
  const TestAuthority other;
  fake_.directory().Write("ca.crt", other.certificate());
  fake_.clock()->Advance(std::chrono::minutes(1));
  EXPECT_EQ(Get(*transport), "Unavailable");
  fake_.directory().Write("ca.crt", authority_.certificate());
  fake_.clock()->Advance(std::chrono::minutes(1));
  EXPECT_EQ(Get(*transport), "200 {}");
}

TEST_P(TransportCredentialsTest, SendsThePluginsTokenAndWaitsForTheFirst) {
  StartServerFor("one");
  fake_.PrintsToken("one");
  UsePlugin();
  const auto transport = MakeWithClock();
  EXPECT_EQ(Get(*transport), "200 ");
  EXPECT_EQ(Get(*transport), "200 ");
  EXPECT_EQ(fake_.runs(), 1);
}

TEST_P(TransportCredentialsTest, A401RenewsThePluginsTokenOnce) {
  StartServerFor("two");
  fake_.PrintsToken("one");
  UsePlugin();
  ASSERT_TRUE(config_.exec_plugin->Prepare().ok());
  const auto transport = MakeWithClock();
  EXPECT_EQ(Get(*transport), "401 ");
  EXPECT_EQ(Get(*transport), "401 ");
  EXPECT_EQ(fake_.runs(), 1) << "the token is too young";
  fake_.PrintsToken("two");
  fake_.clock()->Advance(ExecPlugin::kPause);
  EXPECT_EQ(Get(*transport), "401 ");
  EXPECT_TRUE(Until([&] { return Get(*transport) == "200 "; }));
  EXPECT_EQ(fake_.runs(), 2);
}

TEST_P(TransportCredentialsTest, ShowsThePluginsClientCertificate) {
  StartNamingServer();
  codec::Json status = FakePlugin::Certificate(Issue("one"));
  status["expirationTimestamp"] = FormatTime(fake_.clock()->Now() + std::chrono::minutes(10));
  fake_.Prints(FakePlugin::Answer(status));
  UsePlugin();
  const auto transport = MakeWithClock();
  EXPECT_EQ(Get(*transport), "200 one");
  fake_.Prints(FakePlugin::Answer(FakePlugin::Certificate(Issue("two"))));
  fake_.clock()->Advance(std::chrono::minutes(10));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Get(*transport), "200 two");
  EXPECT_EQ(fake_.runs(), 2);
}

TEST_P(TransportCredentialsTest, IsUnavailableWithThePluginsErrorWhenThereIsNoCredential) {
  StartServerFor("one");
  fake_.Prints("junk");
  UsePlugin();
  const auto response = MakeWithClock()->Send(Request("GET", "/"));
  EXPECT_EQ(Text(response), "Unavailable");
  EXPECT_NE(response.status().message().find("users[u].user.exec"), std::string::npos)
      << response.status().message();
  EXPECT_TRUE(server_->Received().empty());
}

TEST_P(TransportCredentialsTest, WaitsForThePluginNoLongerThanItsDeadline) {
  StartServerFor("one");
  config_.exec_plugin = std::make_shared<ExecPlugin>(FakePlugin::Script("exec sleep 1000"));
  HttpRequest request = Request("GET", "/");
  request.deadline = std::chrono::milliseconds(50);
  const auto response = MakeWithClock()->Send(request);
  EXPECT_EQ(Text(response), "Unavailable");
  EXPECT_NE(response.status().message().find("is still being run"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(All, TransportCredentialsTest, ::testing::ValuesIn(kTransports),
                         TransportName);

}  // namespace
}  // namespace stockade::kube
