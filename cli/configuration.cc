#include "cli/configuration.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/strings.h"

namespace stockade::cli {
namespace {

// A parser's message may quote what the manifest says, and that must not reach a terminal as it is.
std::string WithoutControls(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return text;
}

}  // namespace

Result<sandbox_operator::OperatorConfig> LoadConfiguration(const std::string& path) {
  if (path.empty()) return sandbox_operator::OperatorConfig{};
  const auto text = ReadSmallFile(path);
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
    console.err += "stockade: " + problem.source + ": " + WithoutControls(problem.message) + "\n";
  }
  for (const std::string& note : notes) console.err += "stockade: " + note + "\n";
}

}  // namespace stockade::cli
