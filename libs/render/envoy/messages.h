#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

// The messages of Envoy's API that both proxies use, and how they are put together.
namespace stockade::render::envoy {

// `fields` with the "@type" of a google.protobuf.Any; `type` comes without the common beginning,
// "envoy.extensions.".
[[nodiscard]] codec::Json Any(std::string_view type, codec::Json fields = codec::Json::object());
// A typed extension: {"name": ..., "typed_config": Any(type, fields)}.
[[nodiscard]] codec::Json Extension(std::string_view name, std::string_view type,
                                    codec::Json fields = codec::Json::object());

[[nodiscard]] codec::Json SocketAddress(std::string_view address, std::int64_t port);
// A socket in the file system that Envoy makes for its own user.
[[nodiscard]] codec::Json Pipe(std::string_view path);
// A "load_assignment" with one endpoint.
[[nodiscard]] codec::Json OneEndpoint(const std::string& cluster, codec::Json address);
// {"address_prefix": ..., "prefix_len": ...} of "10.0.0.0/8"; an address alone is a range of one.
[[nodiscard]] codec::Json CidrRange(std::string_view cidr);
// A StringMatcher of the whole string; RE2.
[[nodiscard]] codec::Json FullMatch(std::string regex);

// A file of kConfigDirectory.
[[nodiscard]] std::string ConfigPath(std::string_view file);
// A resource that Envoy reads from `file` of kConfigDirectory, and again when something is renamed
// in `watched`, as the kubelet does when a mounted Secret changes.
[[nodiscard]] codec::Json SdsConfig(std::string_view name, std::string_view file,
                                    std::string_view watched);
// The contents of such a file, by kind.
[[nodiscard]] codec::Json KeyPairResource(std::string_view name, std::string_view directory,
                                          std::string_view certificate, std::string_view key);
[[nodiscard]] codec::Json AuthoritiesResource(std::string_view name, std::string_view directory,
                                              std::string_view file);
[[nodiscard]] codec::Json SecretResource(std::string_view name, const std::string& path);

// "tls_params" with those versions, "TLSv1_2" or "TLSv1_3", up to 1.3.
[[nodiscard]] codec::Json TlsParameters(std::string_view minimum);

// The resources of kIdentityDirectory, and the CommonTlsContext of mutual TLS that uses them:
// both sides speak TLS 1.3, and the other's name has to match `subject_alt_name`.
inline constexpr std::string_view kIdentityResource = "identity.json";
inline constexpr std::string_view kAuthoritiesResource = "authorities.json";
[[nodiscard]] codec::Json IdentityResource();
[[nodiscard]] codec::Json IdentityAuthoritiesResource();
[[nodiscard]] codec::Json MutualTls(codec::Json subject_alt_name);

// What both bootstraps begin with: who the node is, no statistics (nobody could read them, for
// there is no administration port), and what happens as memory or connections run out.
[[nodiscard]] codec::Json Bootstrap(std::string_view cluster, std::int64_t max_heap_bytes,
                                    std::int64_t max_connections);

// A cluster's limits, as good as none: what one sandbox may have under way is bounded elsewhere,
// and a limit that all share is one that any of them can reach for the others (limits.h).
[[nodiscard]] codec::Json NoBreakers();

// A transport socket of plain bytes to an internal listener, that takes along what is marked to be
// shared; and a cluster of one such listener.
[[nodiscard]] codec::Json InternalCluster(const std::string& name, const std::string& listener);

}  // namespace stockade::render::envoy
