#include "codec/yaml.h"

#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <exception>
#include <istream>
#include <map>
#include <memory>
#include <optional>
#include <streambuf>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/strings.h"
#include "codec/yaml_scalar.h"

namespace stockade::codec {
namespace {

// All text of all documents, alias expansions included: aliases of one long string are few nodes.
constexpr std::size_t kMaxExpandedBytes = 2 * kMaxYamlBytes;

// Thrown by the event handler to leave yaml-cpp's parser; never leaves this file.
struct YamlError : std::exception {
  YamlError(YAML::Mark where, std::string text) : mark(where), message(std::move(text)) {}
  [[nodiscard]] const char* what() const noexcept override { return message.c_str(); }

  YAML::Mark mark;
  std::string message;
};

// `first_line` is the number of the text's first line; `line` and `column` count from 0.
Status AtMark(int first_line, int line, int column, const std::string& message) {
  if (line < 0) return {StatusCode::kBadRequest, "not valid YAML: " + message};
  return {StatusCode::kBadRequest, "not valid YAML: line " + std::to_string(line + first_line) +
                                       ", column " + std::to_string(column + 1) + ": " + message};
}

// Reads a string_view in place.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    // A streambuf's area is mutable by its type only: nothing here puts characters back.
    char* begin = const_cast<char*>(text.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    setg(begin, begin, begin + text.size());
  }
};

struct Node {
  ScalarKind kind = ScalarKind::kNull;
  bool is_map = false;
  bool is_sequence = false;
  std::string text;                // of a scalar: its value, numbers and booleans as JSON
  std::vector<std::size_t> items;  // of a sequence, or the values of a map
  std::vector<std::string> keys;   // of a map, one for each item
  std::vector<YAML::Mark> marks;   // where each item stands, that of a map by its key
  std::size_t nodes = 1;           // of the whole subtree, aliases expanded
  std::size_t bytes = 0;           // of all text in it
  std::size_t height = 1;
};

// Builds the tree of each document from yaml-cpp's events. Throws YamlError at the first event that
// goes beyond a limit, which also bounds the parser's own recursion. One thread, one parse.
class TreeBuilder final : public YAML::EventHandler {
 public:
  struct Root {
    std::size_t node = 0;
    YAML::Mark mark;
  };
  [[nodiscard]] const std::vector<Root>& documents() const { return documents_; }
  [[nodiscard]] const Node& node(std::size_t index) const { return nodes_[index]; }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {
    anchors_.clear();
    open_.clear();
    root_.reset();
  }

