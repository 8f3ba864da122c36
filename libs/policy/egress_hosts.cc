#include "policy/egress_hosts.h"

#include <algorithm>
#include <array>

#include "base/ip_range.h"
#include "base/strings.h"

namespace stockade::policy {
namespace {

constexpr std::size_t kMaxHostBytes = 253;
constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::string_view kWildcard = "*.";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// What the URL standard calls "ends in a number": whatever stands before it, such a name is taken
// for an IPv4 address (decimal, octal, hexadecimal, with fewer parts), or is no name.
bool EndsInNumber(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (last.empty()) return false;
  if (std::ranges::all_of(last, IsDigit)) return true;
  return (last.starts_with("0x") || last.starts_with("0X")) &&
         std::ranges::all_of(last.substr(2), IsHexDigit);
}

bool IsBelow(std::string_view host, std::string_view domain) {
  return host == domain || (host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.');
}

template <std::size_t N>
bool IsBelowOneOf(std::string_view host, const std::array<std::string_view, N>& domains) {
  return std::ranges::any_of(domains, [host](std::string_view d) { return IsBelow(host, d); });
}

// Domains below which anybody gets a name for the asking, and with it a place to send things to.
constexpr std::array<std::string_view, 33> kSharedDomains = {"ac.uk",
                                                             "amazonaws.com",
                                                             "appspot.com",
                                                             "azureedge.net",
                                                             "azurewebsites.net",
                                                             "cloudapp.net",
                                                             "cloudfront.net",
                                                             "co.jp",
                                                             "co.uk",
                                                             "com.au",
                                                             "com.br",
                                                             "com.cn",
                                                             "core.windows.net",
                                                             "firebaseapp.com",
                                                             "fly.dev",
                                                             "github.io",
                                                             "githubusercontent.com",
                                                             "gitlab.io",
                                                             "googleapis.com",
                                                             "herokuapp.com",
                                                             "myshopify.com",
                                                             "netlify.app",
                                                             "ngrok-free.app",
                                                             "ngrok.io",
                                                             "onrender.com",
                                                             "pages.dev",
                                                             "r2.dev",
                                                             "run.app",
                                                             "sharepoint.com",
                                                             "trycloudflare.com",
                                                             "vercel.app",
                                                             "web.app",
                                                             "workers.dev"};

constexpr std::array<std::string_view, 8> kAlwaysInside = {"cluster.local",
                                                           "svc",
                                                           "localhost",
                                                           "localdomain",
                                                           "in-addr.arpa",
                                                           "ip6.arpa",
                                                           "metadata.google.internal",
                                                           "instance-data.ec2.internal"};
constexpr std::array<std::string_view, 6> kPrivateDomains = {"internal", "local",     "lan",
                                                             "intranet", "home.arpa", "corp"};

constexpr std::array<std::string_view, 5> kPrivateRanges = {
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};

}  // namespace

std::optional<std::string> HostProblem(std::string_view host) {
  if (host.starts_with(kWildcard)) host.remove_prefix(kWildcard.size());
  if (host.empty()) return "is empty";
  if (host.size() > kMaxHostBytes) return "is longer than 253 bytes";
  if (host.find("://") != host.npos) return "is a URL";
  if (host.find('/') != host.npos) return "has a path";
  if (host.find('@') != host.npos) return "has user information";
  if (host.find_first_of("[]%") != host.npos || std::ranges::count(host, ':') > 1) {
    return "is an IP address";
  }
  if (host.find(':') != host.npos) return "has a port, which belongs into ports";
  if (EndsInNumber(host)) return "is an IP address, or would be taken for one";
  if (host.ends_with('.')) return "ends in a dot";
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (!std::ranges::all_of(host, is_ascii)) return "has letters that DNS does not know";
  if (std::ranges::any_of(host, IsUpper)) return "has capital letters";
  if (host.find('*') != host.npos) return "has a \"*\" that is not its whole first label";
  for (const std::string_view label : Split(host, '.')) {
    if (label.empty()) return "has an empty label";
    // An underscore begins no name of a host, but stands in some that exist.
    std::string plain(label);
    std::ranges::replace(plain, '_', 'x');
    if (!IsDnsLabel(plain)) {
      return "has a label that is not 1 to 63 letters, digits and \"-\", with none at its ends";
    }
    if (label.size() > 3 && label.substr(2, 2) == "--" && !label.starts_with("xn--")) {
      return "has a label with \"--\" in third place, which is reserved";
    }
  }
  if (host.find('.') == host.npos) return "has one label only";
  return std::nullopt;
}

std::optional<std::string> WildcardProblem(std::string_view host) {
  if (!host.starts_with(kWildcard)) return std::nullopt;
  const std::string_view domain = host.substr(kWildcard.size());
  if (domain.find('.') == domain.npos) return "stands for every name of a top-level domain";
  if (IsBelowOneOf(domain, kSharedDomains)) {
    return "stands for names that anybody can have";
  }
  return std::nullopt;
}

std::optional<std::string> InsideNameProblem(std::string_view host, bool private_ranges_set) {
  if (host.starts_with(kWildcard)) host.remove_prefix(kWildcard.size());
  if (IsBelowOneOf(host, kAlwaysInside)) {
    return "is a name of this machine, of the cluster or of a metadata service";
  }
  if (!private_ranges_set && IsBelowOneOf(host, kPrivateDomains)) {
    return "is a name of a private network, and privateRanges is empty";
  }
  return std::nullopt;
}

std::optional<std::string> PrivateRangeProblem(std::string_view cidr) {
  const auto range = IpRange::Parse(cidr);
  if (!range) return "is no address range in CIDR notation";
  if (!range->IsCanonical()) return "has bits set beyond its prefix length";
  for (const std::string_view allowed : kPrivateRanges) {
    if (IpRange::Parse(allowed)->Holds(*range)) return std::nullopt;
  }
  return "is not within 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 or fc00::/7";
}

std::optional<std::string> PathProblem(std::string_view path) {
  if (!path.starts_with('/')) return "does not begin with \"/\"";
  if (path.size() > kMaxPathBytes) return "is longer than 1024 bytes";
  if (path.find_first_of("?#") != path.npos) return "has a query or a fragment";
  if (path.find_first_of("%\\") != path.npos) {
    return "is encoded; paths are compared after they are normalised";
  }
  if (path.find("//") != path.npos) return "has an empty segment";
  for (const std::string_view segment : Split(path, '/')) {
    if (segment == "." || segment == "..") return "has a dot segment";
  }
  if (path.find('*') != path.npos) return "has a \"*\"; a path stands for all that lie below it";
  const auto is_visible = [](char c) { return c > ' ' && c < 0x7f; };
  if (!std::ranges::all_of(path, is_visible)) return "has characters that no path has";
  return std::nullopt;
}

std::optional<std::string> MethodProblem(std::string_view method) {
  if (method.empty() || method.size() > kMaxMethodBytes) return "is not 1 to 32 bytes long";
  if (std::ranges::any_of(method, IsLower)) return "has lower-case letters";
  const auto is_method = [](char c) { return IsUpper(c) || c == '-'; };
  if (!std::ranges::all_of(method, is_method)) return "is no method of HTTP";
  if (method == "CONNECT" || method == "TRACE") return "is never allowed";
  return std::nullopt;
}

}  // namespace stockade::policy
