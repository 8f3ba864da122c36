#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/gateway_names.h"
#include "api/names.h"
#include "base/strings.h"
#include "cli/cluster.h"
#include "cli/colours.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/object_diff.h"
#include "cli/options.h"
#include "cli/owned_objects.h"
#include "cli/sandboxes.h"
#include "cli/unified_diff.h"
#include "codec/yaml_writer.h"
#include "operator/cached_objects.h"
#include "operator/claimant.h"
#include "policy/escaping.h"
#include "render/claims.h"
#include "render/egress_profile.h"
#include "render/gateway.h"
#include "render/sandbox_egress.h"

namespace stockade::cli {
namespace {

using codec::Json;

constexpr std::array kFlags = {
    kFilenameFlag,
    Flag{.name = "namespace",
         .value = "NAME",
         .help = "the namespace of manifests that name none (default: the context's)",
         .letter = 'n'},
    kConfigFlag,
    kKubeconfigFlag,
    kContextFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Shows what would change of the objects that the operator makes, if the manifests were applied "
    "now:\nthe deny-all, claims, the Service, the allowance for ingress and the pod; and with "
    "spec.egress the\ngateway: its deny-all, service account, Service, configurations, allowances "
    "and Deployment. (What\nchanges of the AgentSandbox itself is what kubectl diff shows.) "
    "Objects "
    "that were changed behind the\noperator's back differ as well. Nothing is written. Pass the "
    "operator's own configuration with --config,\nor the defaults are compared with what it made "
    "of "
    "others: gateways are shown only if it has a section\negress.\n"
    "\n"
    "Reads AgentSandboxes, pods, claims, Services, NetworkPolicies and, for gateways, Deployments, "
    "ConfigMaps\nand ServiceAccounts of the sandboxes' namespaces. Secrets are never read, and "
    "certificates not compared:\nof them the names are told, and what would become of them.\n"
    "\n"
    "Exit codes: 0 nothing would change, 1 something would, 2 an error; a manifest that the rules "
    "refuse\nis one.\n"
    "\n"
    "Examples:\n"
    "  $ stockade diff -f sandbox.yaml\n"
    "  $ helm template agents charts/agents | stockade diff --namespace agents -\n";

// What there is, and what would be; either may be missing.
struct Change {
  std::string title;  // "Pod asb-minimal"
  std::string note;   // what happens, in words
  std::optional<Json> live;
  std::optional<Json> wanted;
};

// Whether it is the stored sandbox's, as the operator judges it.
bool BelongsTo(const api::AgentSandbox& sandbox, codec::JsonView object) {
  return sandbox_operator::Claimant(sandbox).IsOwner(
      sandbox_operator::DecodeControllerOwner(object["metadata"]));
}

std::string Annotation(const Json& object, std::string_view key) {
  const Json metadata = object.value("metadata", Json::object());
  const Json annotations = metadata.value("annotations", Json::object());
  return annotations.value(std::string(key), std::string());
}

class SandboxDiff {
 public:
  SandboxDiff(kube::Client& client, const sandbox_operator::OperatorConfig& config,
              const Colours& colours, Console& console)
      : client_(client), profile_(config.profile), colours_(colours), console_(console) {
    if (config.egress.enabled) egress_ = config.egress.settings;
  }

  // Whether anything would change. Tells it on the console.
  Result<bool> Run(AcceptedSandbox accepted) {
    api::AgentSandbox& sandbox = accepted.sandbox;
    const std::string& namespace_name = sandbox.metadata.namespace_name;
    auto stored =
        Find(client_, sandbox_operator::kAgentSandboxes, namespace_name, sandbox.metadata.name);
    if (!stored.ok()) return stored.status();
    std::optional<api::AgentSandbox> live;
    std::vector<OwnedObject> before;
    LiveGateway gateway_before;
    if (*stored) {
      auto decoded = api::DecodeAgentSandbox((*stored)->root());
      if (!decoded.ok()) return decoded.status().WithContext("the stored " + accepted.title);
      live = std::move(*decoded);
      sandbox.metadata.uid = live->metadata.uid;
      auto gateway = GatewayOf(*live);
      if (!gateway.ok()) return gateway.status();
      gateway_before = std::move(*gateway);
      before = OwnedObjects(*live, profile_, egress_, gateway_before);
    } else {
      sandbox.metadata.uid.clear();
    }
    const auto gateway = GatewayOf(sandbox);
    if (!gateway.ok()) return gateway.status();
    const std::vector<OwnedObject> after = OwnedObjects(sandbox, profile_, egress_, *gateway);
    bool changed = false;
    for (const OwnedObject& wanted : after) {
      const auto differs = Compare(sandbox, before, wanted);
      if (!differs.ok()) return differs.status();
      changed = changed || *differs;
    }
    for (const OwnedObject& old : before) {
      const auto gone = CompareRemoved(sandbox, after, old);
      if (!gone.ok()) return gone.status();
      changed = changed || *gone;
    }
    TellSecrets(live ? &*live : nullptr, gateway_before, sandbox, *gateway);
    return changed;
  }

 private:
  [[nodiscard]] bool HasGateway(const api::AgentSandbox& sandbox) const {
    return egress_ && sandbox.spec.egress;
  }

  // Of the gateway's Service, where it is there.
  Result<LiveGateway> GatewayOf(const api::AgentSandbox& sandbox) {
    LiveGateway gateway;
    if (!HasGateway(sandbox)) return gateway;
    auto service = Find(client_, kube::kServices, sandbox.metadata.namespace_name,
                        render::GatewayName(sandbox));
    if (!service.ok()) return service.status();
    if (*service) {
      gateway.address = (*service)->root()["spec"]["clusterIP"].StringOrEmpty();
      gateway.uid = (*service)->root()["metadata"]["uid"].StringOrEmpty();
    }
    return gateway;
  }

  static std::string ProfileOf(const api::AgentSandbox& sandbox) {
    return render::EgressProfileHash(*sandbox.spec.egress, sandbox.spec.credentials);
  }

  // Nobody is told what is in a Secret, only what would become of it.
  void TellSecrets(const api::AgentSandbox* before, const LiveGateway& gateway_before,
                   const api::AgentSandbox& after, const LiveGateway& gateway_after) {
    const bool had = before != nullptr && HasGateway(*before);
    const bool has = HasGateway(after);
    if (!had && !has) return;
    const api::AgentSandbox& told = has ? after : *before;
    const LiveGateway& gateway = has ? gateway_after : gateway_before;
    const bool shared = api::IsSharedGatewayName(render::GatewayName(told));
    std::string_view fate;
    if (!has) {
      fate = shared ? "would be deleted with the last sandbox of the gateway"
                    : "would be deleted with the gateway's Service";
    } else if (!had || render::GatewayName(*before) != render::GatewayName(after)) {
      fate = shared ? "would be created, as far as no sandbox shares that gateway yet"
                    : "would be created";
    } else if (ProfileOf(*before) != ProfileOf(after)) {
      fate = "would be issued anew";
    } else {
      return;
    }
    const GatewaySecrets names = SecretsOf(told, gateway);
    const bool known = !gateway.uid.empty() && !told.metadata.uid.empty();
    console_.out += colours_.Bold("# Secrets " + names.gateway + ", " + names.leaves + " and " +
                                  names.sandbox) +
                    " " + std::string(fate) + "; " +
                    (known ? "what is in them is neither read nor shown\n"
                           : "their names end in a digest of a uid, and what is in them is neither "
                             "read nor shown\n");
  }

  static const Json* ObjectOf(const std::vector<OwnedObject>& objects, const OwnedObject& like) {
    for (const OwnedObject& owned : objects) {
      if (owned.Title() == like.Title()) return &owned.object;
    }
    return nullptr;
  }

  Result<bool> Compare(const api::AgentSandbox& sandbox, const std::vector<OwnedObject>& before,
                       const OwnedObject& wanted) {
    const std::string& namespace_name = sandbox.metadata.namespace_name;
    // That of a namespace is shown once.
    if (!seen_.insert(namespace_name + "/" + wanted.Title()).second) return false;
    auto found = Find(client_, wanted.resource, namespace_name, wanted.name());
    if (!found.ok()) return found.status();
    Change change{.title = wanted.Title(), .note = {}, .live = {}, .wanted = wanted.object};
    if (!*found) {
      change.note = "would be created";
      return Tell(std::move(change));
    }
    const codec::JsonView live = (*found)->root();
    // The operator leaves it as it is.
    if (wanted.resource.kind == kube::kServiceAccounts.kind) return false;
    if (HasOwner(wanted.object) && !BelongsTo(sandbox, live)) {
      console_.out += colours_.Bold("# " + namespace_name + ": " + wanted.Title()) +
                      " exists and does not belong to this sandbox, which would be Stalled with "
                      "NameConflict; delete the object or rename the sandbox\n";
      return true;
    }
    const Json* old = ObjectOf(before, wanted);
    Json live_json = live.ToJson();
    if (wanted.resource.kind == kube::kConfigMaps.kind) {
      HideCertificates(live_json, old != nullptr ? *old : wanted.object);
    }
    // How many pods a shared gateway has follows from all sandboxes that share it.
    if (wanted.resource.kind == kube::kDeployments.kind && !HasOwner(wanted.object)) {
      (*change.wanted)["spec"]["replicas"] = live_json["spec"]["replicas"];
    }
    change.live = ProjectLive(live_json, wanted.object, old != nullptr ? *old : wanted.object);
    change.note = NoteOf(wanted, live, live_json, *change.live);
    return Tell(std::move(change));
  }

  // What belongs to a namespace or to several sandboxes has none.
  static bool HasOwner(const Json& object) {
    return object["metadata"].contains("ownerReferences");
  }

  // Those of authorities are made in the cluster, and rendered as placeholders.
  static void HideCertificates(Json& live, const Json& rendered) {
    if (rendered["data"].contains(render::kTrustFile) &&
        live["data"].contains(render::kTrustFile)) {
      live["data"][render::kTrustFile] = rendered["data"][render::kTrustFile];
    }
  }

  static std::string NoteOf(const OwnedObject& wanted, codec::JsonView live, const Json& live_json,
                            const Json& projected) {
    if (wanted.resource.kind == kube::kDeployments.kind &&
        projected["spec"].value("template", Json()) != wanted.object["spec"]["template"]) {
      return "would be changed: a new pod of the gateway takes over from the old one";
    }
    if (wanted.resource.kind == kube::kPods.kind) {
      const bool anew = Annotation(live_json, api::kSpecHashAnnotation) !=
                        Annotation(wanted.object, api::kSpecHashAnnotation);
      return anew ? "would be deleted and created anew: the agent restarts" : "would be changed";
    }
    if (wanted.resource.kind == kube::kPersistentVolumeClaims.kind) {
      const render::ClaimGrowth growth = render::GrowthOf(live, wanted.object);
      if (!growth.immutable_fields.empty() || growth.shrinks) {
        return "cannot be changed, and the sandbox would be Stalled with ClaimImmutable";
      }
    }
    return "would be changed";
  }

  // What the sandbox as it is stored has, and the new one has not. Claims are kept.
  Result<bool> CompareRemoved(const api::AgentSandbox& sandbox,
                              const std::vector<OwnedObject>& after, const OwnedObject& old) {
    if (old.resource.kind == kube::kPersistentVolumeClaims.kind) return false;
    if (ObjectOf(after, old) != nullptr) return false;
    auto found = Find(client_, old.resource, sandbox.metadata.namespace_name, old.name());
    if (!found.ok()) return found.status();
    if (!*found || !BelongsTo(sandbox, (*found)->root())) return false;
    return Tell({.title = old.Title(),
                 .note = "would be deleted",
                 .live = ProjectLive((*found)->root().ToJson(), old.object, old.object),
                 .wanted = {}});
  }

  bool Tell(Change change) {
    const auto text_of = [](std::optional<Json>& object) {
      if (!object) return std::string();
      DropBookkeeping(*object);
      UnfoldJson(*object);
      return codec::ToYaml(*object);
    };
    const std::string live = text_of(change.live);
    const std::string wanted = text_of(change.wanted);
    const std::string difference =
        UnifiedDiff("live/" + change.title, live, "applied/" + change.title, wanted);
    if (difference.empty()) return false;
    console_.out += colours_.Bold("# " + change.title) + " " + change.note + "\n";
    for (const std::string_view line : Split(difference, '\n')) {
      if (line.empty()) continue;
      const std::string text = policy::EscapeControls(line);
      console_.out += (line.starts_with('+')   ? colours_.Green(text)
                       : line.starts_with('-') ? colours_.Red(text)
                                               : text) +
                      "\n";
    }
    return true;
  }

  kube::Client& client_;
  const render::Profile& profile_;
  std::optional<render::EgressSettings> egress_;  // where the operator makes gateways
  const Colours& colours_;
  Console& console_;
  std::set<std::string> seen_;
};

int Run(const Invocation& invocation) {
  const auto config = LoadConfiguration(std::string(invocation.flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  const auto cluster = ConnectToCluster(invocation);
  if (!cluster.ok()) return invocation.Fail(cluster.status().message());
  const LintOptions options{.facts = config->facts,
                            .default_namespace = cluster->default_namespace};
  int exit_code = kExitClean;
  auto sandboxes = AcceptSandboxes(invocation, options, Sandboxes::kThemselves, exit_code);
  if (exit_code != kExitClean) exit_code = kExitError;
  const Colours colours(invocation.environment.colour);
  SandboxDiff diff(*cluster->client, *config, colours, invocation.console);
  for (AcceptedSandbox& accepted : sandboxes) {
    const auto changed = diff.Run(std::move(accepted));
    if (!changed.ok()) return invocation.Fail(changed.status().ToString());
    if (*changed && exit_code == kExitClean) exit_code = kExitFindings;
  }
  return exit_code;
}

}  // namespace

Command DiffCommand() {
  return {.name = "diff",
          .arguments = "FILE|DIR|-...",
          .summary = "Show what applying manifests would change of the operator's objects",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
