#include "http_server/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>

#include "base/strings.h"

namespace stockade::http_server {
namespace {

bool IsAddress(int family, const std::string& text) {
  in6_addr storage{};
  return inet_pton(family, text.c_str(), &storage) == 1;
}

}  // namespace

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return Status(StatusCode::kBadRequest,
                  "\"" + Truncate(text, 64) + "\" " + std::string(why) +
                      "; write ADDRESS:PORT, for example \"127.0.0.1:8443\" or \"[::]:8443\"");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("has no port");
  const std::string_view digits = text.substr(colon + 1);
  ListenAddress result;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return bad("has no port from 0 to 65535");
  }
  const std::string_view host = text.substr(0, colon);
  if (host.empty()) {
    result.address = "0.0.0.0";
    return result;
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  result.address = bracketed ? host.substr(1, host.size() - 2) : host;
  if (!IsAddress(bracketed ? AF_INET6 : AF_INET, result.address)) {
    return bad("does not begin with an IP address");
  }
  return result;
}

}  // namespace stockade::http_server
