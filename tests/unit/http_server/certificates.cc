#include "certificates.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace stockade::http_server {
namespace {

using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePointer = std::unique_ptr<X509, decltype(&X509_free)>;
using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

// A broken fixture ends the program: no test can say anything without it.
void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "test certificates: %s\n", what);
  std::abort();
}

KeyPointer MakeKey() {
  KeyPointer key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  Check(key != nullptr, "no key");
  return key;
}

std::string Contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string CertificatePem(X509* certificate) {
  const BioPointer bio(BIO_new(BIO_s_mem()), &BIO_free_all);
  Check(PEM_write_bio_X509(bio.get(), certificate) == 1, "no PEM of a certificate");
  return Contents(bio.get());
}

std::string KeyPem(EVP_PKEY* key) {
  const BioPointer bio(BIO_new(BIO_s_mem()), &BIO_free_all);
  Check(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "no PEM of a key");
  return Contents(bio.get());
}

void AddExtension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value), &X509_EXTENSION_free);
  Check(extension != nullptr, "no extension");
  Check(X509_add_ext(certificate, extension.get(), -1) == 1, "no room for an extension");
}

// `issuer` null: signed by itself, for an authority.
CertificatePointer MakeCertificate(const std::string& name, EVP_PKEY* key, X509* issuer,
                                   EVP_PKEY* issuer_key, std::chrono::seconds lifetime) {
  static std::atomic<long> serial = 1;
  CertificatePointer certificate(X509_new(), &X509_free);
  X509* const raw = certificate.get();
  X509_set_version(raw, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), serial++);
  const std::time_t now = std::time(nullptr);
  ASN1_TIME_set(X509_getm_notBefore(raw), now - 24 * 3600);
  ASN1_TIME_set(X509_getm_notAfter(raw), now + lifetime.count());
  X509_set_pubkey(raw, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(raw, X509_get_subject_name(issuer == nullptr ? raw : issuer));
  AddExtension(raw, issuer == nullptr ? raw : issuer, NID_basic_constraints,
               issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (issuer != nullptr) AddExtension(raw, issuer, NID_subject_alt_name, "IP:127.0.0.1");
  Check(X509_sign(raw, issuer_key, EVP_sha256()) > 0, "no signature");
  return certificate;
}

}  // namespace

struct Authority::Impl {
  explicit Impl(const std::string& name)
      : certificate(MakeCertificate(name, key.get(), nullptr, key.get(), std::chrono::hours(24))),
        pem(CertificatePem(certificate.get())) {}

  KeyPointer key = MakeKey();
  CertificatePointer certificate;
  std::string pem;
};

Authority::Authority(const std::string& name) : impl_(std::make_unique<Impl>(name)) {}

Authority::~Authority() = default;

const std::string& Authority::certificate() const { return impl_->pem; }

Identity Authority::Issue(const std::string& name, std::chrono::seconds lifetime) const {
  const KeyPointer key = MakeKey();
  const CertificatePointer certificate =
      MakeCertificate(name, key.get(), impl_->certificate.get(), impl_->key.get(), lifetime);
  return {CertificatePem(certificate.get()), KeyPem(key.get())};
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = ::testing::TempDir() + "stockade-XXXXXX";
  Check(mkdtemp(path_.data()) != nullptr, "no temporary directory");
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::Write(const std::string& name, const std::string& contents) const {
  std::ofstream(PathOf(name + ".new"), std::ios::binary) << contents;
  std::filesystem::rename(PathOf(name + ".new"), PathOf(name));
  return PathOf(name);
}

void TemporaryDirectory::Remove(const std::string& name) const {
  Check(std::filesystem::remove(PathOf(name)), "no file to remove");
}

void TemporaryDirectory::WriteIdentity(const Identity& identity) const {
  Write("tls.crt", identity.certificate);
  Write("tls.key", identity.key);
}

TlsFiles TemporaryDirectory::Files() const {
  return {.certificate_file = PathOf("tls.crt"),
          .key_file = PathOf("tls.key"),
          .client_ca_file = {},
          .poll_interval = std::chrono::milliseconds(5)};
}

}  // namespace stockade::http_server
