#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/status.h"
#include "credentials/config.h"
#include "kube/transport.h"

// What is asked of the clouds' token services and what their answers mean. Pure. No message of
// these functions holds a token or a key, or anything that a service sent but its error code.
namespace stockade::credentials {

// The token service's name; it is asked on port 443.
[[nodiscard]] std::string TokenServiceHost(const Derived& derived);

// AssumeRoleWithWebIdentity of AWS STS, or RFC 8693's exchange at Google's.
[[nodiscard]] kube::HttpRequest MakeTokenRequest(const Derived& derived, std::string_view token);

// What comes into the derived file, and until when it is good for anything.
struct Credential {
  std::string contents;
  std::chrono::system_clock::time_point expires;
};

// `token` is that of the request. Any status but 200 is a refusal, a redirect too. Unavailable or
// Forbidden with a message for people.
Result<Credential> ReadTokenAnswer(const Derived& derived, std::string_view token,
                                   const kube::HttpResponse& response,
                                   std::chrono::system_clock::time_point now);

// How long after it was obtained a credential with that time to live is to be renewed: at about
// half of it, so that the other half is left for a service that fails. `draw`, from 0 to 1, spreads
// gateways that began together.
[[nodiscard]] std::chrono::milliseconds RenewAfter(std::chrono::milliseconds lifetime, double draw);

}  // namespace stockade::credentials
