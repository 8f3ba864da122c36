#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "pki/private_key.h"

struct x509_st;  // OpenSSL's X509

namespace stockade::pki {

using TimePoint = std::chrono::system_clock::time_point;

// A certificate that was read or made. Immutable; copies share it. Safe to share between threads.
class Certificate {
 public:
  // From a text with exactly one PEM block "CERTIFICATE"; BadRequest says what there is instead.
  static Result<Certificate> FromPem(std::string_view pem);
  [[nodiscard]] std::string ToPem() const;

  [[nodiscard]] TimePoint not_before() const { return not_before_; }
  [[nodiscard]] TimePoint not_after() const { return not_after_; }
  // The subject's common name; empty for the leaves that this library makes.
  [[nodiscard]] std::string CommonName() const;
  // Of the subject's alternative names.
  [[nodiscard]] std::vector<std::string> DnsNames() const;
  [[nodiscard]] std::vector<std::string> IpAddresses() const;  // as inet_ntop writes them
  [[nodiscard]] std::vector<std::string> Uris() const;
  // In hexadecimal, upper case as OpenSSL prints it.
  [[nodiscard]] std::string SerialNumber() const;
  // SHA-256 of the whole certificate, 64 hexadecimal digits.
  [[nodiscard]] std::string Fingerprint() const;
  // Basic constraints say that it may sign others.
  [[nodiscard]] bool IsAuthority() const;
  [[nodiscard]] bool Matches(const PrivateKey& key) const;

  bool operator==(const Certificate& other) const;

  // For the sources of this library.
  [[nodiscard]] x509_st* native() const { return certificate_.get(); }
  // Takes a certificate of OpenSSL's; BadRequest when its times cannot be read.
  static Result<Certificate> Adopt(std::shared_ptr<x509_st> certificate);

 private:
  Certificate(std::shared_ptr<x509_st> certificate, TimePoint not_before, TimePoint not_after)
      : certificate_(std::move(certificate)), not_before_(not_before), not_after_(not_after) {}

  [[nodiscard]] std::vector<std::string> AlternativeNames(int kind) const;

  std::shared_ptr<x509_st> certificate_;
  TimePoint not_before_;
  TimePoint not_after_;
};

// More than this is no bundle of authorities of a product.
inline constexpr std::size_t kMaxBundleCertificates = 256;

// The certificates of a PEM text of at most 1 MiB, in its order, each once; text between blocks is
// skipped, as everywhere. BadRequest when there is none, for a block that is broken or no
// certificate (a private key in a bundle is about to be published), and for too many.
Result<std::vector<Certificate>> ParseBundle(std::string_view pem);
// The PEM of all of them, in order.
[[nodiscard]] std::string EncodeBundle(std::span<const Certificate> certificates);

}  // namespace stockade::pki
