#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/status.h"

// The parser stays out of this header, which nearly every source includes: reading simdjson.h takes
// a compiler longer than most of those sources themselves.
namespace simdjson::dom {
class document;
}  // namespace simdjson::dom

namespace stockade::codec {

// JSON that we build and edit. Objects keep their keys sorted, so dump() is a canonical form:
// equal values give equal text.
using Json = nlohmann::json;

// Deepest nesting that a document may have. The deepest Kubernetes object, a Pod's managedFields
// inside an AdmissionReview, stays under 40.
inline constexpr std::size_t kMaxJsonDepth = 128;

// A read-only view of one value of a JsonDocument: two words, free to copy, valid as long as the
// document is. A default-constructed view is "missing", and every question to it has an answer:
// look-ups on a missing view, or on a value of another kind, give a missing view.
class JsonView {
  // Known from the start, so that most questions need no look at the document.
  enum class Kind : std::uint8_t { kMissing, kNull, kBool, kNumber, kString, kArray, kObject };

 public:
  JsonView() = default;

  [[nodiscard]] bool exists() const { return kind_ != Kind::kMissing; }
  // Missing or null: what Kubernetes means by unset.
  [[nodiscard]] bool IsUnset() const { return !exists() || IsNull(); }
  [[nodiscard]] bool IsNull() const { return kind_ == Kind::kNull; }
  [[nodiscard]] bool IsObject() const { return kind_ == Kind::kObject; }
  [[nodiscard]] bool IsArray() const { return kind_ == Kind::kArray; }
  [[nodiscard]] bool IsObjectOrArray() const { return IsObject() || IsArray(); }
  [[nodiscard]] bool IsString() const { return kind_ == Kind::kString; }
  [[nodiscard]] bool IsBool() const { return kind_ == Kind::kBool; }
  [[nodiscard]] bool IsNumber() const { return kind_ == Kind::kNumber; }

  // The value when it is of that kind.
  [[nodiscard]] std::optional<std::string_view> AsString() const {
    return IsString() ? std::optional(Text()) : std::nullopt;
  }
  [[nodiscard]] std::optional<bool> AsBool() const;
  [[nodiscard]] std::optional<std::int64_t> AsInt() const;  // integers only, 1.0 is not one
  [[nodiscard]] std::optional<double> AsDouble() const;

  // The string, or "" when this is no string.
  [[nodiscard]] std::string_view StringOrEmpty() const {
    return IsString() ? Text() : std::string_view();
  }
  // True only for the literal true.
  [[nodiscard]] bool IsTrue() const { return AsBool().value_or(false); }

  // The member of an object (its first of that name), or a missing view.
  [[nodiscard]] JsonView operator[](std::string_view key) const {
    return IsObject() ? Member(key) : JsonView();
  }
  // Members or elements of an object or array; 0 for anything else.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }

  // Calls f(std::string_view key, JsonView value) for each member of an object.
  template <typename F>
  void ForEachMember(F&& f) const {
    if (!IsObject()) return;
    VisitMembers(
        [](void* function, std::string_view key, JsonView value) {
          (*static_cast<std::remove_reference_t<F>*>(function))(key, value);
        },
        Address(f));
  }
  // Calls f(std::size_t index, JsonView value) for each element of an array.
  template <typename F>
  void ForEachElement(F&& f) const {
    if (!IsArray()) return;
    VisitElements(
        [](void* function, std::size_t index, JsonView value) {
          (*static_cast<std::remove_reference_t<F>*>(function))(index, value);
        },
        Address(f));
  }

  // A copy that can be edited, and the compact text in the order of the source.
  [[nodiscard]] Json ToJson() const;
  [[nodiscard]] std::string Dump() const;
  // The compact text with sorted keys: what ToJson().dump() gives, at a fraction of the cost.
  [[nodiscard]] std::string Canonical() const;

 private:
  friend class JsonDocument;
  friend class Element;  // in json.cc: the conversions from and to simdjson's element

  // Of a string, of an object, and of an array.
  [[nodiscard]] std::string_view Text() const;
  [[nodiscard]] JsonView Member(std::string_view key) const;
  void VisitMembers(void (*call)(void*, std::string_view, JsonView), void* function) const;
  void VisitElements(void (*call)(void*, std::size_t, JsonView), void* function) const;

  // The address of a function object, be it const or not, that a visit calls with it.
  template <typename F>
  static void* Address(F& f) {
    return const_cast<void*>(static_cast<const void*>(std::addressof(f)));
  }

  // What simdjson's element is made of: a document, of less than 4 GiB, and the position in it.
  const simdjson::dom::document* document_ = nullptr;
  std::uint32_t position_ = 0;
  Kind kind_ = Kind::kMissing;
};

// A parsed document that owns what its views read. Move-only; views stay valid across a move.
class JsonDocument {
 public:
  // Parses strictly: one value, valid UTF-8, depth of at most kMaxJsonDepth. BadRequest tells what
  // is wrong. Costs about 0.4 microseconds a kilobyte.
  static Result<JsonDocument> Parse(std::string_view text);

  [[nodiscard]] JsonView root() const;

 private:
  struct Delete {
    void operator()(simdjson::dom::document* document) const;
  };
  explicit JsonDocument(std::unique_ptr<simdjson::dom::document, Delete> document)
      : document_(std::move(document)) {}

  std::unique_ptr<simdjson::dom::document, Delete> document_;
};

// Appends the text, which is UTF-8, as a JSON string.
void AppendQuoted(std::string_view text, std::string& out);

// A path such as "spec.mounts[0].name" for each key that stands twice in an object of the
// document; parsers disagree on which one counts, so input of people must have none.
[[nodiscard]] std::optional<std::string> FindDuplicateKey(JsonView root);

// A document from text that was built by this program; terminates when it is no JSON.
[[nodiscard]] JsonDocument ParseTrusted(const Json& value);

}  // namespace stockade::codec
