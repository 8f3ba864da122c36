#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "kube/connection_config.h"

// OpenSSL's own types, so that this header needs none of its headers.
struct ssl_ctx_st;
struct ssl_st;

namespace stockade::kube {

// What a connection proves and demands in TLS: TLS 1.2 or later, the server's certificate verified
// against the configured authorities alone (the system's when none are configured) and against the
// server's name or address, and our client certificate. Immutable, shared by any number of
// connections and threads.
class TlsContext {
 public:
  // BadRequest when a certificate or key cannot be used; the message says which.
  static Result<std::shared_ptr<const TlsContext>> Make(const ConnectionConfig& config);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // The context itself; a connection made from it takes a reference of its own.
  [[nodiscard]] ssl_ctx_st* get() const { return context_; }
  // Makes another library's context trust and prove the same, and nothing else.
  [[nodiscard]] bool CopyTo(ssl_ctx_st* other) const;

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  ssl_ctx_st* context_;  // owned
};

// What a file holds of certificates or of a key, unparsed. BadRequest when it is empty, which would
// mean that nothing is configured, and for the authority the system's roots.
Result<std::string> ReadPemFile(const std::string& path);
// BadRequest when no connection could prove itself with this certificate chain and this key.
Status CheckClientCertificate(const std::string& certificate_pem, const std::string& key_pem);
// The name or address that the server's certificate must be for.
[[nodiscard]] const std::string& TlsServerName(const ConnectionConfig& config);
// True for an IPv4 or IPv6 address.
[[nodiscard]] bool IsIpAddress(const std::string& host);
// Names the server in the handshake, as RFC 6066 asks: not when it is an address.
void SetServerNameIndication(ssl_st* session, const ConnectionConfig& config);
// Why the server's certificate was not accepted, or empty when that was not the problem.
[[nodiscard]] std::string CertificateFailure(const ssl_st* session);

}  // namespace stockade::kube
