#include <array>
#include <string>
#include <vector>

#include "api/names.h"
#include "api/pod_view.h"
#include "cli/cluster.h"
#include "cli/colours.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/sandbox_explanation.h"
#include "operator/cached_objects.h"
#include "policy/evaluate.h"

namespace stockade::cli {
namespace {

constexpr std::array kFlags = {
    Flag{.name = "namespace",
         .value = "NAME",
         .help = "the sandbox's namespace (default: the context's)",
         .letter = 'n'},
    kConfigFlag,
    kKubeconfigFlag,
    kContextFlag,
    kHelpFlag,
};

constexpr std::string_view kHelp =
    "Tells why a sandbox in the cluster is in the state that it is in: whether it is ready and "
    "what "
    "keeps\nit, its conditions, its pod's containers, what the rules find in it now, and what to "
    "do "
    "next. Reads\nthe AgentSandbox and its pod; nothing is written.\n"
    "\n"
    "Exit codes: 0 the sandbox was found, 2 an error.\n"
    "\n"
    "Examples:\n"
    "  $ stockade explain sandbox my-agent\n"
    "  $ stockade explain sandbox my-agent -n agents --context staging\n";

int Run(const Invocation& invocation) {
  const std::vector<std::string>& names = invocation.flags.arguments();
  if (names.size() != 1) return invocation.Fail("name one sandbox: explain sandbox NAME");
  const auto config = LoadConfiguration(std::string(invocation.flags.Value("config")));
  if (!config.ok()) return invocation.Fail(config.status().message());
  const auto cluster = ConnectToCluster(invocation);
  if (!cluster.ok()) return invocation.Fail(cluster.status().message());
  const std::string& namespace_name = cluster->default_namespace;
  const auto stored =
      Find(*cluster->client, sandbox_operator::kAgentSandboxes, namespace_name, names[0]);
  if (!stored.ok()) return invocation.Fail(stored.status().ToString());
  if (!*stored) {
    return invocation.Fail("there is no AgentSandbox \"" + names[0] + "\" in namespace \"" +
                           namespace_name + "\"; choose another with --namespace");
  }
  const auto pod =
      Find(*cluster->client, kube::kPods, namespace_name, api::SandboxObjectName(names[0]));
  if (!pod.ok()) return invocation.Fail(pod.status().ToString());

  const codec::JsonView object = (*stored)->root();
  std::vector<policy::Finding> findings;
  if (const auto sandbox = api::DecodeAgentSandbox(object); sandbox.ok()) {
    findings = policy::EvaluateSandbox(
        *sandbox, api::PodView(object["spec"]["podTemplate"], "spec.podTemplate"), config->facts);
  }
  const Colours colours(invocation.environment.colour);
  invocation.console.out += ExplainSandbox(object, *pod, findings, colours);
  return kExitClean;
}

}  // namespace

Command ExplainSandboxCommand() {
  return {.name = "explain sandbox",
          .arguments = "NAME",
          .summary = "Tell why a sandbox in the cluster is in its state, and what to do",
          .help = kHelp,
          .flags = kFlags,
          .run = Run};
}

}  // namespace stockade::cli
