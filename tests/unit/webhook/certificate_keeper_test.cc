#include "webhook/certificates/certificate_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "pki/verify.h"
#include "tests/fakes/fake_clock.h"

namespace stockade::webhook {
namespace {

using codec::Json;
using std::chrono::hours;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::string kSecretPath = "/api/v1/namespaces/system/secrets/tls";
const std::string kConfigurationPath =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/";

// The few objects that a keeper reads and writes, with resourceVersions that count.
class FakeObjects {
 public:
  kube::HttpResponse Answer(const kube::HttpRequest& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (fail_writes_ > 0 && request.method != "GET") {
      --fail_writes_;
      return Failure(500, "InternalError");
    }
    if (request.method == "POST") {
      Json object = Json::parse(request.body);
      const std::string name = path + "/" + object["metadata"]["name"].get<std::string>();
      if (objects_.contains(name)) return Failure(409, "AlreadyExists");
      return Store(name, std::move(object));
    }
    const auto found = objects_.find(path);
    if (found == objects_.end()) return Failure(404, "NotFound");
    if (request.method == "GET") return {200, {}, found->second.dump()};
    Json given = Json::parse(request.body);
    if (given["metadata"]["resourceVersion"] != found->second["metadata"]["resourceVersion"]) {
      return Failure(409, "Conflict");
    }
    return Store(path, request.method == "PUT" ? std::move(given) : Merge(found->second, given));
  }

  void Put(const std::string& path, Json object) { (void)Store(path, std::move(object)); }
  void Remove(const std::string& path) { objects_.erase(path); }
  [[nodiscard]] const Json& At(const std::string& path) const { return objects_.at(path); }
  [[nodiscard]] bool Has(const std::string& path) const { return objects_.contains(path); }
  [[nodiscard]] int writes() const { return version_; }
  void FailWrites(int count) { fail_writes_ = count; }

 private:
  static kube::HttpResponse Failure(int code, const char* reason) {
    const Json status = {
        {"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", reason}};
    return {code, {}, status.dump()};
  }
  kube::HttpResponse Store(const std::string& path, Json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[path] = std::move(object);
    return {200, {}, objects_[path].dump()};
  }
  // Of a strategic merge patch what is asked for here: webhooks by their names.
  static Json Merge(Json object, const Json& patch) {
    for (const Json& changed : patch["webhooks"]) {
      for (Json& webhook : object["webhooks"]) {
        if (webhook["name"] == changed["name"]) webhook.merge_patch(changed);
      }
    }
    return object;
  }

  std::map<std::string, Json> objects_;
  int version_ = 0;
  int fail_writes_ = 0;
};

class FakeTransport final : public kube::Transport {
 public:
  explicit FakeTransport(FakeObjects& objects) : objects_(objects) {}
  Result<kube::HttpResponse> Send(const kube::HttpRequest& request) override {
    return objects_.Answer(request);
  }

 private:
  FakeObjects& objects_;
};

// One replica, and what it serves.
class Replica {
 public:
  Replica(FakeObjects& objects, const SelfManagedCertificates& options, const Clock& clock)
      : client_(std::make_unique<FakeTransport>(objects)),
        logger_(clock, LogLevel::kInfo, [](std::string_view) {}),
        keeper_(options, client_, clock, logger_, [this](std::string certificate, std::string key) {
          certificate_ = std::move(certificate);
          key_ = std::move(key);
        }) {}

  CertificateKeeper& keeper() { return keeper_; }
  [[nodiscard]] const std::string& certificate() const { return certificate_; }
  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  kube::Client client_;
  Logger logger_;
  CertificateKeeper keeper_;
  std::string certificate_;
  std::string key_;
};

class CertificateKeeperTest : public ::testing::Test {
 protected:
  CertificateKeeperTest() {
    options_.namespace_name = "system";
    options_.secret = "tls";
    options_.service = "hook";
    options_.configurations = {"first", "second", "absent"};
    PutConfiguration("first", {"a", "b"});
    PutConfiguration("second", {"c"});
  }

  void PutConfiguration(const std::string& name, const std::vector<std::string>& webhooks) {
    Json object = {{"metadata", {{"name", name}}}, {"webhooks", Json::array()}};
    for (const std::string& webhook : webhooks) {
      object["webhooks"].push_back({{"name", webhook}, {"clientConfig", {{"url", "https://a"}}}});
    }
    objects_.Put(kConfigurationPath + name, std::move(object));
  }

