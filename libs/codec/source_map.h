#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stockade::codec {

// A place in a text, from 1; columns count bytes. Zero when it is not known.
struct TextPosition {
  int line = 0;
  int column = 0;

  [[nodiscard]] bool known() const { return line > 0; }
  bool operator==(const TextPosition&) const = default;
};

// Where each value of one document stands in the text that it was read from: a member of an object
// where its key begins, an element of a list where it begins itself. What comes from an alias or a
// merge key stands where that is written. A plain value; it does not hold the text.
class SourceMap {
 public:
  SourceMap() = default;

  // One value, and those inside it.
  struct Place {
    TextPosition position;
    bool is_map = false;
    std::vector<std::string> keys;  // of a map, one for each item
    std::vector<Place> items;
  };
  explicit SourceMap(Place root) : root_(std::move(root)) {}

  // The position of the value at a path as findings write it, "spec.mounts[0].name" or
  // "metadata.labels[example.com/app]". Where the document ends before the path does, as it does
  // for a field that is missing, the innermost value on the way. A key may itself hold dots.
  [[nodiscard]] TextPosition Locate(std::string_view path) const;

 private:
  Place root_;
};

// The places of a text that is valid JSON, nested at most kMaxJsonDepth deep. `first_line` is the
// number of its first line.
[[nodiscard]] SourceMap MapJsonSource(std::string_view json, int first_line = 1);

}  // namespace stockade::codec
