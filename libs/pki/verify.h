#pragma once

#include <span>
#include <string>

#include "base/status.h"
#include "pki/certificate.h"

namespace stockade::pki {

enum class Purpose { kServer, kClient };

// What a leaf is judged by.
struct VerifyOptions {
  std::span<const Certificate> authorities;  // trusted; the leaf must be signed by one of them
  Purpose purpose = Purpose::kServer;
  TimePoint now;
  std::string dns_name = {};  // that the leaf must be for; empty for any
};

// Ok when a chain of OpenSSL's strict verification (RFC 5280: extensions, name constraints, times)
// leads from `leaf` to one of the authorities; otherwise Invalid with the reason.
Status Verify(const Certificate& leaf, const VerifyOptions& options);

}  // namespace stockade::pki