  // The certificates in every caBundle, which must be one and the same.
  std::vector<pki::Certificate> Trusted() {
    std::string bundle;
    for (const char* name : {"first", "second"}) {
      for (const Json& webhook : objects_.At(kConfigurationPath + name)["webhooks"]) {
        const std::string found = webhook["clientConfig"].value("caBundle", "");
        EXPECT_TRUE(bundle.empty() || bundle == found);
        bundle = found;
      }
    }
    const auto pem = DecodeBase64(bundle);
    return pem && !pem->empty() ? pki::ParseBundle(*pem).value() : std::vector<pki::Certificate>();
  }

  // What the API server thinks of a certificate when it trusts `trusted`.
  Status Judge(const std::string& certificate, const std::vector<pki::Certificate>& trusted) {
    return pki::Verify(pki::Certificate::FromPem(certificate).value(),
                       {.authorities = trusted,
                        .purpose = pki::Purpose::kServer,
                        .now = clock_.Now(),
                        .dns_name = "hook.system.svc"});
  }

  void Lead(Replica& replica) {
    const auto next = replica.keeper().Lead();
    ASSERT_TRUE(next.ok()) << next.status().ToString();
    next_ = *next;
  }
  void AdvanceToNext() { clock_.Advance(next_ - clock_.Now()); }

