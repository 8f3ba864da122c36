#pragma once

// Only for the sources of this library: OpenSSL's objects as unique_ptrs, and its errors as Status.
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace stockade::pki::internal {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, Freer<GENERAL_NAME_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;

// A failure of OpenSSL itself: Internal with `what` and the last of its errors, whose queue is
// emptied.
Status Failure(std::string_view what);

// A text to be read, which must outlive it; at most kMaxPemBytes.
BioPtr ReadOnlyBio(std::string_view text);

// What was written to a memory BIO, as long as nothing else is done with it.
std::string_view Written(BIO* bio);

// The longest text that is read as PEM: what a Secret or ConfigMap can hold.
inline constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20;

// One block of PEM. Its bytes are overwritten when it goes, for it may be a key.
class PemBlock {
 public:
  // The next block of `bio`; nothing at its end. BadRequest for one that is broken or encrypted.
  static Result<std::optional<PemBlock>> Read(BIO* bio);

  [[nodiscard]] std::string_view name() const { return name_.get(); }  // "CERTIFICATE"
  [[nodiscard]] const unsigned char* data() const { return data_.get(); }
  [[nodiscard]] long size() const { return size_; }

 private:
  struct FreeText {
    void operator()(char* text) const { OPENSSL_free(text); }
  };
  struct WipeData {
    WipeData() : size(0) {}
    explicit WipeData(std::size_t bytes) : size(bytes) {}
    void operator()(unsigned char* data) const { OPENSSL_clear_free(data, size); }
    std::size_t size;
  };

  std::unique_ptr<char, FreeText> name_;
  std::unique_ptr<unsigned char, WipeData> data_;
  long size_ = 0;
};

// Nothing when the time cannot be read.
std::optional<std::chrono::system_clock::time_point> ToTimePoint(const ASN1_TIME* time);

}  // namespace stockade::pki::internal
