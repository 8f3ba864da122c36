#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <string>

#include "server_test_base.h"

namespace stockade::http_server {
namespace {

using TlsTest = ServerTest;

TEST_F(TlsTest, ServesTls12AndTls13) {
  StartTls();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(server_->port(), {.ca = ca_.certificate(), .max_version = version});
    EXPECT_EQ(client.tls_error(), "");
    EXPECT_EQ(client.Get("/").status, 200) << version;
  }
}

TEST_F(TlsTest, RefusesOlderVersions) {
  StartTls();
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const Client client(server_->port(), {.ca = ca_.certificate(), .max_version = version});
    // The server's alert: the client was ready to speak that version.
    EXPECT_EQ(client.tls_error(), "tlsv1 alert protocol version") << version;
  }
  EXPECT_EQ(ConnectTls().Get("/").status, 200);
}

TEST_F(TlsTest, TellsPlainHttpThatThePortSpeaksHttps) {
  StartTls();
  for (const char* const request : {"GET / HTTP/1.1\r\nHost: test\r\n\r\n",
                                    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"}) {
    Client client = Connect();
    const Reply reply = client.Ask(request);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.body, "plain HTTP was sent to an HTTPS port\n");
    EXPECT_TRUE(client.IsEnded());
  }
}

TEST_F(TlsTest, ClosesWhatIsNoTlsAndGoesOn) {
  StartTls();
  for (const std::string& junk :
       {std::string(1000, '\0'), std::string(1000, '\xff'), std::string("SSH-2.0-OpenSSH_9.2\r\n"),
        std::string("\x16\x03\x01\x00\x05hello", 10), std::string("\x16\x03\x01\xff\xff", 5)}) {
    Client client = Connect();
    client.Send(junk);
    client.FinishSending();
    const std::string rest = client.ReceiveRest();
    // Nothing, or one alert record of TLS.
    EXPECT_TRUE(rest.empty() || (rest.size() == 7 && rest[0] == 21)) << rest.size();
  }
  EXPECT_EQ(ConnectTls().Get("/").status, 200);
}

TEST_F(TlsTest, IsTrustedByItsOwnAuthorityOnly) {
  StartTls();
  const Authority other("other authority");
  const Client client(server_->port(), {.ca = other.certificate()});
  EXPECT_EQ(client.tls_error(), "certificate verify failed");
  EXPECT_EQ(ConnectTls().ServerName(), "first");
}

TEST_F(TlsTest, AsksForNoClientCertificateWithoutAnAuthority) {
  StartTls();
  const Authority other("other authority");
  const Identity stranger = other.Issue("stranger");
  EXPECT_EQ(ConnectTls().Get("/").status, 200);
  Client client(server_->port(), {.ca = ca_.certificate(), .identity = &stranger});
  EXPECT_EQ(client.Get("/").status, 200);
}

TEST_F(TlsTest, ServesAnIdentityGivenInMemory) {
  StartTls(TlsFiles{});
  EXPECT_EQ(server_->CheckCertificate().message(), "there is no serving certificate yet");
  EXPECT_TRUE(Connect().IsEnded()) << "closed at once while there is none";

  const Identity first = ca_.Issue("first");
  server_->SetIdentity(first.certificate, first.key);
  ASSERT_TRUE(log_.WaitFor("serving certificate replaced"));
  EXPECT_TRUE(server_->CheckCertificate().ok());
  EXPECT_GT(server_->certificate_not_after(), std::chrono::system_clock::now());
  Client kept = ConnectTls();
  EXPECT_EQ(kept.ServerName(), "first");

  server_->SetIdentity("hello", first.key);
  ASSERT_TRUE(log_.WaitFor("new serving certificate is unusable"));
  EXPECT_EQ(ConnectTls().ServerName(), "first");

  const Identity second = ca_.Issue("second");
  server_->SetIdentity(second.certificate, second.key);
  ASSERT_TRUE(log_.WaitFor("serving certificate replaced", 2));
  EXPECT_EQ(ConnectTls().ServerName(), "second");
  EXPECT_EQ(kept.Get("/").status, 200) << "an old connection goes on";
}