  FakeObjects objects_;
  testing::FakeClock clock_;
  SelfManagedCertificates options_;
  pki::TimePoint next_;
};

TEST_F(CertificateKeeperTest, MakesEverythingFromNothingInOnePass) {
  Replica leader(objects_, options_, clock_);
  Replica other(objects_, options_, clock_);
  EXPECT_EQ(other.keeper().Follow().code(), StatusCode::kNotFound);
  Lead(leader);
  EXPECT_THAT(Trusted(), SizeIs(1));
  EXPECT_TRUE(Judge(leader.certificate(), Trusted()).ok());
  EXPECT_TRUE(other.keeper().Follow().ok());
  EXPECT_EQ(other.certificate(), leader.certificate());
  EXPECT_EQ(other.key(), leader.key());
  EXPECT_EQ(next_, clock_.Now() + hours(20 * 24)) << "the leaf's last third";

  const int writes = objects_.writes();
  Lead(leader);
  EXPECT_EQ(objects_.writes(), writes) << "nothing is due";
}

// Two years of rotation with a follower that is late and an API server that is late with what it
// trusts, by nearly the overlap: what is served is always trusted.
TEST_F(CertificateKeeperTest, NothingIsServedThatIsNotTrustedInTwoYears) {
  options_.authority_lifetime = hours(30 * 24);
  options_.leaf_lifetime = hours(5 * 24);
  Replica leader(objects_, options_, clock_);
  Replica late(objects_, options_, clock_);
  Lead(leader);
  ASSERT_TRUE(late.keeper().Follow().ok());
  std::vector<pki::Certificate> late_trust = Trusted();
  std::vector<std::string> authorities;
  int leaves = 0;
  std::string leaf = leader.certificate();
  const auto judge = [&] {
    for (const Replica* replica : {&leader, &late}) {
      EXPECT_TRUE(Judge(replica->certificate(), late_trust).ok());
      EXPECT_TRUE(Judge(replica->certificate(), Trusted()).ok());
    }
  };
  for (const auto end = clock_.Now() + hours(2 * 365 * 24); clock_.Now() < end && !HasFailure();) {
    AdvanceToNext();
    Lead(leader);
    judge();
    leaves += leader.certificate() == leaf ? 0 : 1;
    leaf = leader.certificate();
    const std::string newest = Trusted().back().SerialNumber();
    if (authorities.empty() || authorities.back() != newest) authorities.push_back(newest);
    EXPECT_LE(Trusted().size(), 2U);
    // The news arrives before the overlap is over.
    clock_.Advance(options_.overlap - seconds(1));
    judge();
    ASSERT_TRUE(late.keeper().Follow().ok());
    late_trust = Trusted();
    judge();
  }
  EXPECT_GE(authorities.size(), 35U);
  EXPECT_GE(leaves, 200);
}

TEST_F(CertificateKeeperTest, PutsBackWhatSomebodyTookAway) {
  Replica leader(objects_, options_, clock_);
  Lead(leader);
  const auto before = Trusted();
  PutConfiguration("first", {"a", "b", "new"});
  Lead(leader);
  EXPECT_EQ(Trusted(), before);
  EXPECT_TRUE(Judge(leader.certificate(), Trusted()).ok());
}

TEST_F(CertificateKeeperTest, ADeletedSecretIsSucceededByOverlap) {
  Replica leader(objects_, options_, clock_);
  Lead(leader);
  const std::string old_leaf = leader.certificate();
  const auto old_trust = Trusted();
  objects_.Remove(kSecretPath);
  Lead(leader);
  EXPECT_EQ(leader.certificate(), old_leaf) << "not everybody trusts the new authority yet";
  EXPECT_THAT(Trusted(), SizeIs(2));
  Replica started(objects_, options_, clock_);
  ASSERT_TRUE(started.keeper().Follow().ok());
  EXPECT_EQ(started.certificate(), old_leaf)
      << "a replica that starts meanwhile is not left without";

  EXPECT_EQ(next_, clock_.Now() + options_.overlap);
  AdvanceToNext();
  Lead(leader);
  EXPECT_NE(leader.certificate(), old_leaf);
  EXPECT_FALSE(Judge(leader.certificate(), old_trust).ok()) << "the keys are new";
  EXPECT_TRUE(Judge(old_leaf, Trusted()).ok());
  AdvanceToNext();
  Lead(leader);
  EXPECT_THAT(Trusted(), SizeIs(1));
  EXPECT_FALSE(Judge(old_leaf, Trusted()).ok());
}

TEST_F(CertificateKeeperTest, ABrokenOrEmptiedSecretIsLikeADeletedOne) {
  for (const Json& data :
       {Json({{"authorities.json", "e30="}}), Json({{"authorities.json", "*"}}), Json::object()}) {
    objects_.Remove(kSecretPath);
    Replica leader(objects_, options_, clock_);
    Lead(leader);
    const std::string old_leaf = leader.certificate();
    Json secret = objects_.At(kSecretPath);
    secret["data"] = data;
    objects_.Put(kSecretPath, secret);
    Lead(leader);
    EXPECT_EQ(leader.certificate(), old_leaf);
    EXPECT_THAT(Trusted(), SizeIs(2)) << data;
  }
}

TEST_F(CertificateKeeperTest, AnEmptySecretIsFilledAndAStrangersIsNot) {
  objects_.Put(kSecretPath, {{"metadata", {{"name", "tls"}}}, {"type", "Opaque"}});
  Replica leader(objects_, options_, clock_);
  Lead(leader);
  EXPECT_TRUE(Judge(leader.certificate(), Trusted()).ok());

  const Json stranger = {{"metadata", {{"name", "tls"}}}, {"data", {{"tls.crt", "AAAA"}}}};
  objects_.Put(kSecretPath, stranger);
  Replica another(objects_, options_, clock_);
  EXPECT_THAT(another.keeper().Lead().status().message(),
              HasSubstr("the Secret tls: it holds something that the webhook has not made"));
  EXPECT_EQ(objects_.At(kSecretPath)["data"], stranger["data"]);
}

TEST_F(CertificateKeeperTest, OtherNamesGetANewLeaf) {
  Replica leader(objects_, options_, clock_);
  Lead(leader);
  options_.names = {"127.0.0.1", "localhost", "::1"};
  Replica next(objects_, options_, clock_);
  Lead(next);
  EXPECT_NE(next.certificate(), leader.certificate());
  const int writes = objects_.writes();
  Lead(next);
  EXPECT_EQ(objects_.writes(), writes);
}

TEST_F(CertificateKeeperTest, FailedWritesAreMadeGoodInTheNextPass) {
  for (int failing = 1; failing < 12; ++failing) {
    objects_.Remove(kSecretPath);
    Replica leader(objects_, options_, clock_);
    objects_.FailWrites(failing);
    int passes = 0;
    while (!leader.keeper().Lead().ok()) ASSERT_LT(++passes, 20);
    EXPECT_EQ(passes, failing);
    EXPECT_TRUE(Judge(leader.certificate(), Trusted()).ok());
  }
}

TEST_F(CertificateKeeperTest, TwoLeadersComeToTheSame) {
  options_.authority_lifetime = hours(30 * 24);
  options_.leaf_lifetime = hours(5 * 24);
  Replica a(objects_, options_, clock_);
  Replica b(objects_, options_, clock_);
  for (int i = 0; i < 100; ++i) {
    Lead(a);
    Lead(b);
    EXPECT_EQ(a.certificate(), b.certificate());
    EXPECT_TRUE(Judge(b.certificate(), Trusted()).ok());
    AdvanceToNext();
  }
}

TEST_F(CertificateKeeperTest, TheSecretHoldsWhatOtherProgramsExpect) {
  Replica leader(objects_, options_, clock_);
  Lead(leader);
  const Json& secret = objects_.At(kSecretPath);
  EXPECT_EQ(secret["type"], "Opaque");
  EXPECT_EQ(DecodeBase64(secret["data"]["tls.crt"].get<std::string>()), leader.certificate());
  EXPECT_EQ(DecodeBase64(secret["data"]["tls.key"].get<std::string>()), leader.key());
  EXPECT_EQ(DecodeBase64(secret["data"]["ca.crt"].get<std::string>()),
            pki::EncodeBundle(Trusted()));
}

}  // namespace
}  // namespace stockade::webhook
