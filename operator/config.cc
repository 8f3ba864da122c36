#include "operator/config.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "api/agent_sandbox.h"
#include "api/pod_view.h"
#include "api/quantity.h"
#include "api/resources.h"
#include "api/watch_namespaces.h"
#include "base/strings.h"
#include "codec/object_reader.h"
#include "codec/yaml.h"
#include "http_server/listen_address.h"

namespace stockade::sandbox_operator {
namespace {

using codec::FieldError;
using codec::ObjectReader;

constexpr std::string_view kApiVersion = "config.stockade.dev/v1alpha1";
constexpr std::string_view kKind = "OperatorConfiguration";
constexpr std::array<std::string_view, 2> kTransportNames = {"cpprest", "beast"};
// Kubernetes reserves nothing above 2^31-1 for ids; below 1000 are the system's own by convention.
constexpr std::int64_t kMinId = 1000;
constexpr std::int64_t kMaxId = 2147483647;

void ReadHttp(codec::JsonView value, std::vector<FieldError>& errors, OperatorConfig& config) {
  ObjectReader reader(value, "http", errors);
  std::string address = config.http_address + ":" + std::to_string(config.http_port);
  reader.String("address", address);
  if (const auto parsed = http_server::ParseListenAddress(address); parsed.ok()) {
    config.http_address = parsed->address;
    config.http_port = parsed->port;
  } else {
    reader.AddError("address", parsed.status().message());
  }
  reader.Finish();
}

void ReadLog(codec::JsonView value, std::vector<FieldError>& errors, OperatorConfig& config) {
  ObjectReader reader(value, "log", errors);
  std::string level = "info";
  reader.String("level", level);
  if (!ParseLogLevel(level, config.log_level)) {
    reader.AddError("level", "must be one of debug, info, warning, error");
  }
  reader.Finish();
}

void ReadRuntimeClasses(codec::JsonView value, std::vector<FieldError>& errors,
                        render::Profile& profile) {
  ObjectReader reader(value, "runtimeClasses", errors);
  for (std::size_t i = 0; i < api::kIsolationNames.size(); ++i) {
    std::string& name = profile.runtime_classes[i];
    reader.String(api::kIsolationNames[i], name);
    const bool may_be_empty = static_cast<api::Isolation>(i) == api::Isolation::kContainer;
    if (name.empty() ? !may_be_empty : !IsDnsSubdomain(name)) {
      reader.AddError(api::kIsolationNames[i],
                      "must be the name of a RuntimeClass; only Container may be empty, for the "
                      "cluster's default runtime");
    }
  }
  reader.Finish();
}

void ReadQuantity(ObjectReader& reader, std::string_view key, std::string& out) {
  if (const codec::JsonView value = reader.Value(key); !value.IsUnset()) {
    const auto quantity = api::Quantity::FromJson(value);
    if (quantity.ok() && !quantity->IsNegative() && !quantity->IsZero()) {
      out = quantity->ToString();
    } else {
      reader.AddError(key, "must be a quantity above zero, such as 500m or 1Gi");
    }
  }
}

void ReadResources(ObjectReader& parent, std::string_view key, std::vector<FieldError>& errors,
                   std::map<std::string, std::string>& out) {
  ObjectReader reader(parent.Value(key), parent.PathOf(key), errors);
  for (const std::string_view resource : api::kResourceNames) {
    ReadQuantity(reader, resource, out[std::string(resource)]);
  }
  reader.Finish();
}

void ReadDefaults(codec::JsonView value, std::vector<FieldError>& errors,
                  render::Profile& profile) {
  ObjectReader reader(value, "defaults", errors);
  reader.Int("runAsUser", kMinId, kMaxId, profile.run_as_user);
  reader.Int("runAsGroup", kMinId, kMaxId, profile.run_as_group);
  reader.Int("fsGroup", kMinId, kMaxId, profile.fs_group);
  reader.String("home", profile.home);
  if (!profile.home.starts_with('/') || profile.home.size() < 2) {
    reader.AddError("home", "must be an absolute path such as /home/agent");
  }
  ReadQuantity(reader, "tmpSize", profile.tmp_size);
  ReadQuantity(reader, "homeSize", profile.home_size);
  ReadQuantity(reader, "scratchSize", profile.scratch_size);
  ReadResources(reader, "requests", errors, profile.default_requests);
  ReadResources(reader, "limits", errors, profile.default_limits);
  for (const auto& [resource, request] : profile.default_requests) {
    const auto wanted = api::Quantity::Parse(request);
    const auto limit = api::Quantity::Parse(profile.default_limits[resource]);
    if (wanted.ok() && limit.ok() && *wanted > *limit) {
      reader.AddError("requests", resource + " must not be above the limit of " +
                                      profile.default_limits[resource]);
    }
  }
  reader.Finish();
}

// A sandbox that leaves everything to the defaults.
api::AgentSandbox PlainSandbox() {
  api::AgentSandbox sandbox;
  sandbox.metadata.name = "plain";
  const codec::Json container = {{"name", "agent"}, {"image", "registry.example.com/agent:v1"}};
  const codec::Json pod_spec = {{"containers", codec::Json::array({container})}};
  sandbox.spec.pod_template.spec = api::JsonText(codec::ParseTrusted(pod_spec).root());
  return sandbox;
}

void AddErrors(const std::vector<policy::Finding>& findings, const std::string& path,
               std::vector<FieldError>& errors) {
  for (const policy::Finding& finding : findings) {
    if (finding.severity != policy::Severity::kError) continue;
    errors.push_back({path, "every sandbox would be refused: " + finding.field + ": [" +
                                std::string(finding.code) + "] " + finding.message});
  }
}

// Defaults that the floor refuses would stall every sandbox, one by one and long after the start.
void JudgeDefaults(const OperatorConfig& config, std::vector<FieldError>& errors) {
  api::AgentSandbox sandbox = PlainSandbox();
  const codec::JsonDocument pod = codec::ParseTrusted(render::Render(sandbox, config.profile).pod);
  const std::string& runtime_class = config.profile.RuntimeClassFor(sandbox.spec.isolation);
  AddErrors(policy::EvaluateRenderedPod(api::PodView(pod.root(), ""), runtime_class, config.facts),
            "defaults", errors);
  // The home directory is mounted like any other, under a name of which the floor trusts that.
  api::Mount home;
  home.name = "home";
  home.mount_path = config.profile.home;
  home.access = api::MountAccess::kEphemeral;
  sandbox.spec.mounts.push_back(std::move(home));
  const codec::JsonDocument pod_template = api::ToDocument(sandbox.spec.pod_template);
  AddErrors(policy::EvaluateSandbox(sandbox, api::PodView(pod_template.root(), "spec.podTemplate"),
                                    config.facts),
            "defaults.home", errors);
}

void ReadPolicy(codec::JsonView value, std::vector<FieldError>& errors, policy::Facts& facts) {
  ObjectReader reader(value, "policy", errors);
  reader.StringList("allowedMetadataPrefixes", facts.allowed_metadata_prefixes);
  reader.Finish();
}

void ReadLeaderElection(codec::JsonView value, std::vector<FieldError>& errors,
                        LeaderElectionConfig& config) {
  ObjectReader reader(value, "leaderElection", errors);
  reader.Bool("enabled", config.enabled);
  reader.String("namespace", config.namespace_name);
  if (!config.namespace_name.empty() && !IsDnsLabel(config.namespace_name)) {
    reader.AddError("namespace", "must be the name of a namespace");
  }
  reader.String("lease", config.lease);
  if (!IsDnsSubdomain(config.lease)) reader.AddError("lease", "must be the name of a Lease");
  reader.Int("leaseDurationSeconds", 3, 3600, config.lease_duration_seconds);
  reader.Int("renewDeadlineSeconds", 2, 3600, config.renew_deadline_seconds);
  reader.Int("retryPeriodSeconds", 1, 3600, config.retry_period_seconds);
  if (config.lease_duration_seconds <= config.renew_deadline_seconds) {
    reader.AddError("leaseDurationSeconds",
                    "must be more than renewDeadlineSeconds, or two could lead at once");
  }
  if (config.renew_deadline_seconds <= config.retry_period_seconds) {
    reader.AddError("renewDeadlineSeconds", "must be more than retryPeriodSeconds");
  }
  reader.Finish();
}

}  // namespace

Result<OperatorConfig> ParseOperatorConfig(std::string_view yaml) {
  const auto document = codec::ParseYaml(yaml);
  if (!document.ok()) return document.status();
  OperatorConfig config;
  std::vector<FieldError> errors;
  ObjectReader reader(document->root(), "", errors);
  std::string api_version;
  std::string kind;
  reader.String("apiVersion", api_version);
  reader.String("kind", kind);
  if (api_version != kApiVersion) {
    reader.AddError("apiVersion", "must be " + std::string(kApiVersion));
  }
  if (kind != kKind) reader.AddError("kind", "must be " + std::string(kKind));
  ReadHttp(reader.Value("http"), errors, config);
  ReadLog(reader.Value("log"), errors, config);
  ReadRuntimeClasses(reader.Value("runtimeClasses"), errors, config.profile);
  ReadDefaults(reader.Value("defaults"), errors, config.profile);
  ReadPolicy(reader.Value("policy"), errors, config.facts);
  ReadEgress(reader.Value("egress"), errors, config.egress);
  config.profile.egress_gateways = config.egress.enabled;
  config.profile.activity = {.image = config.egress.settings.canary_image,
                             .user = config.egress.settings.proxy_user,
                             .resources = config.egress.settings.helper};
  // What policies are judged by where a sandbox leaves a limit open.
  for (std::size_t i = 0; i < api::kResourceCount; ++i) {
    const auto limit = config.profile.default_limits.find(std::string(api::kResourceNames[i]));
    if (limit == config.profile.default_limits.end()) continue;
    if (const auto quantity = api::Quantity::Parse(limit->second); quantity.ok()) {
      config.facts.default_limits[i] = *quantity;
    }
  }
  ReadLeaderElection(reader.Value("leaderElection"), errors, config.leader_election);
  api::ReadWatchNamespaces(reader, "watchNamespaces", config.watch_namespaces);
  reader.Int("workers", 1, 64, config.workers);
  reader.String("clusterDomain", config.profile.cluster_domain);
  if (!IsDnsSubdomain(config.profile.cluster_domain)) {
    reader.AddError("clusterDomain", "must be a DNS name such as cluster.local");
  }
  auto transport = static_cast<std::size_t>(config.transport);
  reader.Enum("transport", kTransportNames, transport);
  config.transport = static_cast<TransportKind>(transport);
  reader.Finish();
  if (errors.empty()) JudgeDefaults(config, errors);
  if (!errors.empty()) return codec::ToStatus(errors);
  return config;
}

}  // namespace stockade::sandbox_operator
