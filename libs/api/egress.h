#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "codec/object_reader.h"

// spec.egress and spec.credentials of an AgentSandbox: what the agent may reach, and the
// credentials that its gateway adds to what the agent sends.
namespace stockade::api {

// Whether the gateway sees what is inside TLS (and can judge requests and add credentials), or only
// carries bytes to a host whose name and address it has checked.
enum class TlsMode { kTerminate, kTunnel };
inline constexpr std::array<std::string_view, 2> kTlsModeNames = {"Terminate", "Tunnel"};

// What becomes of a credential that the agent itself sends to a Terminate host.
enum class ClientCredentials { kStrip, kPass };
inline constexpr std::array<std::string_view, 2> kClientCredentialsNames = {"Strip", "Pass"};

enum class GatewayMode { kDedicated, kShared };
inline constexpr std::array<std::string_view, 2> kGatewayModeNames = {"Dedicated", "Shared"};

inline constexpr std::int64_t kHttpsPort = 443;

// One entry of egress.allow or egress.deny.
struct EgressEntry {
  std::string host = {};                 // "api.example.com", or "*.example.com" for one label
  std::vector<std::int64_t> ports = {};  // empty: 443 where it allows, every port where it denies
  TlsMode tls = TlsMode::kTerminate;
  std::vector<std::string> methods = {};  // empty: every one
  std::vector<std::string> paths = {};    // prefixes that end at a "/"; empty: every path
  bool encoded_slash = false;             // lets "%2F" through although there are path rules
  std::string credential = {};            // the name of one of spec.credentials, or empty
  ClientCredentials client_credentials = ClientCredentials::kStrip;
  bool web_socket = false;
  // CIDRs that the host may resolve to although they are private.
  std::vector<std::string> private_ranges = {};

  bool operator==(const EgressEntry&) const = default;
};

enum class ModelProvider { kAnthropic, kBedrock, kVertex, kFoundry, kCustom };
inline constexpr std::array<std::string_view, 5> kModelProviderNames = {
    "anthropic", "bedrock", "vertex", "foundry", "custom"};

// egress.model; which members count depends on the provider.
struct EgressModel {
  ModelProvider provider = ModelProvider::kAnthropic;
  std::string credential;           // of Anthropic, Foundry and Custom
  std::string host;                 // of Custom
  std::string region;               // of Bedrock and Vertex
  std::string role_arn;             // of Bedrock
  std::vector<std::string> models;  // of Bedrock; empty: every one
  std::string project;              // of Vertex
  std::string resource;             // of Foundry

  bool operator==(const EgressModel&) const = default;
};

// The host at which the provider answers.
[[nodiscard]] std::string ModelHost(const EgressModel& model);

struct Egress {
  std::optional<EgressModel> model;
  std::vector<EgressEntry> allow;
  std::vector<EgressEntry> deny;
  bool audit = false;
  GatewayMode gateway = GatewayMode::kDedicated;

  bool operator==(const Egress&) const = default;
};

// corev1.SecretKeySelector, always of a Secret in the sandbox's namespace.
struct SecretKeyRef {
  std::string name;
  std::string key;

  bool operator==(const SecretKeyRef&) const = default;
};

enum class CredentialKind { kHeader, kBasicAuth, kAws };
inline constexpr std::array<std::string_view, 3> kCredentialKindNames = {"header", "basicAuth",
                                                                         "aws"};

// One entry of spec.credentials; which members count depends on the kind.
struct Credential {
  std::string name;
  CredentialKind kind = CredentialKind::kHeader;
  SecretKeyRef secret;   // of header and basicAuth
  std::string header;    // of header: the name of the header
  std::string prefix;    // of header: what stands before the value, as "Bearer "
  std::string username;  // of basicAuth
  std::string role_arn;  // of aws
  std::string region;    // of aws
  std::string service;   // of aws: the name that signatures carry

  bool operator==(const Credential&) const = default;
};

// Reads spec.egress, whose path is given; `value` must be set. Errors name every field of the wrong
// type, and with `strict` every unknown one.
[[nodiscard]] Egress DecodeEgress(codec::JsonView value, const std::string& path, bool strict,
                                  std::vector<codec::FieldError>& errors);
// The same for spec.credentials.
[[nodiscard]] std::vector<Credential> DecodeCredentials(codec::JsonView value,
                                                        const std::string& path, bool strict,
                                                        std::vector<codec::FieldError>& errors);

// A form in which equal values give equal text. What is unset is left out, so that a field of a
// later version changes nothing for who does not use it.
[[nodiscard]] codec::Json ToJson(const Egress& egress);
[[nodiscard]] codec::Json ToJson(const Credential& credential);

// The ports of an entry of egress.allow.
[[nodiscard]] std::vector<std::int64_t> AllowedPorts(const EgressEntry& entry);
// "*.example.com".
[[nodiscard]] bool IsWildcardHost(std::string_view host);
// Whether every name that `host` stands for is one that `pattern` stands for. Both are hosts as in
// an entry, in lower case; a wildcard stands for exactly one label.
[[nodiscard]] bool CoversHost(std::string_view pattern, std::string_view host);

}  // namespace stockade::api
