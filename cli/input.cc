#include "cli/input.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "api/names.h"
#include "base/files.h"
#include "base/strings.h"
#include "policy/quoting.h"

namespace stockade::cli {
namespace {

namespace fs = std::filesystem;

// A rendered chart can be large; what one document may hold is codec's to limit.
constexpr std::size_t kMaxFileMebibytes = 64;

struct Segment {
  std::string_view text;
  int first_line = 1;
};

bool IsSeparator(std::string_view line) {
  if (!line.starts_with("---")) return false;
  return line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r';
}

// The documents of a text, each with the separator before it.
std::vector<Segment> SplitDocuments(std::string_view text) {
  std::vector<Segment> segments;
  std::size_t start = 0;
  int start_line = 1;
  int line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (at > start && IsSeparator(text.substr(at, end - at))) {
      segments.push_back({text.substr(start, at - start), start_line});
      start = at;
      start_line = line;
    }
    at = end + 1;
  }
  segments.push_back({text.substr(start), start_line});
  return segments;
}

std::string CommentsOf(std::string_view text) {
  std::string comments;
  for (const std::string_view line : Split(text, '\n')) {
    const std::string_view trimmed = TrimSpace(line);
    if (trimmed.starts_with('#')) comments += std::string(trimmed) + "\n";
  }
  return comments;
}

constexpr std::string_view kListSuffix = "List";

// What kubectl takes for a list: it looks at nothing but the items.
bool IsList(codec::JsonView object) { return object["items"].IsArray(); }

void AddProblem(const InputObject& object, const std::string& message, Input& input) {
  const codec::TextPosition position = object.Locate("");
  const std::string place =
      position.known() ? "line " + std::to_string(position.line) + ": " : std::string();
  input.problems.push_back({object.source, place + message});
}

// An item that has neither apiVersion nor kind, with those of its list: of an AgentSandboxList it
// is an AgentSandbox.
void TakeTypeFrom(const InputObject& list, InputObject& item) {
  std::string_view kind = list.kind();
  if (kind.ends_with(kListSuffix)) kind.remove_suffix(kListSuffix.size());
  codec::Json object = item.object.ToJson();
  object["apiVersion"] = list.api_version();
  object["kind"] = kind;
  item.completed = std::make_shared<const codec::JsonDocument>(codec::ParseTrusted(object));
  item.object = item.completed->root();
}

// An object with items that is of none of the kinds of lists: kubectl applies the items and drops
// the rest, which nobody means. One of ours is judged too, and found to have no field of that name.
void AddUnusualList(const InputObject& list, Input& input) {
  if (list.kind().empty() || list.kind().ends_with(kListSuffix)) return;
  const std::string_view group = list.api_version().substr(0, list.api_version().find('/'));
  if (group == api::kGroup) {
    input.objects.push_back(list);
  } else {
    input.notes.push_back(list.source + ": kubectl takes an object of kind " +
                          policy::Quote(list.kind()) +
                          " with items for a list, and applies the items and nothing else of it");
  }
}

// The items of a list, at most as deep as a document may be nested. kubectl refuses a list inside
// of a list; it is opened all the same.
void AddItems(const InputObject& list, Input& input) {
  const bool outermost = list.path_prefix.empty();
  AddUnusualList(list, input);
  list.object["items"].ForEachElement([&](std::size_t index, codec::JsonView object) {
    InputObject item = list;
    item.object = object;
    item.path_prefix += "items[" + std::to_string(index) + "].";
    if (!object.IsObject()) {
      AddProblem(item,
                 policy::Quote(object) +
                     " is no Kubernetes object; write one with apiVersion and kind, or remove it",
                 input);
      return;
    }
    if (outermost && item.api_version().empty() && item.kind().empty()) TakeTypeFrom(list, item);
    if (IsList(item.object)) {
      AddItems(item, input);
    } else if (item.kind().empty()) {
      AddProblem(item, "an item of the list has no kind; write its apiVersion and kind", input);
    } else {
      input.objects.push_back(item);
    }
  });
}

void AddObjects(const InputObject& outer, Input& input) {
  if (outer.object.IsNull()) return;  // as empty as a document without a line
  if (!outer.object.IsObject() && !outer.object.IsArray()) {
    AddProblem(outer,
               policy::Quote(outer.object) +
                   " is no Kubernetes object; write one with apiVersion and kind, or remove it",
               input);
    return;
  }
  if (outer.api_version().empty() && outer.kind().empty()) {
    ++input.other_documents;
    return;
  }
  if (!IsList(outer.object)) {
    input.objects.push_back(outer);
    return;
  }
  if (outer.api_version().empty()) {
    AddProblem(outer, policy::Quote(outer.kind()) + " has no apiVersion; that of a List is v1",
               input);
  } else if (outer.kind().empty()) {
    AddProblem(outer, "a list has no kind; that of a List of any objects is List", input);
  }
  AddItems(outer, input);
}

bool LooksLikeHelmTemplate(std::string_view text) {
  return text.find("{{") != std::string_view::npos;
}

bool IsManifestName(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

class Walk {
 public:
  explicit Walk(Input& input) : input_(input) {}

  void Directory(const fs::path& directory) {
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
      entries.push_back(*it);
    }
    if (error) {
      input_.problems.push_back({directory.string(), "cannot be read: " + error.message()});
      return;
    }
    std::ranges::sort(entries, {}, &fs::directory_entry::path);
    const bool is_chart = fs::exists(directory / "Chart.yaml", error);
    for (const fs::directory_entry& entry : entries) Entry(entry, is_chart);
  }

  // One that the user named: where it is a pipe, that is meant.
  void NamedFile(const std::string& name) {
    Read(name, ReadFileOrPipeUpTo(kMaxFileMebibytes, name));
  }

 private:
  void Read(const std::string& name, const Result<std::string>& text) {
    ++input_.files;
    if (!text.ok()) {
      std::string reason = text.status().message();
      const std::string head = "cannot read " + name + ": ";
      if (reason.starts_with(head)) reason.erase(0, head.size());
      input_.problems.push_back({name, "cannot be read: " + reason});
      return;
    }
    ReadText(name, *text, input_);
  }

  void Entry(const fs::directory_entry& entry, bool in_chart) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) return;
    std::error_code error;
    // A link to a directory may lead anywhere, in circles too.
    if (entry.is_directory(error) && !entry.is_symlink(error)) {
      if (in_chart && name == "templates") {
        input_.notes.push_back(entry.path().string() +
                               " is left out: it holds the templates of a Helm chart; judge what "
                               "helm template prints");
        return;
      }
      Directory(entry.path());
    } else if (IsManifestName(entry.path()) && !entry.is_directory(error)) {
      Read(entry.path().string(), ReadFileUpTo(kMaxFileMebibytes, entry.path().string()));
    }
  }

  Input& input_;
};

}  // namespace

