#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "policy/evaluate.h"
#include "policy/rule.h"

// Clean objects to start from, and their judgement.
namespace stockade::policy {

inline constexpr std::string_view kRuntimeClass = "gvisor";

// A container of a template: a name and an image.
codec::Json PlainContainer(std::string_view name);
// A container as it is rendered: everything hardened.
codec::Json HardenedContainer(std::string_view name);

// An AgentSandbox "case" with one container "agent".
codec::Json PlainSandbox();
// The pod that could be rendered from it, with the RuntimeClass kRuntimeClass.
codec::Json HardenedPod();

// What the rules say. The object must be one that decodes.
std::vector<Finding> JudgeSandbox(const codec::Json& sandbox, const Facts& facts = {});
std::vector<Finding> JudgePod(const codec::Json& pod, const Facts& facts = {});

// "Code field: message", a line each.
std::string Describe(const std::vector<Finding>& findings);
// "Code field" of each error.
std::vector<std::string> ErrorsOf(const std::vector<Finding>& findings);

}  // namespace stockade::policy
