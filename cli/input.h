#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "codec/json.h"
#include "codec/yaml.h"

namespace stockade::cli {

// How standard input is called in messages and reports.
inline constexpr std::string_view kStdinName = "<stdin>";

// One Kubernetes object of a file; those inside a list count each. One of apiVersion and kind may
// be missing. A cheap copy.
struct InputObject {
  std::string source;       // the file, as it was named
  std::string path_prefix;  // where it stands in its document: "items[2]." inside a List
  std::string comments;     // the lines of its document that are comments alone; of the first one
                            // also those above its separator
  std::shared_ptr<const codec::LocatedDocument> document;
  std::shared_ptr<const codec::JsonDocument> completed = {};  // owns `object` where its apiVersion
                                                              // and kind are those of its list
  codec::JsonView object;

  // Where a field of the object stands in the file.
  [[nodiscard]] codec::TextPosition Locate(std::string_view field) const;
  [[nodiscard]] std::string_view api_version() const {
    return object["apiVersion"].StringOrEmpty();
  }
  [[nodiscard]] std::string_view kind() const { return object["kind"].StringOrEmpty(); }
};

// What could not be read, for people.
struct ReadProblem {
  std::string source;
  std::string message;
};

struct Input {
  std::vector<InputObject> objects;
  std::vector<ReadProblem> problems;
  std::vector<std::string> notes;  // what was left out, and what to do about it
  std::size_t files = 0;
  std::size_t other_documents = 0;  // maps and lists with neither apiVersion nor kind
};

// Adds the objects of one text. Its documents are told apart as kubectl does, by lines that begin
// with "---", and each is read on its own: one that cannot be read keeps no other from being
// judged. Whatever has a list of `items` is a list, whatever its kind, and its items count in its
// stead; those that have neither apiVersion nor kind take them from the outermost list, as in an
// AgentSandboxList. So does kubectl.
void ReadText(std::string_view source, std::string_view text, Input& input);

// Reads files, directories (all *.yaml, *.yml and *.json below them, in the order of their names;
// hidden ones and the templates of Helm charts are left out) and, for "-", standard input. A path
// that is named here may be a pipe; one in a directory is a problem.
[[nodiscard]] Input ReadInput(std::span<const std::string> paths,
                              const std::function<Result<std::string>()>& read_stdin);

}  // namespace stockade::cli