TEST_F(TlsTest, AdmitsClientsOfTheAuthorityAlone) {
  const Authority client_ca("client authority");
  directory_.WriteIdentity(ca_.Issue("first"));
  TlsFiles files = directory_.Files();
  files.client_ca_file = directory_.Write("client-ca.crt", client_ca.certificate());
  StartTls(files);

  const Identity known = client_ca.Issue("kube-apiserver");
  const Identity expired = client_ca.Issue("expired", std::chrono::hours(-1));
  const Identity stranger = Authority("client authority").Issue("kube-apiserver");
  // In TLS 1.3 a client learns only after its own part of the handshake that it was refused.
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto ask = [&](const Identity* identity) {
      Client client(server_->port(),
                    {.ca = ca_.certificate(), .identity = identity, .max_version = version});
      return client.Get("/").status;
    };
    EXPECT_EQ(ask(&known), 200) << version;
    EXPECT_EQ(ask(nullptr), 0) << version;
    EXPECT_EQ(ask(&expired), 0) << version;
    EXPECT_EQ(ask(&stranger), 0) << version;
    EXPECT_EQ(ask(&known), 200) << version;
  }
}

TEST_F(TlsTest, SwapsTheCertificateWithoutDroppingConnections) {
  StartTls();
  Client old_client = ConnectTls();
  ASSERT_EQ(old_client.Get("/").status, 200);
  Client halfway = ConnectTls();
  ASSERT_TRUE(halfway.Send("GET / HTTP/1.1\r\n"));

  directory_.WriteIdentity(ca_.Issue("second"));
  ASSERT_TRUE(log_.WaitFor("serving certificate replaced"));
  Client new_client = ConnectTls();
  EXPECT_EQ(new_client.ServerName(), "second");
  EXPECT_EQ(new_client.Get("/").status, 200);
  EXPECT_EQ(old_client.ServerName(), "first");
  EXPECT_EQ(old_client.Get("/").status, 200);
  ASSERT_TRUE(halfway.Send("Host: test\r\n\r\n"));
  EXPECT_EQ(halfway.Receive().status, 200);
}

TEST_F(TlsTest, KeepsTheCertificateWhileTheNewOneIsIncomplete) {
  StartTls();
  const Identity second = ca_.Issue("second");
  directory_.Write("tls.crt", second.certificate);
  ASSERT_TRUE(log_.WaitFor("does not belong to the certificate"));
  EXPECT_EQ(ConnectTls().ServerName(), "first");
  directory_.Write("tls.key", second.key);
  ASSERT_TRUE(log_.WaitFor("serving certificate replaced"));
  EXPECT_EQ(ConnectTls().ServerName(), "second");
  EXPECT_EQ(log_.Count("new serving certificate is unusable"), 1U) << "said once, not at each poll";
}

TEST_F(TlsTest, KeepsTheCertificateWhenItsFileGoes) {
  StartTls();
  directory_.Remove("tls.crt");
  ASSERT_TRUE(log_.WaitFor("cannot read the certificate file"));
  EXPECT_EQ(ConnectTls().ServerName(), "first");
  EXPECT_TRUE(server_->CheckCertificate().ok());
}

TEST_F(TlsTest, SaysThatItsCertificateHasExpiredUntilThereIsANewOne) {
  directory_.WriteIdentity(ca_.Issue("expired", std::chrono::hours(-1)));
  StartTls(directory_.Files());
  const Status expired = server_->CheckCertificate();
  EXPECT_EQ(expired.code(), StatusCode::kUnavailable);
  EXPECT_NE(expired.message().find("the serving certificate expired at "), std::string::npos);
  const auto expired_at = server_->certificate_not_after();
  directory_.WriteIdentity(ca_.Issue("second"));
  EXPECT_TRUE(Eventually([this] { return server_->CheckCertificate().ok(); }));
  EXPECT_GT(server_->certificate_not_after(), expired_at);
}

TEST_F(TlsTest, PlainServerHasNoCertificateToExpire) {
  Start();
  EXPECT_TRUE(server_->CheckCertificate().ok());
}

}  // namespace
}  // namespace stockade::http_server
