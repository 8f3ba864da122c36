#pragma once

#include <array>
#include <string_view>

// Addresses that are never the public Internet: NetworkPolicies except them, and a gateway's proxy
// refuses them once a name is resolved.
namespace stockade::render {

// IANA's special-purpose address registries, but for what is globally reachable there. Nothing
// opens them.
inline constexpr std::array<std::string_view, 26> kSpecialRanges = {
    "0.0.0.0/8",         // this network
    "127.0.0.0/8",       // loopback
    "169.254.0.0/16",    // link-local: the metadata services of the clouds
    "168.63.129.16/32",  // Azure's host
    "192.0.0.0/24",      // protocol assignments, 192.0.0.192 among them: Oracle's metadata
    "192.0.2.0/24",      // documentation
    "192.88.99.0/24",    // 6to4 relays
    "198.18.0.0/15",     // benchmarking
    "198.51.100.0/24",   // documentation
    "203.0.113.0/24",    // documentation
    "224.0.0.0/4",       // multicast
    "240.0.0.0/4",       // reserved, broadcast
    "::/96",             // unspecified, loopback, v4-compatible
    "::ffff:0:0/96",     // v4-mapped
    "::ffff:0:0:0/96",   // v4-translated
    "64:ff9b::/96",      // NAT64
    "64:ff9b:1::/48",    // NAT64 of a network
    "100::/64",          // discard
    "2001::/23",         // protocol assignments: Teredo, ORCHID
    "2001:db8::/32",     // documentation
    "2002::/16",         // 6to4
    "3fff::/20",         // documentation
    "5f00::/16",         // segment routing
    "fe80::/10",         // link-local
    "fec0::/10",         // site-local
    "ff00::/8",          // multicast
};
// The metadata services of AWS over IPv6 and of Alibaba, which stand in private ranges. Nothing
// opens them either.
inline constexpr std::array<std::string_view, 2> kMetadataRanges = {"100.100.100.200/32",
                                                                    "fd00:ec2::254/128"};
// An entry's privateRanges open parts of these.
inline constexpr std::array<std::string_view, 5> kPrivateRanges = {
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};
// The API server does not take it for a part of ::/0, and no packet has such an address.
inline constexpr std::string_view kMappedRange = "::ffff:0:0/96";

}  // namespace stockade::render
