#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/agent_sandbox.h"
#include "codec/json.h"

// What the risk of a sandbox calls for: which tier, which controls, and what each stops and costs.
// Pure. The reasoning is docs/risk-profiles.md, whose figures are those of docs/benchmarks.md.
namespace stockade::cli {

// By what comes together in one sandbox: text that others wrote, something worth taking, and a way
// to take it out or to keep a hold of it.
enum class Risk { kLow, kModerate, kHigh, kCritical };
[[nodiscard]] std::string_view RiskName(Risk risk);

enum class Weight {
  kHas,     // the sandbox has it
  kShould,  // its risk calls for it
  kCould,   // it would be one thing less to go wrong
};
[[nodiscard]] std::string_view WeightName(Weight weight);

// One control.
struct Advice {
  Weight weight = Weight::kHas;
  std::string control;  // "digest"
  std::string field;    // where it is set
  std::string what;     // what the sandbox has, or is to be given
  std::string stops;
  std::string costs;
};

struct Assessment {
  Risk risk = Risk::kLow;
  std::vector<std::string> reasons;                  // what the risk is made of
  api::Isolation tier = api::Isolation::kContainer;  // the least that is called for
  std::string profile;                               // the nearest one of examples/profiles
  std::vector<Advice> advice;

  // Something that it should have is missing.
  [[nodiscard]] bool Lacks() const;
};

[[nodiscard]] Assessment Assess(const api::AgentSandbox& sandbox);

// For people, and for programs.
[[nodiscard]] std::string TextOf(const Assessment& assessment, std::string_view title);
[[nodiscard]] codec::Json ToJson(const Assessment& assessment, std::string_view title);

}  // namespace stockade::cli