  void OnDocumentEnd() override {
    if (!root_) return;
    const Node& root = nodes_[*root_];
    const bool empty = !root.is_map && !root.is_sequence && root.kind == ScalarKind::kNull;
    if (!empty) documents_.push_back({*root_, root_mark_});
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, NewScalar(ScalarKind::kNull, "null"), anchor, /*is_merge_key=*/false);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    for (const Frame& frame : open_) {
      if (frame.anchor == anchor) throw YamlError{mark, "an alias stands inside its own anchor"};
    }
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) throw YamlError{mark, "an alias without its anchor"};
    Add(mark, target->second, YAML::NullAnchor, /*is_merge_key=*/false);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!simdjson::validate_utf8(value)) {
      // yaml-cpp turns these two escapes into a lone byte; nothing else can be invalid by now.
      throw YamlError{mark, "the escapes \\N and \\_ are not supported: write \\u0085, \\u00a0"};
    }
    const bool is_merge_key = tag == "?" && value == "<<";
    ResolvedScalar scalar;
    const std::string error = ResolveScalar(tag, value, scalar);
    if (!error.empty()) throw YamlError{mark, error};
    Add(mark, NewScalar(scalar.kind, std::move(scalar.text)), anchor, is_merge_key);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    CheckCollectionTag(mark, tag, "tag:yaml.org,2002:seq");
    Open(mark, anchor).is_sequence = true;
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    CheckCollectionTag(mark, tag, "tag:yaml.org,2002:map");
    Open(mark, anchor).is_map = true;
  }

  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

 private:
  // A collection whose end has not been seen.
  struct Frame {
    std::size_t node = 0;
    YAML::anchor_t anchor = YAML::NullAnchor;
    YAML::Mark mark;
    std::optional<std::string> key;  // of a map, waiting for its value
    YAML::Mark key_mark;
    bool key_is_merge = false;
    // Of a map: the position of each key, and whether it came from a merge and may be overridden.
    std::unordered_map<std::string, std::pair<std::size_t, bool>> positions;
  };

  static void CheckCollectionTag(const YAML::Mark& mark, const std::string& tag,
                                 std::string_view own_tag) {
    if (tag != "?" && tag != "!" && tag != own_tag && !tag.empty()) {
      throw YamlError{mark, "the tag " + Truncate(tag, 64) + " is not supported here"};
    }
  }

  std::size_t NewScalar(ScalarKind kind, std::string text) {
    Node& node = nodes_.emplace_back();
    node.kind = kind;
    node.bytes = text.size();
    node.text = std::move(text);
    return nodes_.size() - 1;
  }

  Node& Open(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (!open_.empty()) RefuseCollectionAsKey(mark);
    if (open_.size() >= kMaxYamlDepth) {
      throw YamlError{mark, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels"};
    }
    Count(mark, 1, 0);
    nodes_.emplace_back();
    Frame& frame = open_.emplace_back();
    frame.node = nodes_.size() - 1;
    frame.anchor = anchor;
    frame.mark = mark;
    return nodes_.back();
  }

  void Close() {
    const Frame frame = std::move(open_.back());
    open_.pop_back();
    if (frame.anchor != YAML::NullAnchor) anchors_[frame.anchor] = frame.node;
    Attach(frame.mark, frame.node);
  }

  // A scalar or an alias, complete in one event.
  void Add(const YAML::Mark& mark, std::size_t index, YAML::anchor_t anchor, bool is_merge_key) {
    const Node& node = nodes_[index];
    Count(mark, node.nodes, node.bytes);
    if (open_.size() + node.height > kMaxYamlDepth + 1) {
      throw YamlError{mark,
                      "an alias expands to more than " + std::to_string(kMaxYamlDepth) + " levels"};
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = index;
    if (!open_.empty() && nodes_[open_.back().node].is_map && !open_.back().key) {
      if (node.is_map || node.is_sequence) RefuseCollectionAsKey(mark);
      SetKey(mark, node, is_merge_key);
      return;
    }
    Attach(mark, index);
  }

  void RefuseCollectionAsKey(const YAML::Mark& mark) const {
    if (nodes_[open_.back().node].is_map && !open_.back().key) {
      throw YamlError{mark, "a key must be a string, not a list or a map"};
    }
  }

  void SetKey(const YAML::Mark& mark, const Node& node, bool is_merge_key) {
    Frame& frame = open_.back();
    if (node.kind == ScalarKind::kNull || node.kind == ScalarKind::kFloat) {
      throw YamlError{mark, "the key " + Truncate(node.text, 64) + " is no string: quote it"};
    }
    if (is_merge_key) {
      if (!nodes_[frame.node].items.empty()) {
        throw YamlError{mark,
                        "a merge key (<<) must be the first key of its map, because programs "
                        "disagree on what it overrides elsewhere"};
      }
    } else {
      const auto position = frame.positions.find(node.text);
      if (position != frame.positions.end() && !position->second.second) {
        throw YamlError{mark, "duplicate key \"" + Truncate(node.text, 64) + "\""};
      }
    }
    frame.key = node.text;
    frame.key_mark = mark;
    frame.key_is_merge = is_merge_key;
  }

  // Puts a complete node where it stands: a value, an element or the document's root.
  void Attach(const YAML::Mark& mark, std::size_t index) {
    if (open_.empty()) {
      root_ = index;
      root_mark_ = mark;
      return;
    }
    Frame& frame = open_.back();
    Node& parent = nodes_[frame.node];
    if (parent.is_sequence) {
      parent.items.push_back(index);
      parent.marks.push_back(mark);
      Grow(parent, nodes_[index], 0);
      return;
    }
    const std::string key = std::move(*frame.key);
    frame.key.reset();
    if (frame.key_is_merge) {
      Merge(mark, index);
    } else {
      SetMember(key, frame.key_mark, index, /*merged=*/false);
    }
  }

  static void Grow(Node& parent, const Node& child, std::size_t key_bytes) {
    parent.nodes += child.nodes;
    parent.bytes += child.bytes + key_bytes;
    parent.height = std::max(parent.height, child.height + 1);
  }

  void SetMember(const std::string& key, const YAML::Mark& mark, std::size_t index, bool merged) {
    Frame& frame = open_.back();
    Node& parent = nodes_[frame.node];
    const auto [position, inserted] = frame.positions.try_emplace(key, parent.items.size(), merged);
    if (inserted) {
      parent.keys.push_back(key);
      parent.items.push_back(index);
      parent.marks.push_back(mark);
    } else {
      if (merged) return;  // the earlier map of a merge list wins
      parent.items[position->second.first] = index;
      parent.marks[position->second.first] = mark;
      position->second.second = false;
    }
    // An overridden value stays counted: a limit may be strict, never lax.
    Grow(parent, nodes_[index], key.size());
  }

  void Merge(const YAML::Mark& mark, std::size_t index) {
    const auto merge_one = [this, &mark](std::size_t source) {
      if (!nodes_[source].is_map) {
        throw YamlError{mark, "a merge key (<<) needs a map or a list of maps"};
      }
      Count(mark, nodes_[source].nodes, nodes_[source].bytes);
      for (std::size_t i = 0; i < nodes_[source].items.size(); ++i) {
        SetMember(nodes_[source].keys[i], mark, nodes_[source].items[i], /*merged=*/true);
      }
    };
    if (nodes_[index].is_sequence) {
      for (const std::size_t source : nodes_[index].items) merge_one(source);
    } else {
      merge_one(index);
    }
  }

  void Count(const YAML::Mark& mark, std::size_t nodes, std::size_t bytes) {
    total_nodes_ += nodes;
    total_bytes_ += bytes;
    if (total_nodes_ > kMaxYamlNodes) {
      throw YamlError{mark, "more than " + std::to_string(kMaxYamlNodes) +
                                " values, counting what each alias expands to"};
    }
    if (total_bytes_ > kMaxExpandedBytes) {
      throw YamlError{mark, "more than " + std::to_string(kMaxExpandedBytes >> 20) +
                                " MiB of text, counting what each alias expands to"};
    }
  }

  std::deque<Node> nodes_;  // never moves a node while it grows
  std::map<YAML::anchor_t, std::size_t> anchors_;
  std::vector<Frame> open_;
  std::optional<std::size_t> root_;
  YAML::Mark root_mark_;
  std::vector<Root> documents_;
  std::size_t total_nodes_ = 0;
  std::size_t total_bytes_ = 0;
};

class NullHandler final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}
};

