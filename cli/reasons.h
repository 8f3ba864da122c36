#pragma once

#include <span>
#include <string>
#include <string_view>

namespace stockade::cli {

// A reason of a sandbox's conditions: what it means, and what a person does next. `{pod}`, `{name}`
// and `{namespace}` in a next step stand for those of the sandbox.
struct Reason {
  std::string_view code;
  std::string_view meaning;
  std::string_view next;  // an imperative; empty where there is nothing to do
};

// Every reason that docs/agentsandbox.md names; a test compares them.
[[nodiscard]] std::span<const Reason> Reasons();

// The reason of that code, or null.
[[nodiscard]] const Reason* FindReason(std::string_view code);

// The next step for a sandbox.
[[nodiscard]] std::string NextStep(const Reason& reason, std::string_view namespace_name,
                                   std::string_view name);

}  // namespace stockade::cli
