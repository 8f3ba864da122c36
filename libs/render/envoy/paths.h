#pragma once

#include <string_view>

// Where the proxies' containers find what they read. The operator mounts it there, and nothing here
// depends on a sandbox but the names below the directories.
namespace stockade::render::envoy {

// The rendered files, from a ConfigMap: kBootstrapFile and the resources beside it.
inline constexpr std::string_view kConfigDirectory = "/etc/stockade/proxy";
inline constexpr std::string_view kBootstrapFile = "envoy.json";

// Who the proxy is, and the authorities of whom it speaks to: tls.crt, tls.key, ca.crt, as in a
// Secret of type kubernetes.io/tls.
inline constexpr std::string_view kIdentityDirectory = "/etc/stockade/identity";
inline constexpr std::string_view kCertificateFile = "tls.crt";
inline constexpr std::string_view kPrivateKeyFile = "tls.key";
inline constexpr std::string_view kAuthoritiesFile = "ca.crt";

// The gateway's leaves: HOST.crt and HOST.key for each Terminate host, with "_" for the "*" of a
// wildcard.
inline constexpr std::string_view kLeavesDirectory = "/etc/stockade/leaves";

// Keys of users' Secrets, DIRECTORY/CREDENTIAL/KEY, mounted optionally.
inline constexpr std::string_view kSecretsDirectory = "/etc/stockade/credentials";
// What stockade-credentials writes by rename: DIRECTORY/CREDENTIAL/{basic,token,aws}.
inline constexpr std::string_view kDerivedDirectory = "/run/stockade/credentials";

// The public authorities, in the gateway's image.
inline constexpr std::string_view kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

}  // namespace stockade::render::envoy
