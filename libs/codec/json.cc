#include "codec/json.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <tuple>
#include <vector>

namespace stockade::codec {

class Element {
 public:
  static simdjson::dom::element Of(const JsonView& view) {
    return std::bit_cast<simdjson::dom::element>(Words{view.document_, view.position_});
  }
  static JsonView View(simdjson::dom::element element) {
    const auto words = std::bit_cast<Words>(element);
    JsonView view;
    view.document_ = words.document;
    // simdjson takes no document of 4 GiB.
    view.position_ = static_cast<std::uint32_t>(words.position);
    view.kind_ = KindOf(element.type());
    return view;
  }

 private:
  static JsonView::Kind KindOf(simdjson::dom::element_type type) {
    using Type = simdjson::dom::element_type;
    using Kind = JsonView::Kind;
    switch (type) {
      case Type::OBJECT:
        return Kind::kObject;
      case Type::ARRAY:
        return Kind::kArray;
      case Type::STRING:
        return Kind::kString;
      case Type::BOOL:
        return Kind::kBool;
      case Type::NULL_VALUE:
        return Kind::kNull;
      default:
        return Kind::kNumber;
    }
  }

  // The only members of simdjson::internal::tape_ref, which is the only one of dom::element.
  struct Words {
    const simdjson::dom::document* document;
    std::size_t position;
  };
  static_assert(std::is_trivially_copyable_v<simdjson::dom::element>);
  static_assert(offsetof(simdjson::internal::tape_ref, doc) == offsetof(Words, document));
  static_assert(offsetof(simdjson::internal::tape_ref, json_index) == offsetof(Words, position));
};

namespace {

// Up to so many keys are compared with each other, which needs no memory.
constexpr std::size_t kFewKeys = 16;

// One of 64 bits, by length and ends: keys whose bits differ are different.
std::uint64_t KeyBit(std::string_view key) {
  if (key.empty()) return 1;
  const std::size_t first = static_cast<unsigned char>(key.front());
  const std::size_t last = static_cast<unsigned char>(key.back());
  return std::uint64_t{1} << ((key.size() * 7 + first * 3 + last * 5) % 64);
}

// Changes the order of `keys`.
std::optional<std::string_view> FirstDuplicate(std::span<std::string_view> keys) {
  if (keys.size() <= kFewKeys) {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::uint64_t bit = KeyBit(keys[i]);
      const auto end = keys.begin() + static_cast<std::ptrdiff_t>(i);
      if ((seen & bit) != 0 && std::find(keys.begin(), end, keys[i]) != end) return keys[i];
      seen |= bit;
    }
    return std::nullopt;
  }
  std::ranges::sort(keys);
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice == keys.end()) return std::nullopt;
  return *twice;
}

// Puts the path from `value` down to a key that stands twice into `found`, if there is one. Paths
// are made on the way back alone: nearly every document has none. `keys` is a stack with those of
// the objects around; each value leaves it as it was.
void FindDuplicateKeyIn(JsonView value, std::vector<std::string_view>& keys, std::string& found) {
  const auto look = [&](const auto& step, JsonView below) {
    if (!found.empty() || !below.IsObjectOrArray()) return;
    FindDuplicateKeyIn(below, keys, found);
    if (!found.empty()) found = step() + (found.starts_with('[') ? "" : ".") + found;
  };
  const std::size_t begin = keys.size();
  value.ForEachMember([&](std::string_view key, JsonView member) {
    keys.push_back(key);
    look([key] { return std::string(key); }, member);
  });
  if (found.empty()) {
    if (const auto twice = FirstDuplicate(std::span(keys).subspan(begin))) {
      found = twice->empty() ? "\"\"" : std::string(*twice);
    }
  }
  keys.resize(begin);
  value.ForEachElement([&](std::size_t index, JsonView element) {
    look([index] { return "[" + std::to_string(index) + "]"; }, element);
  });
}

struct Member {
  std::string_view key;
  std::size_t position;
  JsonView value;
};

void AppendCanonical(JsonView value, std::string& out) {
  if (value.IsObject()) {
    std::vector<Member> members;
    value.ForEachMember([&members](std::string_view key, JsonView member) {
      members.push_back({key, members.size(), member});
    });
    // Of a key that stands twice the first one counts, as everywhere.
    const auto in_order = [](const Member& a, const Member& b) {
      return std::tie(a.key, a.position) < std::tie(b.key, b.position);
    };
    if (!std::ranges::is_sorted(members, in_order)) std::ranges::sort(members, in_order);
    out += '{';
    const std::string_view* before = nullptr;
    for (const Member& member : members) {
      if (before != nullptr && *before == member.key) continue;
      if (before != nullptr) out += ',';
      AppendQuoted(member.key, out);
      out += ':';
      AppendCanonical(member.value, out);
      before = &member.key;
    }
    out += '}';
  } else if (value.IsArray()) {
    out += '[';
    value.ForEachElement([&out](std::size_t index, JsonView element) {
      if (index > 0) out += ',';
      AppendCanonical(element, out);
    });
    out += ']';
  } else if (const auto text = value.AsString()) {
    AppendQuoted(*text, out);
  } else {
    out += value.ToJson().dump();
  }
}

}  // namespace

