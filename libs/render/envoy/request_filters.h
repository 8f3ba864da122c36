#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "render/egress_profile.h"

// What a Terminate endpoint does to a request beside routing it.
namespace stockade::render::envoy {

// Takes off headers that ask for another method or path than the one that is judged, and every
// credential that the agent itself sends in headers; refuses a request that has a credential in its
// query, however it is written there (other case, percent encoding, brackets).
void AddStripFilters(const Endpoint& endpoint, codec::Json& filters);
// Adds the endpoint's credential, if it has one; refuses the request when there is no value.
void AddInjectionFilter(const Endpoint& endpoint, codec::Json& filters);
// For a route whose requests get none: its "typed_per_filter_config".
[[nodiscard]] codec::Json WithoutInjection(const Injection& injection);
// Of a wildcard: the CONNECT, the TLS name and the Host header must name the same host.
void AddAgreementFilters(const Endpoint& endpoint, codec::Json& filters);
// Of a tunnel: the CONNECT and the TLS name, which kServerNameHeader carries with the port.
void AddTunnelAgreementFilter(codec::Json& filters);

// The SDS resource of a credential's value: its file name, and its contents.
[[nodiscard]] std::string InjectionResource(const Injection& injection);
[[nodiscard]] codec::Json InjectionResourceContents(const Injection& injection);

// How the body comes whose length is not told. Never sent on.
inline constexpr const char* kBodyHeader = "x-stockade-body";

// Headers that carry what has to agree from one filter to the next: the CONNECT's authority, and
// what it would be by the Host header and by the TLS name. Never sent on.
inline constexpr const char* kAuthorityHeader = "x-stockade-authority";
inline constexpr const char* kHostHeader = "x-stockade-host";
inline constexpr const char* kServerNameHeader = "x-stockade-server-name";

}  // namespace stockade::render::envoy
