#pragma once

#include <sys/socket.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace stockade::canary {

enum class Protocol { kTcp, kUdp };

// One address to try. A plain value.
struct Target {
  Protocol protocol = Protocol::kTcp;
  std::string text;  // as it was written, for messages
  sockaddr_storage address{};
  socklen_t address_size = 0;
};

// More addresses than this are no check of a boundary.
inline constexpr std::size_t kMaxTargets = 64;

// "tcp://10.96.0.1:443", "udp://10.96.0.10:53" or "tcp://[fd00::1]:443"; an IPv4 address may stand
// in brackets too, for an address that is filled in without knowing its family. Names are not
// resolved, since a sandbox has no DNS. BadRequest says what is wrong.
Result<Target> ParseTarget(std::string_view text);

// `text` with the value of each "$(NAME)". The kubelet puts these into the arguments of a
// container; in the command of a probe it knows none that it would have to look up. BadRequest
// names a variable that `lookup`, as getenv, does not know.
Result<std::string> ExpandVariables(std::string_view text,
                                    const std::function<const char*(const char*)>& lookup);

// Targets with commas between them; BadRequest names the one that is wrong, or that there are too
// many.
Result<std::vector<Target>> ParseTargets(std::string_view text);

}  // namespace stockade::canary
