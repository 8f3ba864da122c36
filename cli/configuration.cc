#include "cli/configuration.h"

#include <array>
#include <utility>
#include <vector>

#include "api/names.h"
#include "base/files.h"
#include "base/strings.h"
#include "policy/compiled_policy.h"
#include "policy/quoting.h"

namespace stockade::cli {

Result<sandbox_operator::OperatorConfig> LoadConfiguration(const std::string& path) {
  if (path.empty()) return sandbox_operator::OperatorConfig{};
  const auto text = ReadFileOrPipeUpTo(1, path);
  if (!text.ok()) return text.status();
  auto config = sandbox_operator::ParseOperatorConfig(*text);
  if (!config.ok()) return config.status().WithContext(path);
  return config;
}

Status ReadNamespace(const ParsedFlags& flags, std::string& namespace_name) {
  if (!flags.Has("namespace")) return Status::Ok();
  namespace_name = flags.Value("namespace");
  if (IsDnsLabel(namespace_name)) return Status::Ok();
  return {StatusCode::kBadRequest,
          "--namespace must be the name of a namespace, a DNS label of at most 63 characters, not "
          "\"" +
              namespace_name + "\""};
}

Status ReadPolicies(const ParsedFlags& flags, LintOptions& options) {
  for (const std::string& path : flags.Values("policy")) {
    if (path == "-") {
      return {StatusCode::kBadRequest, "--policy takes a file or a directory, not standard input"};
    }
    const std::array paths = {path};
    const Input input = ReadInput(paths, nullptr);
    for (const ReadProblem& problem : input.problems) {
      return {StatusCode::kBadRequest, "--policy " + problem.source + ": " + problem.message};
    }
    bool any = false;
    for (const InputObject& object : input.objects) {
      if (!IsOfKind(object, api::kAgentSandboxPolicyKind)) continue;
      any = true;
      if (object.api_version() != api::kGroupVersion) {
        return {StatusCode::kBadRequest, "--policy " + object.source + ": the apiVersion of an " +
                                             std::string(api::kAgentSandboxPolicyKind) +
                                             " must be " + std::string(api::kGroupVersion) +
                                             ", not " + policy::Quote(object.api_version())};
      }
      options.policies.push_back(policy::CompiledPolicy::Compile(object.object));
      const policy::CompiledPolicy& compiled = *options.policies.back();
      if (!compiled.problem().empty()) {
        return {StatusCode::kBadRequest, "--policy " + object.source + ": AgentSandboxPolicy " +
                                             policy::Quote(compiled.name()) + ": " +
                                             compiled.problem()};
      }
    }
    if (!any) {
      return {StatusCode::kBadRequest,
              "--policy " + path + ": there is no AgentSandboxPolicy in it"};
    }
  }
  if (!flags.Has("namespace-labels")) return Status::Ok();
  api::StringMap labels;
  for (const std::string_view label : Split(flags.Value("namespace-labels"), ',')) {
    const std::size_t equals = label.find('=');
    if (equals == label.npos || equals == 0) {
      return {StatusCode::kBadRequest, "--namespace-labels must be KEY=VALUE,KEY=VALUE, not \"" +
                                           std::string(flags.Value("namespace-labels")) + "\""};
    }
    const std::string key(label.substr(0, equals));
    const std::string value(label.substr(equals + 1));
    if (!IsLabelKey(key)) {
      return {StatusCode::kBadRequest,
              "--namespace-labels: " + policy::Quote(key) +
                  " can be no label's key; it must be like team or example.com/team, of letters, "
                  "digits, '-', '_' and '.'"};
    }
    if (!IsLabelValue(value)) {
      return {StatusCode::kBadRequest,
              "--namespace-labels: " + policy::Quote(value) + " can be no label's value; " + key +
                  " must have at most 63 letters, digits, '-', '_' and '.', with a letter or digit "
                  "at both ends"};
    }
    labels.insert_or_assign(key, value);
  }
  options.namespace_labels = std::move(labels);
  return Status::Ok();
}

Result<Input> ReadManifests(const Invocation& invocation) {
  std::vector<std::string> paths = invocation.flags.arguments();
  for (std::string& path : invocation.flags.Values("filename")) paths.push_back(std::move(path));
  if (paths.empty()) {
    return Status(StatusCode::kBadRequest,
                  "nothing to read: name files or directories, or - for standard input (see "
                  "--help)");
  }
  return ReadInput(paths, invocation.environment.read_stdin);
}

void TellProblems(std::span<const ReadProblem> problems, std::span<const std::string> notes,
                  Console& console) {
  for (const ReadProblem& problem : problems) {
    console.Tell(problem.source + ": " + problem.message);
  }
  for (const std::string& note : notes) console.Tell(note);
}

Result<LintOptions> ReadLintOptions(const ParsedFlags& flags) {
  LintOptions options;
  const auto config = LoadConfiguration(std::string(flags.Value("config")));
  if (!config.ok()) return config.status();
  options.facts = config->facts;
  if (Status status = ReadNamespace(flags, options.default_namespace); !status.ok()) return status;
  if (Status status = ReadPolicies(flags, options); !status.ok()) return status;
  return options;
}

}  // namespace stockade::cli
