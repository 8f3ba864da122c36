#pragma once

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>

namespace stockade::testing {

// A certificate and its private key, in PEM.
struct TestIdentity {
  std::string certificate;
  std::string key;
};

// What a certificate of a TestAuthority says.
struct TestCertificate {
  std::string common_name = "test";
  std::string alternative_names = {};  // in OpenSSL's form, "DNS:localhost,IP:127.0.0.1"; or empty
  long begins_in_seconds = -3600;      // relative to now
  long ends_in_seconds = 24L * 3600L;  // relative to now
};

// A certificate authority of a test's own, made when it is constructed. Any failure ends the
// program: no test can go on without it. Immutable after construction.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "test authority") : key_(NewKey()) {
    TestCertificate self;
    self.common_name = name;
    certificate_ = Sign(self, key_.get(), nullptr, "critical,CA:TRUE");
  }

  // The authority's own certificate in PEM.
  [[nodiscard]] std::string certificate() const { return CertificatePem(certificate_.get()); }

  [[nodiscard]] TestIdentity Issue(const TestCertificate& wanted) const {
    const Key key = NewKey();
    return {CertificatePem(Sign(wanted, key.get(), certificate_.get(), "CA:FALSE").get()),
            KeyPem(key.get())};
  }

 private:
  template <auto Free>
  struct Freer {
    template <typename T>
    void operator()(T* pointer) const {
      Free(pointer);
    }
  };
  using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
  using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
  using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;

  static void Require(bool condition) {
    if (!condition) std::abort();
  }

  static Key NewKey() {
    Key key(EVP_EC_gen("P-256"));
    Require(key != nullptr);
    return key;
  }

  // Certificates of one issuer are told apart by it.
  static long NextSerial() {
    static std::atomic<long> next = 1;
    return next++;
  }

  // Signed by this authority; `issuer` is null for its own certificate.
  [[nodiscard]] Certificate Sign(const TestCertificate& wanted, EVP_PKEY* key, X509* issuer,
                                 const char* basic_constraints) const {
    Certificate certificate(X509_new());
    X509* const raw = certificate.get();
    Require(raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1);
    Require(ASN1_INTEGER_set(X509_get_serialNumber(raw), NextSerial()) == 1);
    Require(X509_gmtime_adj(X509_getm_notBefore(raw), wanted.begins_in_seconds) != nullptr);
    Require(X509_gmtime_adj(X509_getm_notAfter(raw), wanted.ends_in_seconds) != nullptr);
    Require(X509_set_pubkey(raw, key) == 1);
    X509_NAME* const name = X509_get_subject_name(raw);
    Require(X509_NAME_add_entry_by_txt(
                name, "CN", MBSTRING_UTF8,
                reinterpret_cast<const unsigned char*>(wanted.common_name.c_str()), -1, -1,
                0) == 1);
    Require(X509_set_issuer_name(raw, issuer == nullptr ? name : X509_get_subject_name(issuer)) ==
            1);
    AddExtension(raw, NID_basic_constraints, basic_constraints);
    if (!wanted.alternative_names.empty()) {
      AddExtension(raw, NID_subject_alt_name, wanted.alternative_names.c_str());
    }
    Require(X509_sign(raw, key_.get(), EVP_sha256()) > 0);
    return certificate;
  }

  static void AddExtension(X509* certificate, int nid, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    Require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }

  static std::string Contents(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
  }

  static std::string CertificatePem(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    Require(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return Contents(bio.get());
  }

  static std::string KeyPem(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    Require(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return Contents(bio.get());
  }

  Key key_;
  Certificate certificate_;
};

}  // namespace stockade::testing