void Drive(std::string_view text, YAML::EventHandler& handler) {
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(handler)) {
  }
}

// yaml-cpp overlooks that a quoted scalar has no end when the text ends after a line break in it.
// The same text without that line break tells. For text that was parsed before.
void CheckLastQuote(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos || end + 1 == text.size()) return;
  if (text.find_first_of("\"'") == std::string_view::npos) return;
  NullHandler handler;
  try {
    Drive(text.substr(0, end + 1), handler);
  } catch (const YAML::Exception& error) {
    if (error.msg == YAML::ErrorMsg::EOF_IN_SCALAR) throw;
  }
}

void AppendJsonString(std::string& out, const std::string& text) { out += Json(text).dump(); }

// At most kMaxYamlDepth calls deep.
void AppendJson(std::string& out, const TreeBuilder& tree, const Node& node) {
  if (node.is_map || node.is_sequence) {
    out += node.is_map ? '{' : '[';
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (i > 0) out += ',';
      if (node.is_map) {
        AppendJsonString(out, node.keys[i]);
        out += ':';
      }
      AppendJson(out, tree, tree.node(node.items[i]));
    }
    out += node.is_map ? '}' : ']';
  } else if (node.kind == ScalarKind::kString) {
    AppendJsonString(out, node.text);
  } else {
    out += node.text;
  }
}

// At most kMaxYamlDepth calls deep, and never larger than what the limits allow.
SourceMap::Place PlaceOf(const TreeBuilder& tree, const Node& node, const YAML::Mark& mark,
                         int first_line) {
  SourceMap::Place place;
  if (mark.line >= 0) place.position = {mark.line + first_line, mark.column + 1};
  place.is_map = node.is_map;
  place.keys = node.keys;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    place.items.push_back(PlaceOf(tree, tree.node(node.items[i]), node.marks[i], first_line));
  }
  return place;
}