void AppendQuoted(std::string_view text, std::string& out) {
  const bool plain = std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
  });
  if (plain) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += Json(text).dump();
  }
}

void JsonView::VisitMembers(void (*call)(void*, std::string_view, JsonView), void* function) const {
  for (const auto& member : simdjson::dom::object(Element::Of(*this))) {
    call(function, member.key, Element::View(member.value));
  }
}

void JsonView::VisitElements(void (*call)(void*, std::size_t, JsonView), void* function) const {
  std::size_t index = 0;
  for (const simdjson::dom::element value : simdjson::dom::array(Element::Of(*this))) {
    call(function, index++, Element::View(value));
  }
}

std::string_view JsonView::Text() const {
  std::string_view text;
  std::ignore = Element::Of(*this).get_string().get(text);
  return text;
}

std::optional<bool> JsonView::AsBool() const {
  bool flag = false;
  if (IsBool() && Element::Of(*this).get_bool().get(flag) == simdjson::SUCCESS) return flag;
  return std::nullopt;
}

std::optional<std::int64_t> JsonView::AsInt() const {
  if (!IsNumber()) return std::nullopt;
  const simdjson::dom::element element = Element::Of(*this);
  std::int64_t number = 0;
  if (element.is_int64() && element.get_int64().get(number) == simdjson::SUCCESS) return number;
  return std::nullopt;
}

std::optional<double> JsonView::AsDouble() const {
  double number = 0;
  if (IsNumber() && Element::Of(*this).get_double().get(number) == simdjson::SUCCESS) return number;
  return std::nullopt;
}

JsonView JsonView::Member(std::string_view key) const {
  simdjson::dom::element value;
  if (simdjson::dom::object(Element::Of(*this)).at_key(key).get(value) != simdjson::SUCCESS) {
    return {};
  }
  return Element::View(value);
}

std::size_t JsonView::size() const {
  // Counted by hand: simdjson saturates its own counts at 2^24 - 1.
  std::size_t count = 0;
  ForEachMember([&count](std::string_view, JsonView) { ++count; });
  ForEachElement([&count](std::size_t, JsonView) { ++count; });
  return count;
}

Json JsonView::ToJson() const {
  if (IsUnset()) return nullptr;
  if (IsObject()) {
    Json result = Json::object();
    ForEachMember([&result](std::string_view key, JsonView value) {
      result.emplace(std::string(key), value.ToJson());
    });
    return result;
  }
  if (IsArray()) {
    Json result = Json::array();
    ForEachElement([&result](std::size_t, JsonView value) { result.push_back(value.ToJson()); });
    return result;
  }
  if (const auto text = AsString()) return Json(*text);
  if (const auto flag = AsBool()) return Json(*flag);
  if (const auto number = AsInt()) return Json(*number);
  const simdjson::dom::element element = Element::Of(*this);
  if (element.is_uint64()) return Json(element.get_uint64().value_unsafe());
  return Json(AsDouble().value_or(0));
}

std::string JsonView::Dump() const {
  if (!exists()) return "null";
  return simdjson::minify(Element::Of(*this));
}

std::string JsonView::Canonical() const {
  std::string text;
  AppendCanonical(*this, text);
  return text;
}

Result<JsonDocument> JsonDocument::Parse(std::string_view text) {
  // The parser's scratch memory is kept for each thread; a document owns all that its views need.
  thread_local simdjson::dom::parser parser;
  if (parser.max_depth() != kMaxJsonDepth) {
    if (parser.allocate(std::max<std::size_t>(text.size(), 4096), kMaxJsonDepth) !=
        simdjson::SUCCESS) {
      return Status(StatusCode::kInternal, "out of memory for the JSON parser");
    }
  }
  std::unique_ptr<simdjson::dom::document, Delete> document(new simdjson::dom::document);
  const auto result = parser.parse_into_document(
      *document, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), true);
  switch (result.error()) {
    case simdjson::SUCCESS:
      return JsonDocument(std::move(document));
    case simdjson::DEPTH_ERROR:
      return Status(StatusCode::kBadRequest,
                    "JSON is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
    case simdjson::EMPTY:
      return Status(StatusCode::kBadRequest, "no JSON: the text is empty");
    default:
      return Status(StatusCode::kBadRequest,
                    std::string("not valid JSON: ") + simdjson::error_message(result.error()));
  }
}

JsonView JsonDocument::root() const { return Element::View(document_->root()); }

void JsonDocument::Delete::operator()(simdjson::dom::document* document) const { delete document; }

std::optional<std::string> FindDuplicateKey(JsonView root) {
  std::vector<std::string_view> keys;
  std::string found;
  FindDuplicateKeyIn(root, keys, found);
  if (found.empty()) return std::nullopt;
  return found;
}

JsonDocument ParseTrusted(const Json& value) {
  auto document = JsonDocument::Parse(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!document.ok()) std::abort();
  return std::move(document).value();
}

}  // namespace stockade::codec
