#include "canary/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstdint>
#include <cstring>

#include "base/strings.h"

namespace stockade::canary {
namespace {

Status Bad(std::string_view text, std::string_view why) {
  return {StatusCode::kBadRequest,
          "\"" + std::string(text) + "\" " + std::string(why) +
              "; write it as tcp://10.96.0.1:443, udp://10.96.0.10:53 or tcp://[fd00::1]:443"};
}

// 0 when the text is no port.
std::uint16_t ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : std::uint16_t{0};
}

bool SetAddress(const std::string& host, std::uint16_t port, Target& target) {
  sockaddr_in ipv4{};
  if (inet_pton(AF_INET, host.c_str(), &ipv4.sin_addr) == 1) {
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    std::memcpy(&target.address, &ipv4, sizeof(ipv4));
    target.address_size = sizeof(ipv4);
    return true;
  }
  sockaddr_in6 ipv6{};
  if (inet_pton(AF_INET6, host.c_str(), &ipv6.sin6_addr) == 1) {
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(port);
    std::memcpy(&target.address, &ipv6, sizeof(ipv6));
    target.address_size = sizeof(ipv6);
    return true;
  }
  return false;
}

}  // namespace

Result<Target> ParseTarget(std::string_view text) {
  Target target;
  target.text = text;
  std::string_view rest = text;
  if (rest.starts_with("tcp://")) {
    target.protocol = Protocol::kTcp;
  } else if (rest.starts_with("udp://")) {
    target.protocol = Protocol::kUdp;
  } else {
    return Bad(text, "does not begin with tcp:// or udp://");
  }
  rest.remove_prefix(6);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return Bad(text, "has no port");
  std::string_view host = rest.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return Bad(text, "needs brackets around its IPv6 address");
  }
  const std::uint16_t port = ParsePort(rest.substr(colon + 1));
  if (port == 0) return Bad(text, "has no port from 1 to 65535");
  if (!SetAddress(std::string(host), port, target)) {
    return Bad(text, "has no IP address: names are not resolved, and zones not known");
  }
  return target;
}

Result<std::string> ExpandVariables(std::string_view text,
                                    const std::function<const char*(const char*)>& lookup) {
  std::string expanded;
  while (true) {
    const std::size_t begin = text.find("$(");
    const std::size_t end = text.find(')', begin == std::string_view::npos ? begin : begin + 2);
    if (begin == std::string_view::npos || end == std::string_view::npos) break;
    const std::string name(text.substr(begin + 2, end - begin - 2));
    const char* value = lookup(name.c_str());
    if (value == nullptr) {
      return Status(StatusCode::kBadRequest, "the environment variable " + name + " of \"" +
                                                 std::string(text) + "\" is not set");
    }
    expanded += text.substr(0, begin);
    expanded += value;
    text.remove_prefix(end + 1);
  }
  return expanded += text;
}

Result<std::vector<Target>> ParseTargets(std::string_view text) {
  std::vector<Target> targets;
  for (const std::string_view part : Split(text, ',')) {
    auto target = ParseTarget(TrimSpace(part));
    if (!target.ok()) return target.status();
    if (targets.size() == kMaxTargets) {
      return Status(StatusCode::kBadRequest,
                    "there are more than " + std::to_string(kMaxTargets) + " addresses");
    }
    targets.push_back(std::move(target).value());
  }
  return targets;
}

}  // namespace stockade::canary
