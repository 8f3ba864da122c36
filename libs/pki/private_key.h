#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace stockade::pki {

// Text that holds a private key. Its bytes are overwritten when it goes; whoever makes a copy of
// view() has to see to that one. Move-only, for one thread at a time.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string_view text);
  ~SecretText();
  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
};

// Overwrites a text that held a private key, its spare room included.
void Wipe(std::string& text);

// An ECDSA key on P-256, the one kind that this project makes. Immutable; copies share the key,
// which OpenSSL overwrites when the last of them goes. Safe to share between threads.
class PrivateKey {
 public:
  static Result<PrivateKey> Generate();

  // From one PEM block "PRIVATE KEY" (PKCS#8, not encrypted) with nothing beside it. BadRequest
  // says what there is instead; nothing of the text is in the message.
  static Result<PrivateKey> FromPem(std::string_view pem);
  [[nodiscard]] Result<SecretText> ToPem() const;

  // For the sources of this library.
  [[nodiscard]] evp_pkey_st* native() const { return key_.get(); }

 private:
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace stockade::pki
