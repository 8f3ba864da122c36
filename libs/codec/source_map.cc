#include "codec/source_map.h"

#include <charconv>
#include <optional>
#include <utility>

#include "codec/json.h"

namespace stockade::codec {
namespace {

using Place = SourceMap::Place;

struct Step {
  std::size_t item = 0;
  std::size_t length = 0;  // of the path that it takes
};

// The member whose key the path goes on with: of keys that both fit, as "a" and "a.b" do, the
// longer.
std::optional<Step> StepIntoMap(const Place& place, std::string_view path) {
  const bool bracket = path.front() == '[';
  const std::size_t skipped = bracket || path.front() == '.' ? 1 : 0;
  const std::string_view rest = path.substr(skipped);
  std::optional<Step> best;
  for (std::size_t i = 0; i < place.keys.size(); ++i) {
    const std::string_view key = place.keys[i];
    if (!rest.starts_with(key)) continue;
    const std::string_view after = rest.substr(key.size());
    const bool ends = bracket ? after.starts_with(']')
                              : after.empty() || after.front() == '.' || after.front() == '[';
    const std::size_t length = skipped + key.size() + (bracket ? 1 : 0);
    if (ends && (!best || length > best->length)) best = Step{i, length};
  }
  return best;
}

std::optional<Step> StepIntoList(const Place& place, std::string_view path) {
  const std::size_t end = path.find(']');
  if (path.front() != '[' || end == std::string_view::npos) return std::nullopt;
  std::size_t index = 0;
  const auto [stop, error] = std::from_chars(path.data() + 1, path.data() + end, index);
  if (error != std::errc() || stop != path.data() + end) return std::nullopt;
  if (index >= place.items.size()) return std::nullopt;
  return Step{index, end + 1};
}

// Walks a text that is known to be JSON.
class JsonWalk {
 public:
  JsonWalk(std::string_view text, int first_line) : text_(text), line_(first_line) {}

  Place Value() {
    SkipSpace();
    Place place;
    place.position = Here();
    const char first = Peek();
    if (first == '{' || first == '[') {
      Collection(place, first == '{');
    } else if (first == '"') {
      String();
    } else {
      while (at_ < text_.size() && !IsEnd(Peek())) Advance();
    }
    return place;
  }

 private:
  static bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool IsEnd(char c) { return IsSpace(c) || c == ',' || c == ']' || c == '}'; }

  [[nodiscard]] char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] TextPosition Here() const {
    return {line_, static_cast<int>(at_ - line_start_) + 1};
  }
  void Advance() {
    if (at_ >= text_.size()) return;
    if (text_[at_++] == '\n') {
      ++line_;
      line_start_ = at_;
    }
  }
  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) Advance();
  }

  void Collection(Place& place, bool is_map) {
    place.is_map = is_map;
    Advance();
    for (SkipSpace(); at_ < text_.size() && Peek() != '}' && Peek() != ']'; SkipSpace()) {
      if (Peek() == ',') {
        Advance();
        continue;
      }
      const TextPosition start = Here();
      if (is_map) {
        place.keys.push_back(String());
        SkipSpace();
        if (Peek() != ':') return;
        Advance();
      }
      place.items.push_back(Value());
      if (is_map) place.items.back().position = start;
    }
    Advance();
  }

  // The string that begins here.
  std::string String() {
    const std::size_t start = at_;
    Advance();
    while (at_ < text_.size() && Peek() != '"') {
      if (Peek() == '\\') Advance();
      Advance();
    }
    Advance();
    const std::string_view raw = text_.substr(start, at_ - start);
    const Json value = Json::parse(raw, nullptr, /*allow_exceptions=*/false);
    return value.is_string() ? value.get<std::string>() : std::string(raw);
  }

  std::string_view text_;
  int line_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
};

}  // namespace

TextPosition SourceMap::Locate(std::string_view path) const {
  const Place* place = &root_;
  while (!path.empty()) {
    const auto step = place->is_map ? StepIntoMap(*place, path) : StepIntoList(*place, path);
    if (!step) break;
    place = &place->items[step->item];
    path.remove_prefix(step->length);
  }
  return place->position;
}

SourceMap MapJsonSource(std::string_view json, int first_line) {
  return SourceMap(JsonWalk(json, first_line).Value());
}

}  // namespace stockade::codec
