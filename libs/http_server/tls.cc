#include "http_server/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <ctime>
#include <string_view>
#include <utility>

#include "base/files.h"

namespace stockade::http_server::internal {
namespace {

namespace ssl = boost::asio::ssl;

// Forward secret authenticated ciphers only, for TLS 1.2; TLS 1.3 has no others.
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// An empty file would be none to OpenSSL.
Result<std::string> ReadFile(const std::string& path, std::string_view what) {
  auto contents = ReadSmallFile(path, what);
  if (contents.ok() && contents->empty()) {
    return Status(StatusCode::kBadRequest,
                  "cannot read the " + std::string(what) + " \"" + path + "\": it is empty");
  }
  return contents;
}

// `what` begins with an article.
Status Unusable(const std::string& what, const std::string& why) {
  ERR_clear_error();
  return {StatusCode::kBadRequest, what + " " + why};
}

// Takes HTTP/1.1 from what a client offers; a client that offers something else alone gets no
// answer and speaks HTTP/1.1 or goes.
int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_length,
                   const unsigned char* in, unsigned int in_length, void*) {
  static constexpr std::array<unsigned char, 9> kHttp11 = {8,   'h', 't', 't', 'p',
                                                           '/', '1', '.', '1'};
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_length, kHttp11.data(), kHttp11.size(), in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

std::chrono::system_clock::time_point ToTimePoint(const ASN1_TIME* time) {
  std::tm broken_down{};
  // A time that cannot be read counts as long past.
  if (ASN1_TIME_to_tm(time, &broken_down) != 1) return {};
  return std::chrono::system_clock::from_time_t(timegm(&broken_down));
}

void Configure(ssl::context& context) {
  SSL_CTX* const native = context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(native, kTls12Ciphers);
  SSL_CTX_set_alpn_select_cb(native, &SelectProtocol, nullptr);
  // Without one, a session that was made under a client certificate cannot be resumed.
  static constexpr std::array<unsigned char, 8> kSessionId = {'s', 't', 'o', 'c',
                                                              'k', 'a', 'd', 'e'};
  SSL_CTX_set_session_id_context(native, kSessionId.data(), kSessionId.size());
  // An encrypted key is an error, not a question at the terminal.
  SSL_CTX_set_default_passwd_cb(native, [](char*, int, int, void*) { return -1; });
}

}  // namespace

std::string CertificateSource::CertificateName() const {
  return InMemory() ? "the given certificate"
                    : "the certificate file \"" + files_.certificate_file + "\"";
}

std::string CertificateSource::KeyName() const {
  return InMemory() ? "the given key" : "the key file \"" + files_.key_file + "\"";
}

Result<CertificateSource::Contents> CertificateSource::ReadFiles() const {
  Contents contents{.certificate = given_certificate_, .key = given_key_, .client_ca = {}};
  if (!InMemory()) {
    auto certificate = ReadFile(files_.certificate_file, "certificate file");
    if (!certificate.ok()) return certificate.status();
    contents.certificate = std::move(certificate).value();
    auto key = ReadFile(files_.key_file, "key file");
    if (!key.ok()) return key.status();
    contents.key = std::move(key).value();
  }
  if (!files_.client_ca_file.empty()) {
    auto client_ca = ReadFile(files_.client_ca_file, "client CA file");
    if (!client_ca.ok()) return client_ca.status();
    contents.client_ca = std::move(client_ca).value();
  }
  return contents;
}

Status CertificateSource::Use(const Contents& contents) {
  if (contents.certificate.empty()) return Status::Ok();  // none was given yet
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  Configure(*context);
  boost::system::error_code error;
  context->use_certificate_chain(boost::asio::buffer(contents.certificate), error);
  if (error) {
    return Unusable(CertificateName(), "holds no usable PEM certificate chain: " + error.message());
  }
  context->use_private_key(boost::asio::buffer(contents.key), ssl::context::pem, error);
  if (error) {
    const bool mismatch =
        ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH;
    return Unusable(KeyName(),
                    mismatch ? "does not belong to " + CertificateName()
                             : "holds no usable, unencrypted PEM private key: " + error.message());
  }
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return Unusable(KeyName(), "does not belong to " + CertificateName());
  }
  if (!files_.client_ca_file.empty()) {
    context->add_certificate_authority(boost::asio::buffer(contents.client_ca), error);
    if (error) {
      return Unusable("the client CA file \"" + files_.client_ca_file + "\"",
                      "holds no usable PEM certificate: " + error.message());
    }
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error);
  }
  not_after_ = ToTimePoint(X509_get0_notAfter(SSL_CTX_get0_certificate(context->native_handle())));
  context_ = std::move(context);
  ERR_clear_error();
  return Status::Ok();
}

Status CertificateSource::Load() {
  auto contents = ReadFiles();
  if (!contents.ok()) return contents.status();
  tried_ = std::move(contents).value();
  return Use(tried_);
}

Result<bool> CertificateSource::Poll() {
  auto contents = ReadFiles();
  if (!contents.ok()) {
    if (contents.status().message() == unreadable_) return false;
    unreadable_ = contents.status().message();
    return contents.status();
  }
  unreadable_.clear();
  if (*contents == tried_) return false;
  tried_ = std::move(contents).value();
  if (Status status = Use(tried_); !status.ok()) return status;
  return context_ != nullptr;
}

}  // namespace stockade::http_server::internal
