#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "http_server/server.h"

namespace boost::asio::ssl {
class context;
}

namespace stockade::http_server::internal {

// The server's identity as its files say now, or as it was given. Used by one thread at a time.
class CertificateSource {
 public:
  explicit CertificateSource(TlsFiles files) : files_(std::move(files)) {}

  // Reads the files; BadRequest names the one that is missing or wrong. Ok without a context when
  // the identity has yet to be given.
  Status Load();

  // For files without a certificate: the identity that the next Poll takes.
  void SetIdentity(std::string certificate, std::string key) {
    given_certificate_ = std::move(certificate);
    given_key_ = std::move(key);
  }

  // Reads the files again; true when there is a new context. On an error the old one stays, and the
  // same broken files are an error once. Contents are compared and not times, because a Secret's
  // volume swaps symbolic links.
  Result<bool> Poll();

  // For new connections; null as long as there is no identity. A context that was replaced lives on
  // in the connections that have it.
  [[nodiscard]] const std::shared_ptr<boost::asio::ssl::context>& context() const {
    return context_;
  }
  // When the leaf certificate expires.
  [[nodiscard]] std::chrono::system_clock::time_point not_after() const { return not_after_; }

 private:
  struct Contents {
    std::string certificate;
    std::string key;
    std::string client_ca;
    bool operator==(const Contents&) const = default;
  };

  [[nodiscard]] bool InMemory() const { return files_.certificate_file.empty(); }
  // What messages call the two parts of the identity.
  [[nodiscard]] std::string CertificateName() const;
  [[nodiscard]] std::string KeyName() const;
  Result<Contents> ReadFiles() const;
  Status Use(const Contents& contents);

  TlsFiles files_;
  std::string given_certificate_;
  std::string given_key_;
  Contents tried_;          // in use, or broken and reported
  std::string unreadable_;  // the last error of reading that was reported
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::chrono::system_clock::time_point not_after_;
};

}  // namespace stockade::http_server::internal
