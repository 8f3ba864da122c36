// policy-bench: what judging one sandbox costs, by the floor alone and with policies, compiled
// beforehand. Reads the AgentSandbox as JSON from standard input; without policies it must be
// clean.
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"
#include "policy/compiled_policy.h"
#include "policy/evaluate.h"
#include "policy/policy_set.h"

namespace {

using namespace stockade;  // NOLINT(google-build-using-namespace): a program of one file
using codec::Json;

constexpr int kPolicies = 20;
constexpr int kRounds = 15;
constexpr int kRunsOfARound = 2000;

std::vector<policy::SharedPolicy> MakePolicies(const Json& spec) {
  std::vector<policy::SharedPolicy> policies;
  for (int i = 0; i < kPolicies; ++i) {
    const codec::JsonDocument object = codec::ParseTrusted(
        {{"metadata", {{"name", "policy-" + std::to_string(i)}}}, {"spec", spec}});
    policies.push_back(policy::CompiledPolicy::Compile(object.root()));
  }
  return policies;
}

// Of this thread: what else the machine does takes nothing of it but cache.
std::chrono::nanoseconds ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct Measured {
  double microseconds = 0;  // of one evaluation, in the median round
  std::size_t findings = 0;
};

Measured Measure(const api::AgentSandbox& sandbox, api::PodView pod_template,
                 const std::vector<policy::SharedPolicy>& policies) {
  const policy::Facts facts;
  Measured measured;
  std::array<double, kRounds> rounds{};
  for (double& round : rounds) {
    const auto begin = ProcessorTime();
    for (int i = 0; i < kRunsOfARound; ++i) {
      const auto judgement = policy::Evaluate(sandbox, pod_template, facts, policies);
      measured.findings = judgement.floor.size() + judgement.by_policies.size();
    }
    const std::chrono::duration<double, std::micro> took = ProcessorTime() - begin;
    round = took.count() / kRunsOfARound;
  }
  std::ranges::sort(rounds);
  measured.microseconds = rounds[kRounds / 2];
  return measured;
}

}  // namespace

int main() {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const auto document = codec::JsonDocument::Parse(text);
  if (!document.ok()) {
    std::fprintf(stderr, "policy-bench: %s\n", document.status().message().c_str());
    return 2;
  }
  // As the webhook does: the pod's spec is judged in the document and not copied.
  const auto sandbox =
      api::DecodeAgentSandbox(document->root(), {.pod_spec = false, .status = false});
  if (!sandbox.ok()) {
    std::fprintf(stderr, "policy-bench: %s\n", sandbox.status().message().c_str());
    return 2;
  }
  const api::PodView pod_template(document->root()["spec"]["podTemplate"], "spec.podTemplate");
  const auto met = MakePolicies(
      {{"minimumIsolation", "GVisor"},
       {"images",
        {{"allowedRegistries", {"ghcr.io/acme", "quay.io/acme", "registry.example.com/agents"}}}},
       {"resources", {{"max", {{"cpu", "8"}, {"memory", "16Gi"}}}}}});
  const auto violated = MakePolicies({{"minimumIsolation", "MicroVM"}});

  const struct {
    const char* what;
    Measured measured;
  } rows[] = {
      {"the floor alone", Measure(*sandbox, pod_template, {})},
      {"with 20 policies that are met", Measure(*sandbox, pod_template, met)},
      {"with 20 policies that are violated", Measure(*sandbox, pod_template, violated)},
  };
  std::printf("A sandbox of %.1f KiB, judged %d times in each of %d rounds; the median round\n",
              static_cast<double>(text.size()) / 1024, kRunsOfARound, kRounds);
  for (const auto& [what, measured] : rows) {
    std::printf("  %-36s %7.2f us  %3zu findings\n", what, measured.microseconds,
                measured.findings);
  }
  const bool as_expected = rows[0].measured.findings == 0 && rows[1].measured.findings == 0 &&
                           rows[2].measured.findings == kPolicies;
  if (!as_expected) std::fprintf(stderr, "policy-bench: these are not the findings expected\n");
  return as_expected ? 0 : 1;
}
