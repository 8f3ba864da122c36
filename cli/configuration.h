#pragma once

#include <span>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/lint.h"
#include "operator/config.h"

// What several commands read in the same way.
namespace stockade::cli {

// The operator's configuration from a file; its defaults for an empty path.
[[nodiscard]] Result<sandbox_operator::OperatorConfig> LoadConfiguration(const std::string& path);

// --namespace, where it is given.
[[nodiscard]] Status ReadNamespace(const ParsedFlags& flags, std::string& namespace_name);

// --policy and --namespace-labels. BadRequest for a policy that cannot be read or understood, and
// for a file without any: whoever names policies wants to be judged by them.
[[nodiscard]] Status ReadPolicies(const ParsedFlags& flags, LintOptions& options);

// All that --config, --namespace, --policy and --namespace-labels say of how to judge.
[[nodiscard]] Result<LintOptions> ReadLintOptions(const ParsedFlags& flags);

// The manifests that the arguments and --filename name. BadRequest when they name none.
[[nodiscard]] Result<Input> ReadManifests(const Invocation& invocation);

// Writes what could not be read, and what was left out, to standard error.
void TellProblems(std::span<const ReadProblem> problems, std::span<const std::string> notes,
                  Console& console);

}  // namespace stockade::cli