codec::TextPosition InputObject::Locate(std::string_view field) const {
  if (path_prefix.empty()) return document->source.Locate(field);
  std::string path = path_prefix + std::string(field);
  if (field.empty() || field.starts_with('[')) path.erase(path_prefix.size() - 1, 1);
  return document->source.Locate(path);
}

void ReadText(std::string_view source, std::string_view text, Input& input) {
  std::string before;  // comments above the first document's separator
  bool is_first = true;
  for (const Segment& segment : SplitDocuments(text)) {
    auto documents = codec::ParseLocatedYaml(segment.text, segment.first_line);
    if (!documents.ok()) {
      std::string message = documents.status().message();
      if (LooksLikeHelmTemplate(segment.text)) {
        message += "; this looks like a template: judge what helm template prints";
      }
      input.problems.push_back({std::string(source), std::move(message)});
      is_first = false;
      continue;
    }
    std::string comments = CommentsOf(segment.text);
    if (is_first && documents->empty()) {
      before += comments;
    } else if (std::exchange(is_first, false)) {
      comments.insert(0, before);
    }
    for (codec::LocatedDocument& document : *documents) {
      InputObject object;
      object.source = source;
      object.comments = comments;
      object.document = std::make_shared<const codec::LocatedDocument>(std::move(document));
      object.object = object.document->document.root();
      AddObjects(object, input);
    }
  }
}

Input ReadInput(std::span<const std::string> paths,
                const std::function<Result<std::string>()>& read_stdin) {
  Input input;
  Walk walk(input);
  bool stdin_was_read = false;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-") {
      if (std::exchange(stdin_was_read, true)) continue;
      ++input.files;
      const auto text = read_stdin();
      if (text.ok()) {
        ReadText(kStdinName, *text, input);
      } else {
        input.problems.push_back({std::string(kStdinName), text.status().message()});
      }
    } else if (std::filesystem::is_directory(path, error)) {
      walk.Directory(path);
    } else {
      walk.NamedFile(path);
    }
  }
  return input;
}

}  // namespace stockade::cli
