#include "pki/certificate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "pki/openssl.h"

namespace stockade::pki {
namespace {

using internal::Failure;
using internal::PemBlock;

Status BadCertificate(const std::string& why) { return {StatusCode::kBadRequest, why}; }

Result<Certificate> Decode(const PemBlock& block) {
  if (block.name() != "CERTIFICATE") {
    return BadCertificate("there is a PEM block \"" + std::string(block.name()) +
                          "\" where only \"CERTIFICATE\" belongs; take it out");
  }
  const unsigned char* position = block.data();
  std::shared_ptr<X509> certificate(d2i_X509(nullptr, &position, block.size()), X509_free);
  if (certificate == nullptr || position != block.data() + block.size()) {
    (void)Failure("decoding");  // empties OpenSSL's queue of errors
    return BadCertificate("a PEM block \"CERTIFICATE\" holds no certificate");
  }
  return Certificate::Adopt(std::move(certificate));
}

std::string_view TextOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string AddressText(const ASN1_OCTET_STRING* address) {
  const std::string_view bytes = TextOf(address);
  char text[INET6_ADDRSTRLEN] = "";
  if (bytes.size() != 4 && bytes.size() != 16) return {};
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof(text));
  return text;
}

}  // namespace

Result<Certificate> Certificate::Adopt(std::shared_ptr<x509_st> certificate) {
  const auto begin = internal::ToTimePoint(X509_get0_notBefore(certificate.get()));
  const auto end = internal::ToTimePoint(X509_get0_notAfter(certificate.get()));
  if (!begin || !end) return BadCertificate("a certificate's time of validity cannot be read");
  return Certificate(std::move(certificate), *begin, *end);
}

Result<Certificate> Certificate::FromPem(std::string_view pem) {
  auto certificates = ParseBundle(pem);
  if (!certificates.ok()) return certificates.status();
  if (certificates->size() != 1) {
    return BadCertificate("there are " + std::to_string(certificates->size()) +
                          " certificates where one belongs");
  }
  return std::move(certificates->front());
}

std::string Certificate::ToPem() const {
  const internal::BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), native()) != 1) return {};
  return std::string(internal::Written(bio.get()));
}

std::string Certificate::CommonName() const {
  const X509_NAME* const subject = X509_get_subject_name(native());
  const int position = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (position < 0) return {};
  return std::string(TextOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, position))));
}

std::vector<std::string> Certificate::AlternativeNames(int kind) const {
  std::vector<std::string> result;
  const internal::GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(native(), NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return result;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int found = 0;
    const auto* value = static_cast<ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &found));
    if (found != kind) continue;
    result.push_back(kind == GEN_IPADD ? AddressText(value) : std::string(TextOf(value)));
  }
  return result;
}

std::vector<std::string> Certificate::DnsNames() const { return AlternativeNames(GEN_DNS); }
std::vector<std::string> Certificate::IpAddresses() const { return AlternativeNames(GEN_IPADD); }
std::vector<std::string> Certificate::Uris() const { return AlternativeNames(GEN_URI); }

std::string Certificate::SerialNumber() const {
  const internal::BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(native()), nullptr));
  if (number == nullptr) return {};
  char* const text = BN_bn2hex(number.get());
  if (text == nullptr) return {};
  std::string result(text);
  OPENSSL_free(text);
  return result;
}

std::string Certificate::Fingerprint() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(native(), &bytes);
  if (size <= 0) return {};
  std::string digest =
      Sha256Hex({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
  OPENSSL_free(bytes);
  return digest;
}

bool Certificate::IsAuthority() const { return X509_check_ca(native()) == 1; }

bool Certificate::Matches(const PrivateKey& key) const {
  const EVP_PKEY* const own = X509_get0_pubkey(native());
  const bool equal = own != nullptr && EVP_PKEY_eq(own, key.native()) == 1;
  if (!equal) (void)Failure("comparing");
  return equal;
}

bool Certificate::operator==(const Certificate& other) const {
  return X509_cmp(native(), other.native()) == 0;
}

Result<std::vector<Certificate>> ParseBundle(std::string_view pem) {
  if (pem.size() > internal::kMaxPemBytes) {
    return BadCertificate("the certificates are larger than 1 MiB");
  }
  const internal::BioPtr bio = internal::ReadOnlyBio(pem);
  if (bio == nullptr) return Failure("reading certificates");
  std::vector<Certificate> certificates;
  for (;;) {
    const auto block = PemBlock::Read(bio.get());
    if (!block.ok()) return block.status();
    if (!*block) break;
    auto certificate = Decode(**block);
    if (!certificate.ok()) return certificate.status();
    if (std::ranges::find(certificates, *certificate) != certificates.end()) continue;
    if (certificates.size() == kMaxBundleCertificates) {
      return BadCertificate("there are more than " + std::to_string(kMaxBundleCertificates) +
                            " certificates");
    }
    certificates.push_back(std::move(certificate).value());
  }
  if (certificates.empty()) {
    return BadCertificate("there is no certificate; one begins with -----BEGIN CERTIFICATE-----");
  }
  return certificates;
}

std::string EncodeBundle(std::span<const Certificate> certificates) {
  std::string text;
  for (const Certificate& certificate : certificates) text += certificate.ToPem();
  return text;
}

}  // namespace stockade::pki
