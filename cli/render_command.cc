#include <array>
#include <set>
#include <string>
#include <utility>

#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/owned_objects.h"
#include "cli/sandboxes.h"
#include "codec/yaml_writer.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "output",
         .value = "yaml|json",
         .help = "the format: documents of YAML, or one List in JSON (default: yaml)",
         .letter = 'o'},
    kFilenameFlag,
    kNamespaceFlag,
    kConfigFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Prints the objects that the operator would create for each AgentSandbox, in the order in "
    "which "
    "it\nwrites them: the namespace's deny-all NetworkPolicy, claims, the Service, the allowance "
    "for "
    "ingress,\nand the pod last. A suspended sandbox has no pod. No cluster is needed; with the "
    "operator's own\nconfiguration the result is the operator's to the byte, but for the owner "
    "reference, which needs\nthe uid of the stored sandbox.\n"
    "\n"
    "Of a template it prints what a claim that adds nothing would get, under the template's name; "
    "of "
    "a claim\nwhat it would get itself, if its template, and its pool where it names one, are in "
    "the "
    "input.\n"
    "\n"
    "Of a sandbox with spec.egress the gateway's objects come before the pod: its deny-all, "
    "service "
    "account,\nService, ConfigMaps with the configurations of both proxies, allowances and "
    "Deployment. Secrets are not\nshown, and what only a cluster knows has placeholders.\n"
    "\n"
    "Exit codes: 0 all were rendered, 1 the rules refuse some, 2 something could not be read or "
    "the\n"
    "command line is wrong.\n"
    "\n"
    "Examples:\n"
    "  # what becomes of a sandbox\n"
    "  $ stockade render sandbox.yaml\n"
    "\n"
    "  # its pod's security context\n"
    "  $ stockade render -o json sandbox.yaml | jq '.items[-1].spec.securityContext'\n"
    "\n"
    "  # what becomes of a claim\n"
    "  $ stockade render templates/ pools/ claim.yaml\n"
    "\n"
    "  # with the runtime classes and defaults of an installation\n"
    "  $ stockade render --config operator.yaml sandbox.yaml\n"
    "\n"
    "  # the configuration of a sandbox's gateway, which is Envoy's\n"
    "  $ stockade render -o json sandbox.yaml | jq -r '.items[] | select(.metadata.name == "
    "\"asg-box-gateway\"\n      and .kind == \"ConfigMap\") | .data[\"envoy.json\"]'\n";

int Run(const Invocation& invocation) {
  const ParsedFlags& flags = invocation.flags;
  const std::string_view output = flags.Has("output") ? flags.Value("output") : "yaml";
  if (output != "yaml" && output != "json") {
    return invocation.Fail("--output must be yaml or json, not \"" + std::string(output) + "\"");
  }
  const auto config = LoadConfiguration(std::string(flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  LintOptions options{.facts = config->facts};
  if (Status status = ReadNamespace(flags, options.default_namespace); !status.ok()) {
    return invocation.Fail(status.message());
  }
  int exit_code = kExitClean;
  const auto sandboxes =
      AcceptSandboxes(invocation, options, Sandboxes::kAndWhatMakesThem, exit_code);

  codec::Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", codec::Json::array()}};
  // The deny-all of a namespace stands once, before the first sandbox of it.
  std::set<std::pair<std::string, std::string>> seen;
  for (const AcceptedSandbox& accepted : sandboxes) {
    for (OwnedObject& owned :
         OwnedObjects(accepted.sandbox, config->profile, config->egress.settings)) {
      const std::pair key{accepted.sandbox.metadata.namespace_name, owned.Title()};
      if (!seen.insert(key).second) continue;
      DropUnknownOwner(owned.object);
      if (output == "yaml") {
        invocation.console.out +=
            "---\n# of " + accepted.title + "\n" + codec::ToYaml(owned.object);
      } else {
        list["items"].push_back(std::move(owned.object));
      }
    }
  }
  if (output == "json" && !sandboxes.empty()) invocation.console.out += list.dump(2) + "\n";
  return exit_code;
}

}  // namespace

Command RenderCommand() {
  return {.name = "render",
          .arguments = "FILE|DIR|-...",
          .summary = "Print what the operator would create",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
