#include "codec/json.h"

#include <cstdlib>
#include <set>

namespace stockade::codec {
namespace {

std::optional<std::string> FindDuplicateKeyAt(JsonView value, const std::string& path) {
  std::optional<std::string> found;
  std::set<std::string_view> seen;
  value.ForEachMember([&](std::string_view key, JsonView member) {
    if (found) return;
    const std::string member_path = path.empty() ? std::string(key) : path + "." + std::string(key);
    if (!seen.insert(key).second) {
      found = member_path;
      return;
    }
    found = FindDuplicateKeyAt(member, member_path);
  });
  value.ForEachElement([&](std::size_t index, JsonView element) {
    if (!found) found = FindDuplicateKeyAt(element, path + "[" + std::to_string(index) + "]");
  });
  return found;
}

}  // namespace

std::optional<std::string_view> JsonView::AsString() const {
  std::string_view text;
  if (element_ && element_->get_string().get(text) == simdjson::SUCCESS) return text;
  return std::nullopt;
}

std::optional<bool> JsonView::AsBool() const {
  bool flag = false;
  if (element_ && element_->get_bool().get(flag) == simdjson::SUCCESS) return flag;
  return std::nullopt;
}

std::optional<std::int64_t> JsonView::AsInt() const {
  std::int64_t number = 0;
  if (element_ && element_->is_int64() && element_->get_int64().get(number) == simdjson::SUCCESS) {
    return number;
  }
  return std::nullopt;
}

std::optional<double> JsonView::AsDouble() const {
  double number = 0;
  if (element_ && element_->get_double().get(number) == simdjson::SUCCESS) return number;
  return std::nullopt;
}

JsonView JsonView::operator[](std::string_view key) const {
  if (!IsObject()) return {};
  simdjson::dom::element value;
  if (simdjson::dom::object(*element_).at_key(key).get(value) != simdjson::SUCCESS) return {};
  return JsonView(value);
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
  if (element_->is_uint64()) return Json(element_->get_uint64().value_unsafe());
  return Json(AsDouble().value_or(0));
}

std::string JsonView::Dump() const {
  if (!element_) return "null";
  return simdjson::minify(*element_);
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
  auto document = std::make_unique<simdjson::dom::document>();
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

JsonView JsonDocument::root() const { return JsonView(document_->root()); }

std::optional<std::string> FindDuplicateKey(JsonView root) { return FindDuplicateKeyAt(root, ""); }

JsonDocument ParseTrusted(const Json& value) {
  auto document = JsonDocument::Parse(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!document.ok()) std::abort();
  return std::move(document).value();
}

}  // namespace stockade::codec
