#pragma once

#include <chrono>
#include <string>

#include "http_server/server.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/fakes/test_authority.h"

namespace stockade::http_server {

using Identity = testing::TestIdentity;

// An authority whose certificates are for this machine's address.
class Authority : public testing::TestAuthority {
 public:
  using TestAuthority::TestAuthority;

  // A certificate for `name` and 127.0.0.1 that has begun and ends `lifetime` from now; a negative
  // lifetime makes one that has ended already.
  [[nodiscard]] Identity Issue(const std::string& name,
                               std::chrono::seconds lifetime = std::chrono::hours(1)) const {
    return TestAuthority::Issue({.common_name = name,
                                 .alternative_names = "IP:127.0.0.1",
                                 .begins_in_seconds = -24L * 3600L,
                                 .ends_in_seconds = lifetime.count()});
  }
};

// A directory with a server's certificate and key.
class CertificateDirectory : public testing::TemporaryDirectory {
 public:
  // Writes tls.crt and then tls.key.
  void WriteIdentity(const Identity& identity) const {
    Write("tls.crt", identity.certificate);
    Write("tls.key", identity.key);
  }
  // tls.crt and tls.key of this directory, polled often.
  [[nodiscard]] TlsFiles Files() const {
    return {.certificate_file = PathOf("tls.crt"),
            .key_file = PathOf("tls.key"),
            .client_ca_file = {},
            .poll_interval = std::chrono::milliseconds(5)};
  }
};

}  // namespace stockade::http_server
