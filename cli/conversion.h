#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input.h"
#include "cli/lint.h"
#include "codec/json.h"
#include "codec/source_map.h"
#include "render/render.h"

// Manifests of kubernetes-sigs/agent-sandbox as Stockade's, with an account of what is different.
// Pure: the same input gives the same output.
namespace stockade::cli {

// One thing that is not as it was. Values are for people: cut, and fit for a terminal.
struct Change {
  std::string field;
  std::string from;            // "unset" where nothing was
  std::string to;              // "removed" where nothing is now
  std::string_view code = {};  // of the rule that asks for it; empty for a default of the operator
  std::string why;
};

// What an AgentSandbox has no place for.
struct LeftOut {
  std::string field;
  std::string value;
  std::string why;
};

// What only a person can decide; it ends a run with kExitFindings if it is an error.
struct Concern {
  Level level = Level::kError;
  std::string code = {};  // of a finding of lint; empty for what conversion itself has to say
  std::string field;
  std::string message;
};

// What the steps of a conversion have to tell of one object.
struct Account {
  std::vector<Change> tightened;
  std::vector<Change> moved;  // said in another field now
  std::vector<LeftOut> left_out;
  std::vector<Concern> concerns;

  [[nodiscard]] bool HasErrors() const;
};

// One object of the input that was converted, could not be, or is Stockade's already and refused.
struct ConvertedObject {
  std::string source;
  codec::TextPosition position;
  std::string from;     // "Sandbox agents/browser"
  std::string to = {};  // "AgentSandbox agents/browser"; empty: nothing was made of it
  std::optional<std::size_t> output;  // its place among the outputs
  Account account = {};
};

struct Conversion {
  std::vector<codec::Json> outputs;  // in the order of the input
  std::vector<ConvertedObject> objects;
  std::map<std::string, std::size_t> passed_through;  // objects of other kinds, by kind
  std::vector<ReadProblem> problems;
  std::vector<std::string> notes;
  std::size_t files = 0;

  [[nodiscard]] bool HasErrors() const;
};

struct ConvertOptions {
  LintOptions lint = {};         // how the result is judged
  render::Profile profile = {};  // what the operator fills in
};

// Makes an AgentSandbox of each Sandbox that no claim or pool of the input has made, and an
// AgentSandboxTemplate, AgentSandboxPool and AgentSandboxClaim of the kinds that are called alike;
// repairs what the rules refuse where there is one safe answer, and judges all of the output as
// lint does. Objects of other kinds stay as they are.
[[nodiscard]] Conversion Convert(const Input& input, const ConvertOptions& options);

// The outputs as documents of YAML. What lint says of this text is what the concerns say.
[[nodiscard]] std::string YamlOf(const std::vector<codec::Json>& outputs);

// The account of every object for people, in lines of at most about 100 columns, and its summary.
[[nodiscard]] std::string TextReport(const Conversion& conversion);
[[nodiscard]] std::string Summary(const Conversion& conversion);
// The same for programs. `files` are the names of the files that hold the outputs; empty when they
// went to standard output.
[[nodiscard]] std::string JsonReport(const Conversion& conversion,
                                     const std::vector<std::string>& files);

}  // namespace stockade::cli