// kubectl reads a text that begins with a brace as JSON if it can. The two differ in one respect
// that matters: YAML has no surrogate pairs ("\ud83d\ude00"). Nothing when this is no JSON.
std::optional<Result<JsonDocument>> ParseIfJson(std::string_view text) {
  if (!TrimSpace(text).starts_with('{')) return std::nullopt;
  Result<JsonDocument> document = JsonDocument::Parse(text);
  if (!document.ok()) return std::nullopt;
  if (const auto path = FindDuplicateKey(document->root())) {
    return Status(StatusCode::kBadRequest, "not valid JSON: duplicate key " + *path);
  }
  return document;
}

// Calls `visit` with each document as JSON and with its root. Errors as ParseYamlDocuments.
template <typename Visit>
Status VisitDocuments(std::string_view text, int first_line, Visit visit) {
  if (const auto problem = FindUnreadableText(text)) {
    return AtMark(first_line, problem->line, problem->column, problem->message);
  }
  try {
    TreeBuilder tree;
    Drive(text, tree);
    CheckLastQuote(text);
    for (const TreeBuilder::Root& root : tree.documents()) {
      std::string json;
      AppendJson(json, tree, tree.node(root.node));
      Result<JsonDocument> document = JsonDocument::Parse(json);
      if (!document.ok()) return document.status();
      visit(std::move(document).value(), tree, root);
    }
    return Status::Ok();
  } catch (const YamlError& error) {
    return AtMark(first_line, error.mark.line, error.mark.column, error.message);
  } catch (const YAML::Exception& error) {
    return AtMark(first_line, error.mark.line, error.mark.column, error.msg);
  } catch (const std::exception& error) {
    return {StatusCode::kBadRequest, std::string("not valid YAML: ") + error.what()};
  }
}

Status CheckSize(std::string_view text) {
  if (text.size() <= kMaxYamlBytes) return Status::Ok();
  return {StatusCode::kBadRequest,
          "YAML is larger than " + std::to_string(kMaxYamlBytes >> 20) + " MiB"};
}

}  // namespace

Result<std::vector<JsonDocument>> ParseYamlDocuments(std::string_view text) {
  if (Status size = CheckSize(text); !size.ok()) return size;
  std::vector<JsonDocument> documents;
  if (auto json = ParseIfJson(text)) {
    if (!json->ok()) return json->status();
    documents.push_back(std::move(**json));
    return documents;
  }
  Status status = VisitDocuments(
      text, /*first_line=*/1,
      [&documents](JsonDocument document, const TreeBuilder&, const TreeBuilder::Root&) {
        documents.push_back(std::move(document));
      });
  if (!status.ok()) return status;
  return documents;
}

Result<std::vector<LocatedDocument>> ParseLocatedYaml(std::string_view text, int first_line) {
  if (Status size = CheckSize(text); !size.ok()) return size;
  std::vector<LocatedDocument> documents;
  if (auto json = ParseIfJson(text)) {
    if (!json->ok()) return json->status();
    documents.push_back({std::move(**json), MapJsonSource(text, first_line)});
    return documents;
  }
  Status status = VisitDocuments(
      text, first_line,
      [&](JsonDocument document, const TreeBuilder& tree, const TreeBuilder::Root& root) {
        documents.push_back({std::move(document), SourceMap(PlaceOf(tree, tree.node(root.node),
                                                                    root.mark, first_line))});
      });
  if (!status.ok()) return status;
  return documents;
}

Result<JsonDocument> ParseYaml(std::string_view text) {
  Result<std::vector<JsonDocument>> documents = ParseYamlDocuments(text);
  if (!documents.ok()) return documents.status();
  if (documents->empty()) {
    return Status(StatusCode::kBadRequest, "not valid YAML: there is no document in it");
  }
  if (documents->size() > 1) {
    return Status(StatusCode::kBadRequest,
                  "expected one YAML document, found " + std::to_string(documents->size()));
  }
  return std::move(documents->front());
}

}  // namespace stockade::codec
