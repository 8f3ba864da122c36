#include "kube/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"

namespace stockade::kube {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown reason";
}

Status BadRequest(std::string message) { return {StatusCode::kBadRequest, std::move(message)}; }

// OpenSSL would ask on the terminal for an encrypted key's password.
int RefusePassword(char*, int, int, void*) { return -1; }

BioPtr Memory(const std::string& text) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Every certificate of a PEM text, which must hold at least one.
Result<std::vector<X509Ptr>> ParseCertificates(const std::string& pem, const std::string& what) {
  const BioPtr bio = Memory(pem);
  std::vector<X509Ptr> certificates;
  while (bio) {
    X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, RefusePassword, nullptr));
    if (!certificate) break;
    certificates.push_back(std::move(certificate));
  }
  const unsigned long error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end) return BadRequest(what + " is not valid PEM: " + OpenSslReason());
  ERR_clear_error();
  if (certificates.empty()) return BadRequest(what + " holds no PEM certificate");
  return certificates;
}

Status UseAuthorities(SSL_CTX* context, const std::string& ca_pem) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  // As Go does: a configured certificate is trusted as it is, self-signed or not.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  if (ca_pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) {
      return BadRequest("the system's certificate authorities cannot be read: " + OpenSslReason());
    }
    return Status::Ok();
  }
  Result<std::vector<X509Ptr>> authorities = ParseCertificates(ca_pem, "certificate authority");
  if (!authorities.ok()) return authorities.status();
  for (const X509Ptr& authority : *authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1) {
      return BadRequest("certificate authority cannot be used: " + OpenSslReason());
    }
  }
  return Status::Ok();
}

Status UseClientCertificate(SSL_CTX* context, const std::string& certificate_pem,
                            const std::string& key_pem) {
  if (certificate_pem.empty() && key_pem.empty()) return Status::Ok();
  if (key_pem.empty()) return BadRequest("a client certificate needs its key");
  if (certificate_pem.empty()) return BadRequest("a client key needs its certificate");
  Result<std::vector<X509Ptr>> chain = ParseCertificates(certificate_pem, "client certificate");
  if (!chain.ok()) return chain.status();
  const BioPtr bio = Memory(key_pem);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, RefusePassword, nullptr));
  if (!key) return BadRequest("client key cannot be used: " + OpenSslReason());
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) {
    return BadRequest("client certificate cannot be used: " + OpenSslReason());
  }
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) {
      return BadRequest("client certificate cannot be used: " + OpenSslReason());
    }
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return BadRequest("client certificate and key do not belong together: " + OpenSslReason());
  }
  return Status::Ok();
}

Status UseServerName(SSL_CTX* context, const std::string& name) {
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(context);
  // Subject alternative names only, as browsers and Go do.
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int accepted = IsIpAddress(name)
                           ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str())
                           : X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size());
  if (name.empty() || accepted != 1) return BadRequest("\"" + name + "\" is no name of a server");
  return Status::Ok();
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Make(const ConnectionConfig& config) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return Status(StatusCode::kInternal, "no TLS context: " + OpenSslReason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  if (Status status = UseAuthorities(context.get(), config.ca_pem); !status.ok()) return status;
  if (Status status =
          UseClientCertificate(context.get(), config.client_certificate_pem, config.client_key_pem);
      !status.ok()) {
    return status;
  }
  if (Status status = UseServerName(context.get(), TlsServerName(config)); !status.ok()) {
    return status;
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release()));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

bool TlsContext::CopyTo(ssl_ctx_st* other) const {
  SSL_CTX_set_min_proto_version(other, TLS1_2_VERSION);
  SSL_CTX_set_verify(other, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(other, SSL_MODE_RELEASE_BUFFERS);
  // Replaces the store, so that authorities that the other library brought are not trusted.
  SSL_CTX_set1_cert_store(other, SSL_CTX_get_cert_store(context_));
  if (X509_VERIFY_PARAM_set1(SSL_CTX_get0_param(other), SSL_CTX_get0_param(context_)) != 1) {
    return false;
  }
  X509* certificate = SSL_CTX_get0_certificate(context_);
  if (certificate == nullptr) return true;
  STACK_OF(X509)* chain = nullptr;
  // NOLINTNEXTLINE(bugprone-multi-level-implicit-pointer-conversion): as the macro has it
  SSL_CTX_get0_chain_certs(context_, &chain);
  return SSL_CTX_use_cert_and_key(other, certificate, SSL_CTX_get0_privatekey(context_), chain,
                                  /*override=*/1) == 1;
}

Result<std::string> ReadPemFile(const std::string& path) {
  Result<std::string> text = ReadSmallFile(path);
  if (text.ok() && text->empty()) {
    return Status(StatusCode::kBadRequest, "the file " + path + " is empty");
  }
  return text;
}

Status CheckClientCertificate(const std::string& certificate_pem, const std::string& key_pem) {
  ERR_clear_error();
  const ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return {StatusCode::kInternal, "no TLS context: " + OpenSslReason()};
  return UseClientCertificate(context.get(), certificate_pem, key_pem);
}

const std::string& TlsServerName(const ConnectionConfig& config) {
  return config.tls_server_name.empty() ? config.host : config.tls_server_name;
}

bool IsIpAddress(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

void SetServerNameIndication(ssl_st* session, const ConnectionConfig& config) {
  const std::string& name = TlsServerName(config);
  if (IsIpAddress(name)) return;
  SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(name.c_str()));
}

std::string CertificateFailure(const ssl_st* session) {
  const long result = SSL_get_verify_result(session);
  if (result == X509_V_OK) return {};
  return std::string("the server's certificate is not accepted: ") +
         X509_verify_cert_error_string(result);
}

}  // namespace stockade::kube
