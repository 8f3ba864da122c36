#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/egress.h"

// What a gateway is made from: spec.egress and spec.credentials with everything resolved that does
// not depend on the installation. Pure values; the spec must have no policy error.
namespace stockade::render {

// How a rule looks at a path, which is normalised before, without its query.
struct PathMatch {
  enum class Kind { kPrefix, kExact, kRegex };  // a prefix ends at a "/" or at the path's end
  Kind kind = Kind::kPrefix;
  std::string value;

  bool operator==(const PathMatch&) const = default;
};

// Requests of a Terminate endpoint. Empty lists mean every method and every path.
struct RequestRule {
  std::string name;  // as audit logs tell it: "allow[0]", "deny[2]", "model"
  std::vector<std::string> methods = {};
  std::vector<PathMatch> paths = {};
  std::string host = {};  // of a deny below a wildcard endpoint: for this host alone

  // Every request, of the hosts that it is for.
  [[nodiscard]] bool IsBlanket() const { return methods.empty() && paths.empty(); }

  bool operator==(const RequestRule&) const = default;
};

// A credential that the gateway adds.
struct Injection {
  enum class Kind { kHeader, kAws };
  // Where the value comes from: a key of a Secret that is mounted, or a file that
  // stockade-credentials keeps current.
  enum class Source { kSecret, kDerived };
  Kind kind = Kind::kHeader;
  Source source = Source::kSecret;
  std::string name = {};    // of the credential; its directory
  std::string file = {};    // in that directory
  std::string header = {};  // of kHeader, in lower case
  std::string prefix = {};  // of kHeader
  std::string region = {};  // of kAws
  std::string service = {};

  bool operator==(const Injection&) const = default;
};

// One host (or one label deep wildcard) and port.
struct Endpoint {
  std::string host;
  std::int64_t port = api::kHttpsPort;
  api::TlsMode tls = api::TlsMode::kTerminate;
  std::vector<RequestRule> deny = {};   // win over allow
  std::vector<RequestRule> allow = {};  // none: everything is refused
  std::optional<Injection> injection = {};
  bool encoded_slash = false;
  bool pass_client_credentials = false;
  bool web_socket = false;
  std::vector<std::string> private_ranges = {};

  // The rule that refuses all of it, or null.
  [[nodiscard]] const RequestRule* WhollyDeniedBy() const;
  // Requests are signed, so that their bodies have to be held.
  [[nodiscard]] bool signs() const { return injection && injection->kind == Injection::Kind::kAws; }
  [[nodiscard]] bool wildcard() const { return api::IsWildcardHost(host); }
  [[nodiscard]] std::string HostAndPort() const { return host + ":" + std::to_string(port); }
};

// A host that is refused although a wildcard, or egress.audit, would let it pass; port 0 is every
// port.
struct DeniedHost {
  std::string name;  // "deny[0]"
  std::string host;
  std::int64_t port = 0;
  bool blanket = true;  // every request of it
};

struct EgressProfile {
  std::vector<Endpoint> endpoints;  // sorted by host and port
  std::vector<DeniedHost> denied;
  bool audit = false;
  // SHA-256 of the egress section and of the credentials, 64 hexadecimal digits: sandboxes of one
  // namespace with the same one can share a gateway.
  std::string hash;
};

// EgressProfile::hash alone, of any spec that could be decoded.
[[nodiscard]] std::string EgressProfileHash(const api::Egress& egress,
                                            const std::vector<api::Credential>& credentials);

[[nodiscard]] EgressProfile MakeEgressProfile(const api::Egress& egress,
                                              const std::vector<api::Credential>& credentials);

// The endpoints of which anything is let through, as "host:port".
[[nodiscard]] std::vector<std::string> ReachableHosts(const EgressProfile& profile);

// How the gateway adds a credential of that name.
[[nodiscard]] std::optional<Injection> FindInjection(
    const std::vector<api::Credential>& credentials, std::string_view name);

}  // namespace stockade::render
