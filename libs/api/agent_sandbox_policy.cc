#include "api/agent_sandbox_policy.h"

#include "api/read_enum.h"
#include "api/resources.h"

namespace stockade::api {
namespace {

using codec::FieldError;
using codec::JsonView;
using codec::ObjectReader;

// Strict when unknown fields are to be reported: the same walk serves decoding and linting.
class PolicyDecoder {
 public:
  PolicyDecoder(bool strict, std::vector<FieldError>& errors) : strict_(strict), errors_(errors) {}

  AgentSandboxPolicySpec Decode(JsonView value) {
    AgentSandboxPolicySpec spec;
    ObjectReader reader(value, "spec", errors_);
    const JsonView selector = reader.Object("namespaceSelector");
    CheckLabelSelector(selector, "spec.namespaceSelector", strict_, errors_);
    spec.namespace_selector = LabelSelector(selector);
    ReadEnum(reader, "enforcement", kEnforcementNames, spec.enforcement);
    if (!reader.Value("minimumIsolation").IsUnset()) {
      Isolation minimum = Isolation::kContainer;
      ReadEnum(reader, "minimumIsolation", kIsolationNames, minimum);
      spec.minimum_isolation = minimum;
    }
    std::size_t untrusted = 0;
    reader.Enum("minimumIsolationForUntrusted", kUntrustedIsolationNames, untrusted);
    spec.minimum_isolation_for_untrusted =
        untrusted == 0 ? Isolation::kGVisor : Isolation::kMicroVM;
    DecodeImages(reader.Value("images"), spec.images);
    DecodeResources(reader.Value("resources"), spec.max_resources);
    DecodeEgress(reader.Value("egress"), spec.egress);
    DecodeCredentials(reader.Value("credentials"), spec.credentials);
    DecodeAccess(reader.Value("access"), spec.access);
    DecodeAgentSettings(reader.Value("agentSettings"), spec.agent_settings);
    DecodeLifetime(reader.Value("lifetime"), spec.lifetime);
    Finish(reader);
    return spec;
  }

 private:
  void Finish(ObjectReader& reader) const {
    if (strict_) reader.Finish();
  }

  void DecodeImages(JsonView value, ImageRestrictions& images) {
    if (value.IsUnset()) return;
    ObjectReader reader(value, "spec.images", errors_);
    reader.StringList("allowedRegistries", images.allowed_registries);
    reader.Bool("requireDigest", images.require_digest);
    Finish(reader);
  }

  void DecodeResources(JsonView value, StringMap& max) {
    if (value.IsUnset()) return;
    ObjectReader reader(value, "spec.resources", errors_);
    if (const JsonView maxima = reader.Object("max"); !maxima.IsUnset()) {
      ObjectReader max_reader(maxima, "spec.resources.max", errors_);
      for (const std::string_view name : kResourceNames) {
        // A quantity may be written as a bare number too.
        if (const JsonView quantity = max_reader.Value(name); quantity.IsNumber()) {
          max[std::string(name)] = quantity.Dump();
        } else if (!quantity.IsUnset()) {
          max_reader.String(name, max[std::string(name)]);
        }
      }
      // A limit on what nobody has heard of would be taken for one that works.
      max_reader.Finish();
    }
    Finish(reader);
  }

  // A list that is empty is another thing than none.
  static void DecodeHosts(ObjectReader& reader, std::string_view key,
                          std::optional<std::vector<std::string>>& hosts) {
    if (reader.Value(key).IsUnset()) return;
    reader.StringList(key, hosts.emplace());
  }

  void DecodeEgress(JsonView value, EgressRestrictions& egress) {
    if (value.IsUnset()) return;
    ObjectReader reader(value, "spec.egress", errors_);
    DecodeHosts(reader, "allowedHosts", egress.allowed_hosts);
    reader.StringList("deniedHosts", egress.denied_hosts);
    reader.Bool("forbidTunnel", egress.forbid_tunnel);
    if (!reader.Value("maxHosts").IsUnset()) {
      reader.Int("maxHosts", 0, kMostHosts, egress.max_hosts.emplace());
    }
    Finish(reader);
  }

  void DecodeCredentials(JsonView value, CredentialRestrictions& credentials) {
    if (value.IsUnset()) return;
    ObjectReader reader(value, "spec.credentials", errors_);
    if (const JsonView secrets = reader.Array("allowedSecrets"); !secrets.IsUnset()) {
      auto& allowed = credentials.allowed_secrets.emplace();
      secrets.ForEachElement([&](std::size_t index, JsonView element) {
        ObjectReader secret(
            element, "spec.credentials.allowedSecrets[" + std::to_string(index) + "]", errors_);
        secret.Require("name");
        secret.String("name", allowed.emplace_back().name);
        DecodeHosts(secret, "hosts", allowed.back().hosts);
        Finish(secret);
      });
    }
    Finish(reader);
  }

  void DecodeAccess(JsonView value, AccessRestrictions& access) {
    if (value.IsUnset()) return;
    ObjectReader reader(value, "spec.access", errors_);
    reader.Bool("forbidExec", access.forbid_exec);
    reader.Bool("forbidAttach", access.forbid_attach);
    reader.Bool("forbidPortForward", access.forbid_port_forward);
    Finish(reader);
  }

  void DecodeAgentSettings(JsonView value, AgentSettingsRestrictions& settings) {
    if (value.IsUnset()) return;
    ObjectReader reader(value, "spec.agentSettings", errors_);
    reader.StringList("requiredDeny", settings.required_deny);
    reader.Bool("forbidBypass", settings.forbid_bypass);
    Finish(reader);
  }

  void DecodeLifetime(JsonView value, LifetimeRestrictions& lifetime) {
    if (value.IsUnset()) return;
    ObjectReader reader(value, "spec.lifetime", errors_);
    if (!reader.Value("maxSeconds").IsUnset()) {
      std::int64_t seconds = 1;
      reader.Int("maxSeconds", 1, kLongestLifetimeSeconds, seconds);
      lifetime.max = std::chrono::seconds(seconds);
    }
    reader.Bool("required", lifetime.required);
    Finish(reader);
  }

  bool strict_;
  std::vector<FieldError>& errors_;
};

}  // namespace

Result<AgentSandboxPolicy> DecodeAgentSandboxPolicy(JsonView object) {
  std::vector<FieldError> errors;
  AgentSandboxPolicy policy;
  policy.metadata = DecodeObjectMeta(object["metadata"]);
  policy.spec = PolicyDecoder(/*strict=*/false, errors).Decode(object["spec"]);
  if (object["spec"].IsUnset()) errors.insert(errors.begin(), {"spec", "is required"});
  policy.status = JsonText(object["status"]);
  if (!errors.empty()) return codec::ToStatus(errors);
  return policy;
}

std::vector<FieldError> CheckAgentSandboxPolicyFields(JsonView object) {
  std::vector<FieldError> errors;
  ObjectReader reader(object, "", errors);
  reader.Require("apiVersion");
  reader.Require("kind");
  reader.Require("spec");
  for (const std::string_view key : {"apiVersion", "kind", "metadata", "spec", "status"}) {
    reader.Ignore(key);
  }
  reader.Finish();
  PolicyDecoder(/*strict=*/true, errors).Decode(object["spec"]);
  return errors;
}

}  // namespace stockade::api
