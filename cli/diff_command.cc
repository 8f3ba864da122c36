#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

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
#include "policy/escaping.h"
#include "render/claims.h"

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
    "now:\nthe deny-all, claims, the Service, the allowance for ingress and the pod. (What changes "
    "of the\nAgentSandbox itself is what kubectl diff shows.) Objects that were changed behind the "
    "operator's back\ndiffer as well. Nothing is written. Pass the operator's own configuration "
    "with "
    "--config, or the\ndefaults are compared with what it made of others.\n"
    "\n"
    "Reads AgentSandboxes, pods, claims, Services and NetworkPolicies of the sandboxes' "
    "namespaces.\n"
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

std::string Controller(codec::JsonView object) {
  return sandbox_operator::DecodeControllerOwner(object["metadata"]).uid;
}

std::string Annotation(const Json& object, std::string_view key) {
  const Json metadata = object.value("metadata", Json::object());
  const Json annotations = metadata.value("annotations", Json::object());
  return annotations.value(std::string(key), std::string());
}

class SandboxDiff {
 public:
  SandboxDiff(kube::Client& client, const render::Profile& profile, const Colours& colours,
              Console& console)
      : client_(client), profile_(profile), colours_(colours), console_(console) {}

  // Whether anything would change. Tells it on the console.
  Result<bool> Run(AcceptedSandbox accepted) {
    api::AgentSandbox& sandbox = accepted.sandbox;
    const std::string& namespace_name = sandbox.metadata.namespace_name;
    auto stored =
        Find(client_, sandbox_operator::kAgentSandboxes, namespace_name, sandbox.metadata.name);
    if (!stored.ok()) return stored.status();
    std::vector<OwnedObject> before;
    if (*stored) {
      auto live = api::DecodeAgentSandbox((*stored)->root());
      if (!live.ok()) return live.status().WithContext("the stored " + accepted.title);
      sandbox.metadata.uid = live->metadata.uid;
      before = OwnedObjects(*live, profile_);
    } else {
      sandbox.metadata.uid.clear();
    }
    const std::vector<OwnedObject> after = OwnedObjects(sandbox, profile_);
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
    return changed;
  }

 private:
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
    const bool is_deny_all = wanted.name() == api::kDenyAllPolicyName;
    if (!is_deny_all &&
        (sandbox.metadata.uid.empty() || Controller(live) != sandbox.metadata.uid)) {
      console_.out += colours_.Bold("# " + namespace_name + ": " + wanted.Title()) +
                      " exists and does not belong to this sandbox, which would be Stalled with "
                      "NameConflict; delete the object or rename the sandbox\n";
      return true;
    }
    const Json* old = ObjectOf(before, wanted);
    const Json live_json = live.ToJson();
    change.live = ProjectLive(live_json, wanted.object, old != nullptr ? *old : wanted.object);
    change.note = NoteOf(wanted, live, live_json);
    return Tell(std::move(change));
  }

  static std::string NoteOf(const OwnedObject& wanted, codec::JsonView live,
                            const Json& live_json) {
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
    if (!*found || Controller((*found)->root()) != sandbox.metadata.uid) return false;
    return Tell({.title = old.Title(),
                 .note = "would be deleted",
                 .live = ProjectLive((*found)->root().ToJson(), old.object, old.object),
                 .wanted = {}});
  }

  bool Tell(Change change) {
    const auto text_of = [](std::optional<Json>& object) {
      if (!object) return std::string();
      DropBookkeeping(*object);
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
  auto sandboxes = AcceptSandboxes(invocation, options, exit_code);
  if (exit_code != kExitClean) exit_code = kExitError;
  const Colours colours(invocation.environment.colour);
  SandboxDiff diff(*cluster->client, config->profile, colours, invocation.console);
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
