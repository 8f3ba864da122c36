#include "render/edit.h"

#include <utility>

namespace stockade::render {
namespace {

const codec::Json kNull;

bool IsZero(const codec::Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_number() && value == 0);
}

}  // namespace

void SetDefault(codec::Json& object, const char* key, codec::Json value) {
  codec::Json& member = object[key];
  if (member.is_null()) member = std::move(value);
}

void SetDefaultForZero(codec::Json& object, const char* key, codec::Json value) {
  codec::Json& member = object[key];
  if (IsZero(member)) member = std::move(value);
}

const codec::Json& Member(const codec::Json& value, const char* key) {
  if (!value.is_object()) return kNull;
  const auto member = value.find(key);
  return member == value.end() ? kNull : *member;
}

codec::Json* MutableObject(codec::Json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto member = value.find(key);
  return member != value.end() && member->is_object() ? &*member : nullptr;
}

codec::Json* MutableArray(codec::Json& value, const char* key) {
  if (!value.is_object()) return nullptr;
  const auto member = value.find(key);
  return member != value.end() && member->is_array() ? &*member : nullptr;
}

std::string_view StringMember(const codec::Json& value, const char* key) {
  const codec::Json& member = Member(value, key);
  return member.is_string() ? std::string_view(member.get_ref<const std::string&>())
                            : std::string_view();
}

codec::Json& ObjectMember(codec::Json& object, const char* key) {
  codec::Json& member = object[key];
  if (!member.is_object()) member = codec::Json::object();
  return member;
}

void DropNulls(codec::Json& value) {
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end();) {
      if (member->is_null()) {
        member = value.erase(member);
      } else {
        DropNulls(*member);
        ++member;
      }
    }
  } else if (value.is_array()) {
    for (codec::Json& element : value) DropNulls(element);
  }
}

Result<api::Quantity> ReadQuantity(const codec::Json& value) {
  if (value.is_string()) return api::Quantity::Parse(value.get_ref<const std::string&>());
  if (value.is_number()) return api::Quantity::Parse(value.dump());
  return Status(StatusCode::kBadRequest, "must be a quantity: a string such as 500m or 1Gi");
}

void CanonicalizeQuantity(codec::Json& value) {
  const auto quantity = ReadQuantity(value);
  if (quantity.ok()) value = quantity->ToString();
}

void CanonicalizeResourceList(codec::Json& list) {
  if (!list.is_object()) return;
  for (codec::Json& value : list) {
    const auto quantity = ReadQuantity(value);
    if (quantity.ok()) value = quantity->RoundedUpToMilli().ToString();
  }
}

}  // namespace stockade::render
