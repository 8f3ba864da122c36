#pragma once

#include <span>
#include <string_view>

#include "codec/json.h"

// The CEL rules of our CustomResourceDefinitions (x-kubernetes-validations), written once more for
// use without an API server. Keyed by the rule's text, so that a rule that changes has no
// equivalent until somebody has looked at it; tests/unit/schema fails as long as one is missing.
namespace stockade::schema {

struct RuleEquivalent {
  std::string_view rule;  // as in the CRD
  // Whether `self`, the value that the rule stands at, satisfies it. A value of a wrong type does:
  // the schema has said so already.
  bool (*holds)(codec::JsonView self);
};

[[nodiscard]] std::span<const RuleEquivalent> RuleEquivalents();

// The equivalent of that rule, or null.
[[nodiscard]] const RuleEquivalent* FindRuleEquivalent(std::string_view rule);

}  // namespace stockade::schema
