#include "pki/private_key.h"

#include <cstring>
#include <optional>

#include "pki/openssl.h"

namespace stockade::pki {
namespace {

using internal::Failure;
using internal::PemBlock;

constexpr std::string_view kGroup = "prime256v1";  // OpenSSL's name of P-256

Status WrongKey(std::string_view what) {
  return {StatusCode::kBadRequest,
          "the private key " + std::string(what) +
              "; an ECDSA key on P-256 is made by: openssl genpkey -algorithm EC -pkeyopt "
              "ec_paramgen_curve:P-256"};
}

bool IsOnP256(EVP_PKEY* key) {
  char group[64] = "";
  std::size_t length = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof(group), &length) == 1 &&
         std::string_view(group, length) == kGroup;
}

// The one block of the text.
Result<PemBlock> OnlyBlock(std::string_view pem) {
  if (pem.size() > internal::kMaxPemBytes) {
    return Status(StatusCode::kBadRequest, "the private key is larger than 1 MiB");
  }
  const internal::BioPtr bio = internal::ReadOnlyBio(pem);
  if (bio == nullptr) return Failure("reading a private key");
  auto first = PemBlock::Read(bio.get());
  if (!first.ok()) return first.status();
  if (!*first) {
    return Status(StatusCode::kBadRequest,
                  "there is no PEM block; a key begins with -----BEGIN PRIVATE KEY-----");
  }
  auto second = PemBlock::Read(bio.get());
  if (!second.ok()) return second.status();
  if (*second) {
    return Status(StatusCode::kBadRequest,
                  "there is more than one PEM block; keep the private key on its own");
  }
  return std::move(**first);
}

}  // namespace

SecretText::SecretText(std::string_view text)
    : data_(std::make_unique<char[]>(text.size())), size_(text.size()) {
  if (!text.empty()) std::memcpy(data_.get(), text.data(), text.size());
}

SecretText::~SecretText() {
  if (data_) OPENSSL_cleanse(data_.get(), size_);
}

SecretText::SecretText(SecretText&& other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this == &other) return *this;
  if (data_) OPENSSL_cleanse(data_.get(), size_);
  data_ = std::move(other.data_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Wipe(std::string& text) {
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

Result<PrivateKey> PrivateKey::Generate() {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  if (key == nullptr) return Failure("generating a key");
  return PrivateKey(std::move(key));
}

Result<PrivateKey> PrivateKey::FromPem(std::string_view pem) {
  const auto block = OnlyBlock(pem);
  if (!block.ok()) return block.status();
  if (block->name() != "PRIVATE KEY") {
    return Status(StatusCode::kBadRequest,
                  "the PEM block is \"" + std::string(block->name()) +
                      "\" and must be \"PRIVATE KEY\" (PKCS#8, not encrypted); other forms are "
                      "converted by: openssl pkcs8 -topk8 -nocrypt");
  }
  const unsigned char* position = block->data();
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, internal::Freer<PKCS8_PRIV_KEY_INFO_free>> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &position, block->size()));
  if (info == nullptr || position != block->data() + block->size()) {
    (void)Failure("decoding");  // empties OpenSSL's queue of errors
    return WrongKey("cannot be decoded");
  }
  std::shared_ptr<EVP_PKEY> key(EVP_PKCS82PKEY(info.get()), EVP_PKEY_free);
  if (key == nullptr || !IsOnP256(key.get())) {
    (void)Failure("decoding");
    return WrongKey("is of another kind");
  }
  const internal::KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_check(context.get()) != 1) {
    (void)Failure("checking");
    return WrongKey("is not valid");
  }
  return PrivateKey(std::move(key));
}

Result<SecretText> PrivateKey::ToPem() const {
  // A memory BIO overwrites what it held.
  const internal::BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) != 1) {
    return Failure("writing a private key");
  }
  return SecretText(internal::Written(bio.get()));
}

}  // namespace stockade::pki
